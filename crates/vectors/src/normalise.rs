//! Lengths and large components brought under control.
//!
//! Cosine similarity is the inner product of vectors of length 1. The signed power (Perronnin, Sánchez &
//! Mensink 2010, with α = 1/2 the "signed square root") keeps a few large components, a burst of the
//! same structure, from deciding the comparison alone.

/// Scales to length 1. A vector of length 0 stays as it is.
///
/// ```
/// let mut vector = [3.0, -4.0];
/// vizsla_vectors::l2_normalise(&mut vector);
/// assert_eq!(vector, [0.6, -0.8]);
/// ```
pub fn l2_normalise(vector: &mut [f32]) {
    let norm = l2_norm(vector);
    if norm > 0.0 {
        for x in vector {
            *x = (f64::from(*x) / norm) as f32;
        }
    }
}

/// The Euclidean length, summed in double precision.
pub fn l2_norm(vector: &[f32]) -> f64 {
    let squares: f64 = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    squares.sqrt()
}

/// Every component becomes sign(x)·|x|^`alpha`; `alpha` is usually 0.5, and 1 changes nothing.
pub fn power_normalise(vector: &mut [f32], alpha: f32) {
    if alpha == 0.5 {
        vector
            .iter_mut()
            .for_each(|x| *x = x.abs().sqrt().copysign(*x));
    } else if alpha != 1.0 {
        vector
            .iter_mut()
            .for_each(|x| *x = x.abs().powf(alpha).copysign(*x));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_become_one_and_nothing_stays_nothing() {
        let mut zero = [0.0f32; 3];
        l2_normalise(&mut zero);
        assert_eq!(zero, [0.0; 3]);
        let mut vector: Vec<f32> = (0..100).map(|i| i as f32 - 30.0).collect();
        l2_normalise(&mut vector);
        assert!((l2_norm(&vector) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_power_keeps_signs() {
        for alpha in [0.5, 0.25, 1.0] {
            let mut vector = [4.0f32, -16.0, 0.0];
            power_normalise(&mut vector, alpha);
            let expected = [4f32.powf(alpha), -(16f32.powf(alpha)), 0.0];
            for (x, y) in vector.iter().zip(expected) {
                assert!((x - y).abs() < 1e-6);
            }
        }
    }
}
