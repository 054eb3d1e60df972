//! A linear map in front of codes.

use super::bytes::{Bytes, counts, push_floats};
use crate::Error;
use crate::float_panel::FloatPanel;
use crate::points::MOST_DIMENSIONS;

/// Most numbers of a matrix.
const MOST_NUMBERS: usize = 1 << 28;

/// A matrix whose rows are orthogonal and of length 1: a rotation, or one onto fewer dimensions. Nothing is subtracted, so that inner
/// products stay what they are.
#[derive(Debug, Clone)]
pub(crate) struct LinearMap {
    input: usize,
    /// Row by row.
    matrix: Vec<f32>,
    panel: FloatPanel,
}

impl LinearMap {
    /// Of a matrix with rows of `input` numbers.
    ///
    /// # Errors
    /// They are not whole rows of finite numbers, or too many.
    pub fn new(matrix: Vec<f32>, input: usize) -> Result<Self, Error> {
        let shape = Error::Shape {
            numbers: matrix.len(),
            dimension: input,
        };
        let whole = input > 0 && matrix.len().is_multiple_of(input) && !matrix.is_empty();
        if !whole || matrix.len() > MOST_NUMBERS {
            return Err(shape);
        }
        if let Some(at) = matrix.iter().position(|x| !x.is_finite()) {
            return Err(Error::NotFinite { row: at / input });
        }
        Ok(Self {
            input,
            panel: FloatPanel::new(&matrix, input),
            matrix,
        })
    }

    /// Dimension of what it takes.
    pub fn input(&self) -> usize {
        self.input
    }

    /// Dimension of what it gives.
    pub fn output(&self) -> usize {
        self.matrix.len() / self.input
    }

    /// The matrix, row by row.
    pub fn matrix(&self) -> &[f32] {
        &self.matrix
    }

    /// The images of some rows, on this thread.
    pub fn apply(&self, rows: &[f32]) -> Vec<f32> {
        let mut images = vec![0.0; rows.len() / self.input * self.output()];
        self.panel.products_here(rows, &mut images);
        images
    }

    /// The images of many rows, in parallel in the current rayon pool.
    pub fn apply_all(&self, rows: &[f32]) -> Vec<f32> {
        self.panel.products(rows)
    }

    /// The matrix.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = counts(&[self.input, self.output()]);
        push_floats(&mut bytes, &self.matrix);
        bytes
    }

    /// Reads what [`LinearMap::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        let input = bytes.count(1, MOST_DIMENSIONS)?;
        let output = bytes.count(1, MOST_DIMENSIONS)?;
        let matrix = bytes.floats(input * output)?;
        bytes.end()?;
        Self::new(matrix, input).ok()
    }
}
