//! The orthogonal Procrustes problem: which rotation takes some vectors nearest to others (Schönemann 1966).

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::matmul::matmul;
use faer::linalg::svd;
use faer::{Accum, Col, Mat, Par};

use crate::Error;

/// The orthogonal matrix U·Wᵀ of the singular value decomposition U·S·Wᵀ.
pub(crate) fn nearest_rotation(matrix: &Mat<f64>) -> Result<Mat<f64>, Error> {
    let size = matrix.nrows();
    let (mut left, mut right) = (Mat::<f64>::zeros(size, size), Mat::<f64>::zeros(size, size));
    let mut values = Col::<f64>::zeros(size);
    let full = svd::ComputeSvdVectors::Full;
    let mut memory = MemBuffer::new(svd::svd_scratch::<f64>(
        size,
        size,
        full,
        full,
        Par::Seq,
        Default::default(),
    ));
    svd::svd(
        matrix.as_ref(),
        values.as_mut().as_diagonal_mut(),
        Some(left.as_mut()),
        Some(right.as_mut()),
        Par::Seq,
        MemStack::new(&mut memory),
        Default::default(),
    )
    .map_err(|_| Error::Decomposition)?;
    let mut rotation = Mat::<f64>::zeros(size, size);
    let right = right.transpose();
    matmul(
        rotation.as_mut(),
        Accum::Replace,
        left.as_ref(),
        right,
        1.0,
        Par::Seq,
    );
    Ok(rotation)
}
