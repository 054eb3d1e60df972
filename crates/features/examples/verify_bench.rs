//! Serves `benches/verify/run.py`: reads correspondences from standard input, verifies them, writes what was found and how
//! long it took to standard output.
//!
//! A problem is, little-endian: pairs (u32), calls (u32), threads (u32), nothing (u32), the two sizes of the first and of the
//! second image (f64 each), then for each pair x y scale angle of the first and of the second feature and the weight
//! (f64). Every thread makes all the calls. An answer is the median time of a call in nanoseconds (f64), over the calls of all
//! threads, log10 of the false alarms (f64), nine entries of the transform (f64, all zero where nothing was found), the number
//! of inliers (f64) and their positions (f64 each).

use std::io::{self, Read, Write};
use std::sync::Barrier;
use std::time::Instant;

use vizsla_features::{Correspondence, Frame, Shape, Verification, VerifyConfig, verify};

/// Values of one pair.
const PAIR: usize = 9;

struct Problem {
    pairs: Vec<Correspondence>,
    from_size: (f64, f64),
    to_size: (f64, f64),
}

impl Problem {
    fn solve(&self) -> Option<Verification> {
        verify(
            &self.pairs,
            self.from_size,
            self.to_size,
            &VerifyConfig::default(),
        )
    }
}

fn correspondence(values: &[f64]) -> Correspondence {
    let frame = |at: usize| Frame {
        x: values[at],
        y: values[at + 1],
        scale: values[at + 2],
        angle: values[at + 3],
        shape: Shape::CIRCLE,
    };
    Correspondence {
        from: frame(0),
        to: frame(4),
        weight: values[8],
    }
}

/// Median time of a call, nanoseconds, over the calls of all threads.
fn timed(problem: &Problem, calls: usize, threads: usize) -> f64 {
    let ready = Barrier::new(threads);
    let work = || -> Vec<f64> {
        // The first call of a thread pays for its buffers.
        std::hint::black_box(problem.solve());
        ready.wait();
        (0..calls)
            .map(|_| {
                let start = Instant::now();
                std::hint::black_box(std::hint::black_box(problem).solve());
                start.elapsed().as_nanos() as f64
            })
            .collect()
    };
    let mut times: Vec<f64> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        let joined = others.into_iter().filter_map(|thread| thread.join().ok());
        joined.flatten().chain(own).collect()
    });
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut head = [0u8; 48];
    while input.read_exact(&mut head).is_ok() {
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| head[at + i]));
        let value = |at: usize| f64::from_le_bytes(std::array::from_fn(|i| head[at + i]));
        let mut body = vec![0u8; (word(0) as usize).min(1 << 20) * PAIR * 8];
        input.read_exact(&mut body)?;
        let values: Vec<f64> = body
            .as_chunks::<8>()
            .0
            .iter()
            .map(|b| f64::from_le_bytes(*b))
            .collect();
        let problem = Problem {
            pairs: values.chunks_exact(PAIR).map(correspondence).collect(),
            from_size: (value(16), value(24)),
            to_size: (value(32), value(40)),
        };
        let (calls, threads) = (word(4).max(1) as usize, word(8).clamp(1, 64) as usize);
        let mut answer = vec![timed(&problem, calls, threads)];
        match problem.solve() {
            Some(found) => {
                answer.push(found.log10_nfa);
                answer.extend(found.transform.0.iter().flatten());
                answer.push(found.inliers.len() as f64);
                answer.extend(found.inliers.iter().map(|&i| f64::from(i)));
            }
            None => answer.extend([0.0; 11]),
        }
        for value in answer {
            output.write_all(&value.to_le_bytes())?;
        }
        output.flush()?;
    }
    Ok(())
}
