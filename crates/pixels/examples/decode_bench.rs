//! Decodes files for `benches/decode/run.py`: paths on standard input, one a line; for each a line of
//! JSON on standard output, and behind it the grey and then the colour samples as they are.
//!
//! With `--time ROUNDS` it prints, instead of samples, the least of so many times of each decode.

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::time::Instant;

use vizsla_pixels::{DecodeOptions, Decoded, Error, Gray, Rgb, read_gray, read_rgb};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rounds = match arguments.as_slice() {
        [] => None,
        [option, rounds] if option == "--time" => rounds.parse().ok(),
        _ => {
            return Err(io::Error::other(
                "usage: decode_bench [--time ROUNDS] < PATHS",
            ));
        }
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line?;
        match rounds {
            Some(rounds) => time(Path::new(&line), rounds, &mut out)?,
            None => decode(Path::new(&line), &mut out)?,
        }
        out.flush()?;
    }
    Ok(())
}

fn decode(path: &Path, out: &mut impl Write) -> io::Result<()> {
    let options = DecodeOptions::default();
    let gray = read_gray(path, &options);
    let rgb = read_rgb(path, &options);
    match (gray, rgb) {
        (Ok(gray), Ok(rgb)) => samples(&gray, &rgb, out),
        (Err(error), Err(_)) => refused(&error, out),
        (Ok(_), Err(error)) | (Err(error), Ok(_)) => {
            let line = serde_json::json!({ "only_one": error.to_string() });
            writeln!(out, "{line}")
        }
    }
}

fn samples(gray: &Decoded<Gray>, rgb: &Decoded<Rgb>, out: &mut impl Write) -> io::Result<()> {
    let (width, height) = (gray.image.width(), gray.image.height());
    let line = serde_json::json!({ "width": width, "height": height });
    writeln!(out, "{line}")?;
    out.write_all(gray.image.data())?;
    out.write_all(rgb.image.data())
}

fn refused(error: &Error, out: &mut impl Write) -> io::Result<()> {
    let line = serde_json::json!({ "refused": error.kind().to_string() });
    writeln!(out, "{line}")
}

fn time(path: &Path, rounds: usize, out: &mut impl Write) -> io::Result<()> {
    let options = DecodeOptions::default();
    let mut least = [f64::INFINITY; 2];
    let mut pixels = 0;
    for _ in 0..rounds {
        let start = Instant::now();
        pixels = read_gray(path, &options).map_or(0, |read| read.image.data().len());
        least[0] = least[0].min(start.elapsed().as_secs_f64() * 1e3);
        let start = Instant::now();
        let _ = read_rgb(path, &options);
        least[1] = least[1].min(start.elapsed().as_secs_f64() * 1e3);
    }
    let line = serde_json::json!({ "gray_ms": least[0], "rgb_ms": least[1], "pixels": pixels });
    writeln!(out, "{line}")
}
