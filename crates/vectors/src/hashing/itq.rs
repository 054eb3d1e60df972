//! The rotation of iterative quantisation.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};

use crate::Error;
use crate::normal::Normal;
use crate::procrustes::nearest_rotation;
use crate::random::Random;

/// A random orthogonal matrix: Gram-Schmidt on normal vectors.
pub(crate) fn random_rotation(size: usize, seed: u64) -> Mat<f64> {
    let mut normal = Normal::new(Random::new(seed));
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(size);
    while rows.len() < size {
        let mut row: Vec<f64> = (0..size).map(|_| normal.draw()).collect();
        // Twice, because one pass loses orthogonality to rounding.
        for _ in 0..2 {
            for other in &rows {
                let along: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
                row.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
            }
        }
        let length = row.iter().map(|a| a * a).sum::<f64>().sqrt();
        if length > 1e-6 {
            row.iter_mut().for_each(|a| *a /= length);
            rows.push(row);
        }
    }
    Mat::from_fn(size, size, |i, j| rows[i][j])
}

/// Improves a rotation R in rounds: B = sign(V·R) for the projected vectors V, then the R that minimises |B − V·R|, which is
/// that of the orthogonal Procrustes problem, U·Wᵀ of Vᵀ·B = U·S·Wᵀ. One thread, in double precision.
pub(super) fn learn_rotation(
    projected: &[f32],
    start: Mat<f64>,
    rounds: usize,
) -> Result<Mat<f64>, Error> {
    let size = start.nrows();
    let values: Vec<f64> = projected.iter().map(|&x| f64::from(x)).collect();
    // Vectors are columns.
    let vectors = MatRef::from_column_major_slice(&values, size, values.len() / size);
    let mut rotation = start;
    let mut rotated = Mat::<f64>::zeros(size, vectors.ncols());
    let mut products = Mat::<f64>::zeros(size, size);
    for _ in 0..rounds {
        let turned = rotation.transpose();
        matmul(
            rotated.as_mut(),
            Accum::Replace,
            turned,
            vectors,
            1.0,
            Par::Seq,
        );
        for column in rotated.as_mut().col_iter_mut() {
            column
                .iter_mut()
                .for_each(|x| *x = if *x >= 0.0 { 1.0 } else { -1.0 });
        }
        let corners = rotated.as_ref();
        matmul(
            products.as_mut(),
            Accum::Replace,
            vectors,
            corners.transpose(),
            1.0,
            Par::Seq,
        );
        rotation = nearest_rotation(&products)?;
    }
    Ok(rotation)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(list: &serde_json::Value) -> Vec<f64> {
        let list = list.as_array().unwrap();
        list.iter().map(|x| x.as_f64().unwrap()).collect()
    }

    #[test]
    fn rounds_are_those_of_the_reference() {
        let reference: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/reference/hashing.json")).unwrap();
        let reference = &reference["itq"];
        let size = reference["bits"].as_u64().unwrap() as usize;
        let start = numbers(&reference["start"]);
        let start = Mat::from_fn(size, size, |i, j| start[size * i + j]);
        let projected = numbers(&reference["projected"]);
        let projected: Vec<f32> = projected.into_iter().map(|x| x as f32).collect();
        let rounds = reference["rounds"].as_u64().unwrap() as usize;
        let found = learn_rotation(&projected, start, rounds).unwrap();
        let expected = numbers(&reference["rotation"]);
        for i in 0..size {
            for j in 0..size {
                assert!((found[(i, j)] - expected[size * i + j]).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn random_rotations_are_orthogonal_and_the_seeds_own() {
        let rotation = random_rotation(20, 1);
        let product = &rotation * rotation.transpose();
        for i in 0..20 {
            for j in 0..20 {
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((product[(i, j)] - expected).abs() < 1e-12);
            }
        }
        assert_eq!(rotation, random_rotation(20, 1));
        assert_ne!(rotation, random_rotation(20, 2));
    }
}
