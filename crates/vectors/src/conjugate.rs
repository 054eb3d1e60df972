//! The method of conjugate gradients (Hestenes & Stiefel 1952) for symmetric positive definite systems.

/// Solves A x = b, where `apply` writes A times its first argument into its second. Ends when the residual is at most
/// `tolerance` times as long as `b`, after `iterations`, or where rounding leaves nothing to gain; what is returned is finite.
///
/// Sums are taken in the order of the entries, so the result is the same wherever `apply` is.
pub(crate) fn conjugate_gradient(
    apply: impl Fn(&[f64], &mut [f64]),
    b: &[f64],
    tolerance: f64,
    iterations: usize,
) -> Vec<f64> {
    let mut x = vec![0.0; b.len()];
    let mut residual = b.to_vec();
    let mut direction = b.to_vec();
    let mut image = vec![0.0; b.len()];
    let mut squared = dot(b, b);
    let enough = squared * tolerance * tolerance;
    for _ in 0..iterations {
        if squared <= enough {
            break;
        }
        apply(&direction, &mut image);
        let curvature = dot(&direction, &image);
        let step = squared / curvature;
        // Not positive where the matrix is not what it should be, or nothing is left but rounding.
        if !(curvature > 0.0 && step.is_finite()) {
            break;
        }
        for ((x, r), (d, i)) in x
            .iter_mut()
            .zip(&mut residual)
            .zip(direction.iter().zip(&image))
        {
            *x += step * d;
            *r -= step * i;
        }
        let before = squared;
        squared = dot(&residual, &residual);
        let turn = squared / before;
        for (d, r) in direction.iter_mut().zip(&residual) {
            *d = r + turn * *d;
        }
    }
    match x.iter().all(|x| x.is_finite()) {
        true => x,
        false => vec![0.0; b.len()],
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_equations_take_three_steps() {
        let matrix = [[4.0, 1.0, 0.0], [1.0, 3.0, -1.0], [0.0, -1.0, 2.0]];
        let apply = |x: &[f64], out: &mut [f64]| {
            for (out, row) in out.iter_mut().zip(&matrix) {
                *out = dot(row, x);
            }
        };
        let expected = [1.0, -2.0, 0.5];
        let mut b = [0.0; 3];
        apply(&expected, &mut b);
        let found = conjugate_gradient(apply, &b, 1e-12, 3);
        for (x, y) in found.iter().zip(expected) {
            assert!((x - y).abs() < 1e-12, "{found:?}");
        }
        assert_eq!(conjugate_gradient(apply, &[0.0; 3], 1e-6, 10), [0.0; 3]);
        assert_eq!(conjugate_gradient(apply, &b, 1e-6, 0), [0.0; 3]);
    }

    #[test]
    fn a_matrix_that_is_not_positive_gives_numbers_all_the_same() {
        let flip = |x: &[f64], out: &mut [f64]| {
            out.iter_mut().zip(x).for_each(|(out, x)| *out = -x);
        };
        assert_eq!(conjugate_gradient(flip, &[1.0, 2.0], 1e-6, 10), [0.0; 2]);
        let nothing = |_: &[f64], out: &mut [f64]| out.fill(f64::NAN);
        assert_eq!(conjugate_gradient(nothing, &[1.0], 1e-6, 10), [0.0]);
    }
}
