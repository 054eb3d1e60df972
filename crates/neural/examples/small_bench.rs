//! Time of the network that ships, and of the model it was made from, on pictures of one size.
//!
//! Arguments: width, height, runs, and the model in ONNX format.

use std::path::Path;
use std::time::Instant;

use vizsla_neural::{
    ImageEncoder, ModelEntry, ModelKind, Preset, RuntimeChoice, SessionOptions, small_network,
};
use vizsla_pixels::Rgb;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [width, height, runs, model] = arguments.as_slice() else {
        return Err("usage: small_bench WIDTH HEIGHT RUNS MODEL".into());
    };
    let (width, height, runs) = (width.parse()?, height.parse()?, runs.parse::<usize>()?);
    let data = (0..3 * width * height).map(|at: usize| (at * 7919 % 251) as u8);
    let picture = Rgb::new(width, height, data.collect())?;
    let side = u32::try_from(width.max(height))?;
    let mut entry = ModelEntry::for_file("m", ModelKind::Image, Path::new(model), "");
    entry.sha256 = entry.digest()?;
    entry.preprocessing = Preset::Keras.preprocessing();
    entry.output = Some("conv_pw_13_relu".into());
    let options = |runtime| SessionOptions {
        runtime,
        threads: 1,
    };
    let mut all = vec![
        (
            "ships",
            ImageEncoder::open(&small_network(), None, &options(RuntimeChoice::Rten))?,
        ),
        (
            "rten",
            ImageEncoder::open(&entry, None, &options(RuntimeChoice::Rten))?,
        ),
    ];
    if let Ok(ort) = ImageEncoder::open(&entry, None, &options(RuntimeChoice::Ort)) {
        all.push(("ort", ort));
    }
    let mut times = vec![Vec::new(); all.len()];
    for _ in 0..runs {
        for ((_, encoder), times) in all.iter().zip(&mut times) {
            let start = Instant::now();
            encoder.maps(&[&picture], Some(side))?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    for ((name, _), mut times) in all.into_iter().zip(times) {
        times.sort_by(f64::total_cmp);
        println!(
            "{name} {:.2} ms (least {:.2})",
            times[times.len() / 2],
            times[0]
        );
    }
    Ok(())
}
