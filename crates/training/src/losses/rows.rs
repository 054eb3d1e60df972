//! What several losses need: entries of a matrix, distances between rows, and checks of sizes, because
//! a tensor that does not fit would end the program.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

use crate::error::Error;

/// Positions as a tensor.
pub(super) fn indices(values: impl Iterator<Item = usize>, device: &Device) -> Tensor<1, Int> {
    let values: Vec<i64> = values.map(|value| value as i64).collect();
    let length = values.len();
    Tensor::from_data(TensorData::new(values, [length]), device)
}

/// The entries (row, column) of a matrix, in the order of `places`; those lie inside.
pub(super) fn entries(matrix: Tensor<2>, places: &[(usize, usize)]) -> Tensor<1> {
    let [rows, columns] = matrix.dims();
    let at = places.iter().map(|&(row, column)| row * columns + column);
    let at = indices(at, &matrix.device());
    matrix.reshape([rows * columns]).select(0, at)
}

/// Inner products of the rows of `a` with the rows of `b`: rows of `a` × rows of `b`.
pub(super) fn similarities(a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
    a.matmul(b.transpose())
}

/// Squared Euclidean distances between all rows: n × n, not below 0.
pub(super) fn squared_distances(rows: Tensor<2>) -> Tensor<2> {
    let squares = rows.clone().square().sum_dim(1);
    let products = similarities(rows.clone(), rows);
    (squares.clone() + squares.transpose() - products * 2.0).clamp_min(0.0)
}

/// Zero, with a gradient of zero for every row.
pub(super) fn zero(rows: Tensor<2>) -> Tensor<1> {
    rows.sum() * 0.0
}

/// A matrix that is true where `of(row, column)` is.
pub(super) fn mask(
    rows: usize,
    columns: usize,
    device: &Device,
    of: impl Fn(usize, usize) -> bool,
) -> Tensor<2, Bool> {
    let places = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    let values: Vec<bool> = places.map(|(row, column)| of(row, column)).collect();
    Tensor::from_data(TensorData::new(values, [rows, columns]), device)
}

/// Checks that positions lie inside.
pub(super) fn check_positions(
    count: usize,
    mut positions: impl Iterator<Item = usize>,
) -> Result<(), Error> {
    match positions.find(|&position| position >= count) {
        None => Ok(()),
        Some(outside) => Err(Error::shape(format!(
            "position {outside} among {count} descriptors; the last is {}",
            count.saturating_sub(1)
        ))),
    }
}

/// Checks that two sets of descriptors have the same length, and where `paired` the same number.
pub(super) fn check_same(a: &Tensor<2>, b: &Tensor<2>, paired: bool) -> Result<(), Error> {
    let ([rows_a, length_a], [rows_b, length_b]) = (a.dims(), b.dims());
    if length_a == length_b && (!paired || rows_a == rows_b) {
        return Ok(());
    }
    Err(Error::shape(format!(
        "descriptors of {rows_a}x{length_a} and {rows_b}x{length_b} do not belong together"
    )))
}

/// Checks that a setting is a number above zero.
pub(super) fn check_positive(name: &str, value: f64) -> Result<(), Error> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Error::setting(name, value, "it is a number above zero"))
}
