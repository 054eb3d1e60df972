//! The vectors that a wide matrix maps to nothing, by Householder reflections with pivoting (Golub and Van
//! Loan, *Matrix Computations*, 5.4).

/// A row this much shorter than the longest one, after what the others say is taken away, says nothing.
const NEGLIGIBLE: f64 = 1e-9;

/// An orthonormal pair that spans the null space of seven equations in nine unknowns; `None` when they are
/// not independent, so that the null space is larger.
pub(crate) fn null_space(mut rows: [[f64; 9]; 7]) -> Option<[[f64; 9]; 2]> {
    let mut reflections = [[0.0; 9]; 7];
    let mut largest = 0.0;
    for k in 0..7 {
        let (mut pivot, mut square) = (k, -1.0);
        for (r, row) in rows.iter().enumerate().skip(k) {
            let mut norm = 0.0;
            for v in &row[k..] {
                norm += v * v;
            }
            if norm > square {
                (pivot, square) = (r, norm);
            }
        }
        rows.swap(k, pivot);
        let length = square.sqrt();
        largest = length.max(largest);
        if length <= NEGLIGIBLE * largest || !length.is_finite() {
            return None;
        }
        let mut reflection = [0.0; 9];
        reflection[k..].copy_from_slice(&rows[k][k..]);
        reflection[k] += length.copysign(reflection[k]);
        let size = reflection[k..].iter().map(|v| v * v).sum::<f64>().sqrt();
        reflection[k..].iter_mut().for_each(|v| *v /= size);
        for row in &mut rows[k + 1..] {
            reflect(&reflection, row);
        }
        reflections[k] = reflection;
    }
    let column = |i: usize| {
        let mut unit = [0.0; 9];
        unit[i] = 1.0;
        reflections.iter().rev().for_each(|r| reflect(r, &mut unit));
        unit
    };
    Some([column(7), column(8)])
}

#[inline]
fn reflect(reflection: &[f64; 9], vector: &mut [f64; 9]) {
    let mut along = 0.0;
    for i in 0..9 {
        along += reflection[i] * vector[i];
    }
    let twice = 2.0 * along;
    for i in 0..9 {
        vector[i] -= twice * reflection[i];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_vectors_are_orthonormal_and_mapped_to_nothing() {
        let rows: [[f64; 9]; 7] = std::array::from_fn(|r| {
            std::array::from_fn(|c| ((r * 31 + c * 17 + r * c * 7) % 23) as f64 - 11.0)
        });
        let [a, b] = null_space(rows).unwrap();
        let dot = |x: &[f64; 9], y: &[f64; 9]| x.iter().zip(y).map(|(p, q)| p * q).sum::<f64>();
        assert!((dot(&a, &a) - 1.0).abs() < 1e-14 && (dot(&b, &b) - 1.0).abs() < 1e-14);
        assert!(dot(&a, &b).abs() < 1e-14);
        for row in &rows {
            assert!(dot(row, &a).abs() < 1e-12 && dot(row, &b).abs() < 1e-12);
        }
    }

    #[test]
    fn dependent_rows_have_none() {
        let mut rows: [[f64; 9]; 7] =
            std::array::from_fn(|r| std::array::from_fn(|c| ((r * 5 + c * c * 3) % 11) as f64));
        rows[6] = std::array::from_fn(|c| rows[0][c] - 2.0 * rows[3][c]);
        assert!(null_space(rows).is_none());
        assert!(null_space([[0.0; 9]; 7]).is_none());
        assert!(null_space([[f64::NAN; 9]; 7]).is_none());
    }
}
