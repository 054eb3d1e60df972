//! Serves `benches/encode/run.py`: loads a model and answers every line of standard input, a number of
//! runs, with the time of each in nanoseconds.
//!
//! Arguments: the runtime (rten or ort), threads, the model, and a file with its input, 32-bit floats
//! in row-major order, of shape 1×3×side×side. The first line that is written names the runtime; the
//! file given last takes the output of one run.

use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::time::Instant;

use vizsla_neural::{Error, Session, SessionOptions, Tensor};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [runtime, threads, model, input, output] = arguments.as_slice() else {
        return Err("usage: encode_bench rten|ort THREADS MODEL INPUT OUTPUT".into());
    };
    let options = SessionOptions {
        runtime: runtime.parse()?,
        threads: threads.parse()?,
    };
    let session = Session::open(&PathBuf::from(model), &[], &options)?;
    let bytes = fs_err::read(input)?;
    let (values, _) = bytes.as_chunks::<4>();
    let values: Vec<f32> = values.iter().map(|&b| f32::from_le_bytes(b)).collect();
    let side = ((values.len() / 3) as f64).sqrt() as usize;
    let tensor = Tensor::f32(&[1, 3, side, side], values)?;
    let name = session.inputs()[0].name.clone();
    let inputs = [(name.as_str(), tensor)];
    let run = || -> Result<Vec<Tensor>, Error> { session.run(&inputs) };

    let found = run()?;
    let values = found[0].as_f32().unwrap_or_default();
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    fs_err::write(output, bytes)?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{}",
        session
            .runtime()
            .map_or("the program".to_owned(), |kind| kind.title())
    )?;
    out.flush()?;
    for line in io::stdin().lock().lines() {
        let count: usize = line?.trim().parse()?;
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let start = Instant::now();
            run()?;
            times.push(start.elapsed().as_nanos().to_string());
        }
        writeln!(out, "{}", times.join(" "))?;
        out.flush()?;
    }
    Ok(())
}
