//! Prints the median time to decode one file at several sizes: `decode_speed FILE [REPEATS]`.
//!
//! Full grey and colour decodes stand beside the fitted ones, and both at once beside them, in turn in every round, so
//! that the ratio survives a busy machine.

use std::path::PathBuf;
use std::time::Instant;

use vizsla_pixels::{DecodeOptions, Error, decode_both, decode_gray, decode_rgb};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let path = PathBuf::from(
        arguments
            .next()
            .ok_or("usage: decode_speed FILE [REPEATS]")?,
    );
    let repeats = match arguments.next() {
        Some(text) => text.to_string_lossy().parse()?,
        None => 9,
    };
    let bytes = fs_err::read(path)?;
    let sizes = [None, Some(2000), Some(1000), Some(500)];
    let mut times = vec![[Vec::new(), Vec::new(), Vec::new()]; sizes.len()];
    for _ in 0..repeats {
        for (times, &fit) in times.iter_mut().zip(&sizes) {
            let options = DecodeOptions {
                fit,
                ..DecodeOptions::default()
            };
            times[0].push(timed(|| decode_gray(&bytes, &options).map(|_| ()))?);
            times[1].push(timed(|| decode_rgb(&bytes, &options).map(|_| ()))?);
            times[2].push(timed(|| decode_both(&bytes, &options, fit).map(|_| ()))?);
        }
    }
    for (times, fit) in times.iter_mut().zip(sizes) {
        let [gray, rgb, both] = times.each_mut().map(|times| median(times));
        let name = fit.map_or("full".to_string(), |side| format!("fit {side}"));
        println!("{name:>9}  gray {gray:7.1} ms  rgb {rgb:7.1} ms  both {both:7.1} ms");
    }
    Ok(())
}

fn timed(work: impl FnOnce() -> Result<(), Error>) -> Result<f64, Error> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
