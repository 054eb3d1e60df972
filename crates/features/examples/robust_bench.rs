//! Serves `benches/robust/run.py`: reads estimation problems from standard input, writes the estimate and how
//! long it took to standard output.
//!
//! A problem is, little-endian: pairs (u32), repeats (u32), largest number of iterations (u32), model (u32: 0
//! similarity, 1 affine, 2 homography), threshold (f64), confidence (f64), seed (u64), then x y u v (f64) of
//! each pair. An answer is the median of the repeats in nanoseconds (f64), iterations (f64), inliers (f64) and
//! nine entries of the transform (f64), all zero where nothing was found.

use std::io::{self, Read, Write};
use std::time::Instant;

use vizsla_features::{Correspondence, Frame, RobustConfig, Shape, TransformModel, estimate};

fn main() -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut head = [0u8; 40];
    while input.read_exact(&mut head).is_ok() {
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| head[at + i]));
        let long = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| head[at + i]));
        let (count, repeats) = (word(0) as usize, word(4).max(1) as usize);
        let config = RobustConfig {
            model: match word(12) {
                0 => TransformModel::Similarity,
                1 => TransformModel::Affine,
                _ => TransformModel::Homography,
            },
            threshold: f64::from_bits(long(16)),
            confidence: f64::from_bits(long(24)),
            max_iterations: word(8) as usize,
            seed: long(32),
        };
        let mut body = vec![0u8; count.min(1 << 20) * 32];
        input.read_exact(&mut body)?;
        let (values, _) = body.as_chunks::<8>();
        let values: Vec<f64> = values.iter().map(|b| f64::from_le_bytes(*b)).collect();
        let frame = |x, y| Frame {
            x,
            y,
            scale: 1.0,
            angle: 0.0,
            shape: Shape::CIRCLE,
        };
        let correspondences: Vec<Correspondence> = values
            .chunks_exact(4)
            .map(|p| Correspondence {
                from: frame(p[0], p[1]),
                to: frame(p[2], p[3]),
                weight: 1.0,
            })
            .collect();
        let mut times = Vec::with_capacity(repeats);
        let mut found = None;
        for _ in 0..repeats {
            let start = Instant::now();
            found = estimate(&correspondences, &config);
            times.push(start.elapsed().as_nanos() as f64);
        }
        times.sort_unstable_by(f64::total_cmp);
        let mut answer = vec![times[repeats / 2], 0.0, 0.0];
        if let Some(found) = &found {
            answer[1] = found.iterations as f64;
            answer[2] = found.inliers.len() as f64;
            answer.extend(found.transform.0.iter().flatten());
        }
        answer.resize(12, 0.0);
        for value in answer {
            output.write_all(&value.to_le_bytes())?;
        }
        output.flush()?;
    }
    Ok(())
}
