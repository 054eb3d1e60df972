//! Distances between the rows of a batch, in ordinary memory for the miners.

use rayon::prelude::*;
use vizsla_vectors::{dot_f32, l2_squared_f32};

use crate::error::Error;
use crate::losses::Distance;

/// All distances of a batch: rows × rows.
pub struct Distances {
    count: usize,
    values: Vec<f32>,
}

impl Distances {
    /// Distances of `rows`, which are `length` numbers each.
    ///
    /// # Errors
    /// [`Error::Shape`] when the numbers are not whole rows.
    pub fn of(rows: &[f32], length: usize, distance: Distance) -> Result<Distances, Error> {
        if length == 0 || !rows.len().is_multiple_of(length) {
            return Err(Error::shape(format!(
                "{} numbers are no rows of {length}",
                rows.len()
            )));
        }
        let count = rows.len() / length;
        let mut values = vec![0.0f32; count * count];
        values
            .par_chunks_mut(count.max(1))
            .zip(rows.par_chunks(length))
            .for_each(|(values, row)| {
                for (value, other) in values.iter_mut().zip(rows.chunks(length)) {
                    *value = match distance {
                        Distance::SquaredEuclidean => l2_squared_f32(row, other),
                        Distance::Euclidean => l2_squared_f32(row, other).sqrt(),
                        Distance::Cosine => 1.0 - dot_f32(row, other),
                    };
                }
            });
        Ok(Distances { count, values })
    }

    /// Number of rows.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Distances of one row to all; empty for a row that is not there.
    pub fn row(&self, row: usize) -> &[f32] {
        let start = row.saturating_mul(self.count);
        self.values
            .get(start..start.saturating_add(self.count))
            .unwrap_or_default()
    }
}
