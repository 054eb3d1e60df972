//! Eigenvectors and singular vectors of small matrices by Jacobi's rotations, which find small values as
//! accurately as large ones (Demmel and Veselić 1992). Nothing is allocated.

use super::linear::Square;

/// Most sweeps; six to ten are the rule.
const SWEEPS: usize = 40;

/// Tangent-based cosine and sine of the rotation that makes the off-diagonal entry `off` of a symmetric
/// 2×2 matrix zero.
#[inline]
fn rotation(first: f64, second: f64, off: f64) -> (f64, f64, f64) {
    let theta = (second - first) / (2.0 * off);
    // Beyond the root of the largest number the square would overflow, and the tangent is 1/(2 theta).
    let tangent = if theta.abs() > 1e150 {
        0.5 / theta
    } else {
        theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt())
    };
    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
    (cosine, tangent * cosine, tangent)
}

fn identity<const N: usize>() -> Square<N> {
    std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j))))
}

/// Eigenvalues of a symmetric matrix and its eigenvectors as columns, in no particular order. A matrix that
/// is not finite gives numbers that are not.
pub(crate) fn symmetric_eigen<const N: usize>(mut a: Square<N>) -> ([f64; N], Square<N>) {
    let mut vectors = identity();
    for _ in 0..SWEEPS {
        let mut turned = false;
        for p in 0..N {
            for q in p + 1..N {
                let off = a[p][q];
                let small = f64::EPSILON * 0.5 * (a[p][p].abs().sqrt() * a[q][q].abs().sqrt());
                if off.abs() <= small.max(f64::MIN_POSITIVE) || !off.is_finite() {
                    continue;
                }
                turned = true;
                let (c, s, t) = rotation(a[p][p], a[q][q], off);
                a[p][p] -= t * off;
                a[q][q] += t * off;
                (a[p][q], a[q][p]) = (0.0, 0.0);
                for k in (0..N).filter(|&k| k != p && k != q) {
                    let (x, y) = (a[k][p], a[k][q]);
                    (a[k][p], a[k][q]) = (c * x - s * y, s * x + c * y);
                    (a[p][k], a[q][k]) = (a[k][p], a[k][q]);
                }
                for row in &mut vectors {
                    let (x, y) = (row[p], row[q]);
                    (row[p], row[q]) = (c * x - s * y, s * x + c * y);
                }
            }
        }
        if !turned {
            break;
        }
    }
    (std::array::from_fn(|i| a[i][i]), vectors)
}

/// Singular value decomposition of the columns of `rows` (one-sided Jacobi, Hestenes 1958): singular values
/// and right singular vectors as columns, by falling value. `rows` becomes U·S.
pub(crate) fn right_singular<const N: usize>(rows: &mut [[f64; N]]) -> ([f64; N], Square<N>) {
    let mut vectors = identity();
    for _ in 0..SWEEPS {
        let mut turned = false;
        for p in 0..N {
            for q in p + 1..N {
                let (mut first, mut second, mut off) = (0.0, 0.0, 0.0);
                for row in rows.iter() {
                    first += row[p] * row[p];
                    second += row[q] * row[q];
                    off += row[p] * row[q];
                }
                let small = f64::EPSILON * (first.sqrt() * second.sqrt());
                if off.abs() <= small.max(f64::MIN_POSITIVE) || !off.is_finite() {
                    continue;
                }
                turned = true;
                let (c, s, _) = rotation(first, second, off);
                for row in rows.iter_mut().chain(vectors.iter_mut()) {
                    let (x, y) = (row[p], row[q]);
                    (row[p], row[q]) = (c * x - s * y, s * x + c * y);
                }
            }
        }
        if !turned {
            break;
        }
    }
    let norms: [f64; N] =
        std::array::from_fn(|k| rows.iter().map(|r| r[k] * r[k]).sum::<f64>().sqrt());
    let mut order: [usize; N] = std::array::from_fn(|k| k);
    order.sort_by(|&a, &b| norms[b].total_cmp(&norms[a]).then(a.cmp(&b)));
    for row in rows.iter_mut() {
        *row = order.map(|k| row[k]);
    }
    (
        order.map(|k| norms[k]),
        vectors.map(|row| order.map(|k| row[k])),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvectors_are_mapped_to_their_multiples() {
        let matrix = [[4.0, 1.0, -2.0], [1.0, 2.0, 0.5], [-2.0, 0.5, 3.0]];
        let (values, vectors) = symmetric_eigen(matrix);
        for k in 0..3 {
            for row in 0..3 {
                let image: f64 = (0..3).map(|c| matrix[row][c] * vectors[c][k]).sum();
                assert!((image - values[k] * vectors[row][k]).abs() < 1e-12);
            }
        }
        assert!((values.iter().sum::<f64>() - 9.0).abs() < 1e-12);
        let (values, _) = symmetric_eigen([[f64::NAN; 3]; 3]);
        assert!(values.iter().all(|v| v.is_nan()));
    }

    #[test]
    fn a_tiny_singular_value_keeps_its_digits() {
        // Rows of rank 2 but for 1e-9 along (1, 1, 1)/√3.
        let third = 1.0 / 3f64.sqrt();
        let mut rows = vec![[1.0, -1.0, 0.0], [0.0, 2.0, -2.0], [0.0; 3]];
        rows[2] = [1e-9 * third; 3];
        let (values, vectors) = right_singular(&mut rows);
        assert!((values[2] - 1e-9).abs() < 1e-20, "{values:?}");
        for row in vectors {
            assert!((row[2].abs() - third).abs() < 1e-14);
        }
        assert!(values[0] >= values[1] && values[1] > 1.0);
    }
}
