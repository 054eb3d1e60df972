//! Serves `benches/matching/run.py`: reads two sets of descriptors from standard input, writes the matches and
//! how long matching took to standard output.
//!
//! A problem is, little-endian: descriptors in the first set (u32), in the second (u32), repeats (u32), ratio
//! (f32), then the descriptors, 128 bytes each. An answer is the median of the repeats in nanoseconds (f64), the
//! number of matches (u32), then two positions (u32) for each.

use std::io::{self, Read, Write};
use std::time::Instant;

use vizsla_features::{Descriptor, MatchConfig, match_descriptors};

fn read_descriptors(input: &mut impl Read, count: u32) -> io::Result<Vec<Descriptor>> {
    let mut bytes = vec![0u8; count.min(1 << 20) as usize * 128];
    input.read_exact(&mut bytes)?;
    Ok(bytes.as_chunks::<128>().0.to_vec())
}

fn main() -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut head = [0u8; 16];
    while input.read_exact(&mut head).is_ok() {
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| head[at + i]));
        let repeats = word(8).max(1) as usize;
        let config = MatchConfig {
            ratio: f32::from_bits(word(12)),
            mutual: true,
        };
        let a = read_descriptors(&mut input, word(0))?;
        let b = read_descriptors(&mut input, word(4))?;
        let mut times = Vec::with_capacity(repeats);
        let mut matches = Vec::new();
        for _ in 0..repeats {
            let start = Instant::now();
            matches = match_descriptors(&a, &b, &config);
            times.push(start.elapsed().as_nanos() as f64);
        }
        times.sort_unstable_by(f64::total_cmp);
        output.write_all(&times[repeats / 2].to_le_bytes())?;
        output.write_all(&(matches.len() as u32).to_le_bytes())?;
        for found in &matches {
            output.write_all(&found.a.to_le_bytes())?;
            output.write_all(&found.b.to_le_bytes())?;
        }
        output.flush()?;
    }
    Ok(())
}
