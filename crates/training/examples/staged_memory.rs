//! Peak memory of one step with the average-precision loss, by size of the batch.
//!
//! ```text
//! cargo run --release -p vizsla-training --example staged_memory -- 64 [CHUNK] [SIDE]
//! ```
//!
//! One size a process, because the peak of a process never falls. Images are made from a seed, part by part.

use std::error::Error;

use burn::tensor::Tensor;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vizsla_evaluation::peak_rss_bytes;
use vizsla_neural::Pooling;
use vizsla_training::{
    Compute, Mode, Parameters, Value, average_precision_loss, mobilenet_v1, pooling,
    staged_backward,
};

fn main() -> Result<(), Box<dyn Error>> {
    let numbers: Vec<usize> = std::env::args()
        .skip(1)
        .map(|a| a.parse())
        .collect::<Result<_, _>>()?;
    let batch = numbers.first().copied().unwrap_or(64);
    let chunk = numbers.get(1).copied().unwrap_or(32).clamp(1, batch.max(1));
    let side = numbers.get(2).copied().unwrap_or(96);
    let device = Compute::Cpu.device()?;
    let network = mobilenet_v1(0.25)?;
    let network = network.then("pooling.", pooling(&Pooling::Spoc, 256)?)?;
    let parameters = Parameters::initial(&network, 1, &device);
    let trained: Vec<usize> = (0..parameters.len())
        .filter(|&p| parameters.is_trained(p))
        .collect();
    let values: Vec<Tensor<1>> = trained
        .iter()
        .map(|&place| parameters.entries()[place].value.clone())
        .collect();
    let forward = |leaves: &[Tensor<1>], part: usize| {
        let mut parameters = parameters.clone();
        for (&place, leaf) in trained.iter().zip(leaves) {
            parameters.set(place, leaf.clone())?;
        }
        let count = chunk.min(batch - part * chunk);
        let mut rng = ChaCha8Rng::seed_from_u64(part as u64);
        let mut bytes = vec![0u8; count * 3 * side * side];
        rng.fill_bytes(&mut bytes);
        let pixels = bytes.iter().map(|&b| f32::from(b) / 127.5 - 1.0).collect();
        let input = Value::map(pixels, [count, 3, side, side], &device)?;
        network
            .forward(&parameters, input, Mode::Eval)?
            .into_vectors()
    };
    let labels: Vec<usize> = (0..batch).map(|i| i % (batch / 8).max(2)).collect();
    let relevance = labels.into();
    let start = std::time::Instant::now();
    let step = staged_backward(&values, batch.div_ceil(chunk), forward, |rows| {
        average_precision_loss(rows, &relevance, 20)
    })?;
    println!(
        "batch {batch}, {chunk} at a time, {side} px: loss {:.4}, {:.1} s, peak {:.1} MiB",
        step.loss,
        start.elapsed().as_secs_f64(),
        peak_rss_bytes().unwrap_or(0) as f64 / f64::from(1 << 20)
    );
    Ok(())
}
