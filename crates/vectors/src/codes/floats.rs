//! Vectors as they are, four bytes a number.

use super::{Coder, Question};
use crate::Metric;

/// Keeps vectors as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Floats {
    pub dimension: usize,
}

/// A query to vectors as they are.
pub(crate) struct FloatQuestion {
    query: Vec<f32>,
    metric: Metric,
}

/// The numbers of a code. Codes begin at multiples of four bytes; where they do not, nothing is read.
fn numbers(code: &[u8]) -> &[f32] {
    bytemuck::try_cast_slice(code).unwrap_or_default()
}

impl Coder for Floats {
    type Question<'a> = FloatQuestion;

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn code_bytes(&self) -> usize {
        4 * self.dimension
    }

    fn encode(&self, row: &[f32], code: &mut [u8]) {
        for (bytes, number) in code.chunks_exact_mut(4).zip(row) {
            bytes.copy_from_slice(&number.to_le_bytes());
        }
    }

    fn decode(&self, code: &[u8], row: &mut [f32]) {
        for (number, bytes) in row.iter_mut().zip(code.chunks_exact(4)) {
            *number = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
    }

    fn ask(&self, query: &[f32], metric: Metric) -> FloatQuestion {
        FloatQuestion {
            query: query.to_vec(),
            metric,
        }
    }

    fn between(&self, a: &[u8], b: &[u8], metric: Metric) -> f32 {
        metric.of_prepared(numbers(a), numbers(b))
    }
}

impl Question for FloatQuestion {
    fn score(&self, code: &[u8]) -> f32 {
        self.metric.of_prepared(&self.query, numbers(code))
    }
}
