//! Descriptors for tests, the same on every machine.

use crate::sequence::Sequence;

/// Descriptors around `centres` random points, `spread` to either side, like those of photographs in
/// that most coordinates are small.
pub fn descriptors(seed: u64, centres: usize, count: usize, spread: u64) -> Vec<[u8; 128]> {
    let mut sequence = Sequence(seed);
    let centres: Vec<[u8; 128]> = (0..centres)
        .map(|_| std::array::from_fn(|_| (sequence.below(16) * sequence.below(10)) as u8))
        .collect();
    (0..count)
        .map(|_| {
            let centre = centres[sequence.below(centres.len() as u64) as usize];
            centre.map(|x| {
                (u64::from(x) + sequence.below(2 * spread + 1)).saturating_sub(spread) as u8
            })
        })
        .collect()
}
