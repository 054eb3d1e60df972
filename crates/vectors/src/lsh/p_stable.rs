//! Hash functions of Euclidean distance.

use super::probes::MOST_FUNCTIONS;
use crate::Error;
use crate::distance::dot_f32;
use crate::mixing::mix;
use crate::normal::Normal;
use crate::points::{MOST_DIMENSIONS, in_range};
use crate::random::Random;

/// Functions ⌊(a·x + b) / w⌋ with the entries of *a* drawn from the normal distribution, which is 2-stable, and *b* from 0 to
/// *w* (Datar et al. 2004, E2LSH). Points at distance *c* share a value with a probability that falls with *c / w*.
#[derive(Debug, Clone, PartialEq)]
pub struct PStableHash {
    dimension: usize,
    width: f32,
    /// A row for each function.
    directions: Vec<f32>,
    offsets: Vec<f32>,
}

impl PStableHash {
    /// Draws `functions` (1 to 64) for points of `dimension` numbers, with steps of `width` in the units of the points. The
    /// same seed gives the same functions on every machine.
    ///
    /// # Errors
    /// A figure is outside of its range, or the width is not a finite number above 0.
    pub fn draw(dimension: usize, functions: usize, width: f32, seed: u64) -> Result<Self, Error> {
        in_range("the functions of a table", functions, 1, MOST_FUNCTIONS)?;
        in_range("the dimension of points", dimension, 1, MOST_DIMENSIONS)?;
        let mut normal = Normal::new(Random::new(seed));
        let drawn = (0..functions * dimension).map(|_| normal.draw() as f32);
        let directions = drawn.collect();
        let mut random = Random::stream(seed, 1);
        let offsets = (0..functions).map(|_| (random.unit() * f64::from(width)) as f32);
        Self::from_parts(dimension, width, directions, offsets.collect())
    }

    /// Functions given by their directions, row by row, and an offset for each.
    ///
    /// # Errors
    /// The lengths disagree, a number is not finite, the width is not above 0, or there are no functions or more than 64.
    pub fn from_parts(
        dimension: usize,
        width: f32,
        directions: Vec<f32>,
        offsets: Vec<f32>,
    ) -> Result<Self, Error> {
        in_range("the functions of a table", offsets.len(), 1, MOST_FUNCTIONS)?;
        in_range("the dimension of points", dimension, 1, MOST_DIMENSIONS)?;
        if directions.len() != dimension * offsets.len() {
            return Err(Error::Shape {
                numbers: directions.len(),
                dimension,
            });
        }
        let finite = |x: &f32| x.is_finite();
        if !(finite(&width) && width > 0.0 && offsets.iter().all(finite)) {
            return Err(Error::NotFinite { row: 0 });
        }
        if let Some(at) = directions.iter().position(|x| !finite(x)) {
            return Err(Error::NotFinite {
                row: at / dimension,
            });
        }
        Ok(Self {
            dimension,
            width,
            directions,
            offsets,
        })
    }

    /// Numbers of a point.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Number of functions.
    pub fn functions(&self) -> usize {
        self.offsets.len()
    }

    /// Width of a step, in the units of the points.
    pub fn width(&self) -> f32 {
        self.width
    }

    /// The value of each function, held within 32 bits. Of a point of another dimension the common part counts.
    pub fn hash(&self, point: &[f32]) -> Vec<i32> {
        let mut projections = Vec::new();
        self.project(point, &mut projections);
        projections.into_iter().map(|x| x.floor() as i32).collect()
    }

    /// What the values are the whole parts of: places along each direction, in widths of a step.
    pub(super) fn project(&self, point: &[f32], projections: &mut Vec<f32>) {
        projections.clear();
        let rows = self.directions.chunks_exact(self.dimension);
        let rows = rows.zip(&self.offsets);
        projections.extend(rows.map(|(row, b)| (dot_f32(row, point) + b) / self.width));
    }
}

/// One number for the values of all functions of a table, moved by some steps.
pub(super) fn key_of(projections: &[f32], steps: &[i32]) -> u64 {
    let values = projections.iter().zip(steps);
    values.fold(0, |key, (x, &step)| {
        let value = (x.floor() as i32).wrapping_add(step);
        mix(key ^ u64::from(value as u32))
    })
}
