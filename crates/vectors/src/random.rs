//! Seeded choices that are the same on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A seeded source of choices.
pub(crate) struct Random(ChaCha8Rng);

impl Random {
    /// The source that belongs to this seed.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// One of many independent sources of a seed.
    pub fn stream(seed: u64, number: u64) -> Self {
        let mut source = ChaCha8Rng::seed_from_u64(seed);
        source.set_stream(number);
        Self(source)
    }

    /// A number below `bound`, which must not be zero (then 0). The bias is below 2⁻³² for the
    /// bounds in use.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from 0 up to, not including, 1.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// `count` different numbers below `bound`, ascending; all of them when `count >= bound`.
    /// Knuth's selection sampling.
    pub fn subset(&mut self, count: usize, bound: usize) -> Vec<usize> {
        let mut wanted = count.min(bound);
        let mut chosen = Vec::with_capacity(wanted);
        for i in 0..bound {
            if wanted == 0 {
                break;
            }
            if (self.below((bound - i) as u64) as usize) < wanted {
                chosen.push(i);
                wanted -= 1;
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsets_are_ascending_and_complete() {
        let mut random = Random::new(5);
        assert_eq!(random.subset(10, 4), vec![0, 1, 2, 3]);
        let some = random.subset(100, 1000);
        assert_eq!(some.len(), 100);
        assert!(some.windows(2).all(|w| w[0] < w[1]) && some[99] < 1000);
        assert_eq!(random.below(1), 0);
    }
}
