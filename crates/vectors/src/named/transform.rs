//! What is done to vectors before they are coded: linear maps whose rows are orthogonal, so that inner products and distances
//! are kept as far as they can be.

use crate::codes::{LinearMap, optimised_rotation};
use crate::hashing::random_rotation;
use crate::points::in_range;
use crate::{Error, Projection, VectorCodes, VectorTransform};

/// Most numbers of a vector that is turned by a matrix: it has their square.
const MOST_TURNED: usize = 1 << 13;

/// Learns a transform from samples, rows of `dimension` numbers.
///
/// # Errors
/// The samples are too few or span fewer dimensions than are to be kept, or a number is out of its range.
pub(super) fn learned(
    transform: VectorTransform,
    codes: VectorCodes,
    samples: &[f32],
    dimension: usize,
    seed: u64,
) -> Result<LinearMap, Error> {
    match transform {
        VectorTransform::Pca(out) => {
            in_range("the dimensions kept", out, 1, dimension)?;
            let projection = Projection::pca(samples, dimension, out, false)?;
            let rows: Vec<f32> = projection.rows().flatten().copied().collect();
            LinearMap::new(rows, dimension)
        }
        VectorTransform::RandomRotation(out) => {
            in_range("the dimensions kept", out, 1, dimension)?;
            in_range(
                "the dimension of vectors that are turned",
                dimension,
                1,
                MOST_TURNED,
            )?;
            let rotation = random_rotation(dimension, seed);
            let numbers = (0..out).flat_map(|row| (0..dimension).map(move |at| (row, at)));
            LinearMap::new(numbers.map(|at| rotation[at] as f32).collect(), dimension)
        }
        VectorTransform::Optimised {
            parts,
            dimension: out,
        } => {
            let bits = match codes {
                VectorCodes::Product { bits, .. } => bits as usize,
                _ => 8,
            };
            let out = out.unwrap_or(dimension);
            in_range("the dimensions kept", out, 1, MOST_TURNED)?;
            optimised_rotation(samples, dimension, out, parts, bits, seed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn rows_are_orthogonal_and_of_length_one() {
        let mut random = Random::new(4);
        let samples: Vec<f32> = (0..600 * 12).map(|_| random.below(100) as f32).collect();
        let transforms = [
            VectorTransform::Pca(5),
            VectorTransform::RandomRotation(12),
            VectorTransform::Optimised {
                parts: 4,
                dimension: Some(8),
            },
        ];
        let codes = VectorCodes::Product {
            parts: 4,
            bits: 4,
            fast_scan: false,
        };
        for transform in transforms {
            let map = learned(transform, codes, &samples, 12, 1).unwrap();
            assert_eq!(map.input(), 12);
            for (i, a) in map.matrix().chunks_exact(12).enumerate() {
                for (j, b) in map.matrix().chunks_exact(12).enumerate() {
                    let product: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                    let expected = if i == j { 1.0 } else { 0.0 };
                    assert!((product - expected).abs() < 1e-4, "{transform}: {product}");
                }
            }
        }
        for transform in [
            VectorTransform::Pca(13),
            VectorTransform::RandomRotation(13),
        ] {
            assert!(learned(transform, codes, &samples, 12, 1).is_err());
        }
    }
}
