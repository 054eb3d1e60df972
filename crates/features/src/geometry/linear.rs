//! Small dense linear algebra on the stack.

/// A square matrix, row-major.
pub(crate) type Square<const N: usize> = [[f64; N]; N];

/// Solves `matrix · x = right` by Cholesky decomposition. Only the lower triangle is read. `None` when the
/// matrix is not safely positive definite.
pub(crate) fn solve_positive<const N: usize>(
    matrix: &Square<N>,
    right: &[f64; N],
) -> Option<[f64; N]> {
    let mut lower = [[0.0; N]; N];
    for i in 0..N {
        for j in 0..=i {
            let mut sum = matrix[i][j];
            for (a, b) in lower[i].iter().zip(&lower[j]).take(j) {
                sum -= a * b;
            }
            if i == j {
                // Relative to the entry it came from: what is left after elimination is rounding.
                if sum <= 1e-13 * matrix[i][i] || sum.is_nan() {
                    return None;
                }
                lower[i][i] = sum.sqrt();
            } else {
                lower[i][j] = sum / lower[j][j];
            }
        }
    }
    let mut x = *right;
    for i in 0..N {
        for k in 0..i {
            x[i] -= lower[i][k] * x[k];
        }
        x[i] /= lower[i][i];
    }
    for i in (0..N).rev() {
        for k in i + 1..N {
            x[i] -= lower[k][i] * x[k];
        }
        x[i] /= lower[i][i];
    }
    x.iter().all(|v| v.is_finite()).then_some(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_a_positive_system() {
        // Only the lower triangle counts.
        let matrix = [[4.0, 9.0, 9.0], [2.0, 5.0, 9.0], [1.0, 3.0, 6.0]];
        let x = solve_positive(&matrix, &[9.0, 21.0, 25.0]).unwrap();
        let symmetric = [[4.0, 2.0, 1.0], [2.0, 5.0, 3.0], [1.0, 3.0, 6.0]];
        for (row, expected) in symmetric.iter().zip([9.0, 21.0, 25.0]) {
            let value: f64 = row.iter().zip(x).map(|(a, b)| a * b).sum();
            assert!((value - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn singular_systems_have_no_solution() {
        assert!(solve_positive(&[[1.0, 1.0], [1.0, 1.0]], &[1.0, 2.0]).is_none());
        assert!(solve_positive(&[[0.0]], &[1.0]).is_none());
        assert!(solve_positive(&[[f64::NAN]], &[1.0]).is_none());
    }
}
