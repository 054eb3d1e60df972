//! A random rotation that takes O(D log D).
//!
//! A dense matrix of 768 × 768 numbers takes longer than a search. Signs drawn at random followed by a Hadamard transform, a few times
//! over, mix as well (Ailon & Chazelle 2009, "The fast Johnson-Lindenstrauss transform"). Where the dimension is no power of two the
//! transform takes the first and then the last numbers, as many as the greatest power below; the two overlap, so that rounds mix
//! all. Every step is orthogonal. Only sums, differences and products are used, the same on every machine.

use crate::random::Random;

/// Rounds of signs and transforms.
const ROUNDS: usize = 4;

/// Signs of all rounds.
#[derive(Debug, Clone)]
pub(crate) struct FastRotation {
    dimension: usize,
    /// Numbers that a transform takes.
    window: usize,
    signs: Vec<f32>,
}

impl FastRotation {
    /// The rotation of a seed, of vectors of `dimension` numbers.
    pub fn random(dimension: usize, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let window = match dimension {
            0 => 0,
            some => 1 << some.ilog2(),
        };
        let scale = 1.0 / (window.max(1) as f32).sqrt();
        // A number within one window only is scaled on its own.
        let signs = (0..ROUNDS * dimension).map(|_| match random.below(2) {
            0 => -scale,
            _ => scale,
        });
        Self {
            dimension,
            window,
            signs: signs.collect(),
        }
    }

    /// Rotates a vector.
    pub fn apply(&self, vector: &mut [f32]) {
        if self.dimension == 0 || vector.len() != self.dimension {
            return;
        }
        let (window, rest) = (self.window, self.dimension - self.window);
        for signs in self.signs.chunks_exact(self.dimension) {
            let scaled = vector[..window].iter_mut().zip(signs);
            scaled.for_each(|(x, sign)| *x *= sign);
            hadamard(&mut vector[..window]);
            if rest > 0 {
                let scale = signs[0].abs();
                vector[rest..window].iter_mut().for_each(|x| *x *= scale);
                let scaled = vector[window..].iter_mut().zip(&signs[window..]);
                scaled.for_each(|(x, sign)| *x *= sign);
                hadamard(&mut vector[rest..]);
            }
        }
    }
}

/// The Hadamard transform of a power of two of numbers, not scaled.
fn hadamard(vector: &mut [f32]) {
    let mut step = 1;
    while step < vector.len() {
        for pair in vector.chunks_exact_mut(2 * step) {
            let (left, right) = pair.split_at_mut(step);
            for (a, b) in left.iter_mut().zip(right) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        step *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dot_f32;

    #[test]
    fn lengths_and_angles_stay_and_mass_spreads() {
        let mut random = Random::new(1);
        for dimension in [1, 2, 16, 48, 112, 128, 768] {
            let rotation = FastRotation::random(dimension, 5);
            let mut draw = || -> Vec<f32> {
                let numbers = (0..dimension).map(|_| random.unit() as f32 - 0.5);
                numbers.collect()
            };
            let (mut a, mut b) = (draw(), draw());
            let before = (dot_f32(&a, &a), dot_f32(&a, &b));
            rotation.apply(&mut a);
            rotation.apply(&mut b);
            let after = (dot_f32(&a, &a), dot_f32(&a, &b));
            let bound = 1e-5 * dimension as f32;
            assert!((before.0 - after.0).abs() < bound && (before.1 - after.1).abs() < bound);
            let mut one = vec![0.0; dimension];
            one[dimension - 1] = 1.0;
            rotation.apply(&mut one);
            let most = one.iter().fold(0f32, |most, x| most.max(x.abs()));
            assert!(
                dimension < 16 || most < 6.0 / (dimension as f32).sqrt(),
                "{most}"
            );
        }
    }
}
