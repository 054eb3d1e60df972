//! Times [`vizsla_features::Sift`] on image files and writes what it found, for `benches/sift`.
//!
//! `sift_bench [--budget N] [--repeat R] [--threads T] [--plain] [--strongest] [--dump DIR] FILE…` prints one JSON
//! object. `--plain` is SIFT instead of RootSIFT, `--strongest` switches the spreading of the budget off. With
//! `--dump`, `DIR/<n>.bin` receives the features of the n-th file, little-endian: the count as u32, per feature
//! x, y, scale, angle, response as f32, then the descriptors as 128 bytes each.

use std::path::PathBuf;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use vizsla_features::{Features, Sift, SiftConfig};
use vizsla_pixels::{DecodeOptions, Gray, ScaleSpace, ScaleSpaceConfig, read_gray};

type Failure = Box<dyn std::error::Error>;

struct Options {
    sift: SiftConfig,
    repeat: usize,
    threads: usize,
    dump: Option<PathBuf>,
    files: Vec<PathBuf>,
}

fn options() -> Result<Options, Failure> {
    let mut options = Options {
        sift: SiftConfig::default(),
        repeat: 1,
        threads: 1,
        dump: None,
        files: Vec::new(),
    };
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || -> Result<usize, Failure> {
            let value = arguments.next().ok_or("an option lacks its value")?;
            Ok(value.to_string_lossy().parse()?)
        };
        match argument.to_str() {
            Some("--budget") => options.sift.budget = number()?,
            Some("--repeat") => options.repeat = number()?.max(1),
            Some("--threads") => options.threads = number()?.max(1),
            Some("--plain") => options.sift.root = false,
            Some("--strongest") => options.sift.spread = false,
            Some("--dump") => {
                options.dump = Some(arguments.next().ok_or("--dump lacks its value")?.into());
            }
            _ => options.files.push(argument.into()),
        }
    }
    Ok(options)
}

fn main() -> Result<(), Failure> {
    let options = options()?;
    let images = options
        .files
        .iter()
        .map(|file| Ok(read_gray(file, &DecodeOptions::default())?.image))
        .collect::<Result<Vec<Gray>, Failure>>()?;
    let sift = Sift::new(options.sift);
    if let Some(folder) = &options.dump {
        for (n, image) in images.iter().enumerate() {
            fs_err::write(
                folder.join(format!("{n}.bin")),
                encode(&sift.extract(image)),
            )?;
        }
        return Ok(());
    }
    let megapixels: f64 = images
        .iter()
        .map(|i| (i.width() * i.height()) as f64)
        .sum::<f64>()
        / 1e6;
    let warm: usize = images.iter().map(|image| sift.extract(image).len()).sum();
    let walls: Vec<String> = (0..options.repeat)
        .map(|_| format!("{:.3}", wall_ms(&sift, &images, options.threads)))
        .collect();
    let cpu: Vec<String> = (0..options.repeat)
        .filter_map(|_| pass_cpu_ms(&sift, &images))
        .map(|ms| format!("{ms:.3}"))
        .collect();
    let (stages, pyramid) = stage_ms(&sift, &images);
    println!(
        "{{\"megapixels\": {megapixels:.4}, \"images\": {}, \"features\": {warm}, \"threads\": {}, \
         \"wall_ms\": [{}], \"cpu_ms\": [{}], \"stage_ms\": {{\"scale_space\": {pyramid:.3}, {stages}}}}}",
        images.len(),
        options.threads,
        walls.join(", "),
        cpu.join(", "),
    );
    Ok(())
}

/// Time over all images, which the threads take one by one. Every thread has seen the largest image before the clock starts, as the
/// threads of a program that goes through a folder have.
fn wall_ms(sift: &Sift, images: &[Gray], threads: usize) -> f64 {
    let largest = images.iter().max_by_key(|image| image.data().len());
    let ready = Barrier::new(threads);
    let next = AtomicUsize::new(0);
    let work = || {
        if threads > 1 {
            std::hint::black_box(largest.map(|image| sift.extract(image)));
        }
        ready.wait();
        let start = Instant::now();
        while let Some(image) = images.get(next.fetch_add(1, Ordering::Relaxed)) {
            std::hint::black_box(sift.extract(image));
        }
        start.elapsed().as_secs_f64() * 1e3
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        let joined = others.into_iter().filter_map(|thread| thread.join().ok());
        joined.fold(own, f64::max)
    })
}

/// Processor time of this thread so far, ms; it does not count the time that other programs take, which wall time
/// does. `None` where the system does not tell.
fn cpu_ms() -> Option<f64> {
    let text = fs_err::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(text.split(' ').next()?.parse::<f64>().ok()? / 1e6)
}

/// Processor time of one pass over all images on this thread, ms.
fn pass_cpu_ms(sift: &Sift, images: &[Gray]) -> Option<f64> {
    let start = cpu_ms()?;
    for image in images {
        std::hint::black_box(sift.extract(image));
    }
    Some(cpu_ms()? - start)
}

/// One pass on one thread, split into stages; the scale space alone is built once more without a detector.
fn stage_ms(sift: &Sift, images: &[Gray]) -> (String, f64) {
    let mut sum = [0.0; 3];
    let mut space = ScaleSpace::new(ScaleSpaceConfig::default());
    let mut pyramid = 0.0;
    for image in images {
        let (_, times) = sift.extract_timed(image);
        for (total, stage) in sum
            .iter_mut()
            .zip([times.detect, times.orient, times.describe])
        {
            *total += stage.as_secs_f64() * 1e3;
        }
        let start = Instant::now();
        space.build(image.data(), image.width(), image.height(), |_, _, _| {});
        pyramid += start.elapsed().as_secs_f64() * 1e3;
    }
    let [detect, orient, describe] = sum;
    (
        format!("\"detect\": {detect:.3}, \"orient\": {orient:.3}, \"describe\": {describe:.3}"),
        pyramid,
    )
}

fn encode(features: &Features) -> Vec<u8> {
    let mut bytes = (features.len() as u32).to_le_bytes().to_vec();
    for k in &features.keypoints {
        for value in [k.x, k.y, k.scale, k.angle, k.response] {
            bytes.extend(value.to_le_bytes());
        }
    }
    features.descriptors.iter().for_each(|d| bytes.extend(d));
    bytes
}
