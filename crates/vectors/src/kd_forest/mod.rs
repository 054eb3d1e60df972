//! Randomised kd-trees over the same points, searched together.
//!
//! One kd-tree is no help in 128 dimensions: the nearest point nearly always lies behind some plane that was passed on the
//! wrong side. Several trees whose planes differ put it on the right side in one of them (Silpa-Anan & Hartley 2008,
//! "Optimised KD-trees for fast image descriptor matching"). As in Muja & Lowe 2009 ("Fast approximate nearest neighbors
//! with automatic algorithm configuration"), each branch divides at the mean along an axis drawn among the five of greatest
//! variance, and a search takes the nearest unvisited cell of all trees until it has checked as many points as it may.
//!
//! Points are kept once, in the order of the first tree's leaves, so that those of a leaf lie side by side. Checked against
//! exact search by NumPy, see `tests/reference/neighbours.py`, and measured beside FLANN in `benches/kdforest.md`.
//!
//! ```
//! use vizsla_vectors::{KdForest, KdForestConfig};
//!
//! let points = [0.0f32, 0.0, 1.0, 0.0, 5.0, 5.0, 5.0, 6.0];
//! let forest = KdForest::build(&points, 2, &KdForestConfig::default())?;
//! let found = forest.nearest(&[4.0, 5.0], 2, 4)?;
//! assert_eq!((found[0].row, found[0].distance), (2, 1.0));
//! assert_eq!((found[1].row, found[1].distance), (3, 2.0));
//! # Ok::<(), vizsla_vectors::Error>(())
//! ```

mod config;
mod grow;
mod search;
mod trees;

use rayon::prelude::*;

pub use self::config::KdForestConfig;
pub(crate) use self::grow::grow;
pub(crate) use self::search::{Scratch, Visitor};
pub(crate) use self::trees::{Rows, Trees};
use crate::Error;
use crate::distance::prefetch;
use crate::element::Element;
use crate::nearest_few::NearestFew;
use crate::neighbour::Neighbour;
use crate::points::{check_query, count_points, in_range};

/// A bound is rounded, and a distance too: cells this little beyond the worst are looked into.
pub(crate) const ROUNDING: f32 = 0.999;
/// Queries one task answers.
const CHUNK: usize = 64;

/// Points and the trees that find the nearest of them.
#[derive(Debug, Clone)]
pub struct KdForest<E> {
    dimension: usize,
    /// In the order of the first tree's leaves.
    points: Vec<E>,
    /// The number that each had when it was given.
    numbers: Vec<u32>,
    trees: Trees,
}

struct Points<'p, E> {
    dimension: usize,
    points: &'p [E],
}

impl<E: Element> Points<'_, E> {
    #[inline]
    fn row(&self, row: u32) -> &[E] {
        &self.points[row as usize * self.dimension..][..self.dimension]
    }
}

impl<E: Element> Rows for Points<'_, E> {
    fn count(&self) -> usize {
        self.points.len() / self.dimension
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    #[inline]
    fn value(&self, row: u32, axis: usize) -> f32 {
        self.points[row as usize * self.dimension + axis].to_f32()
    }

    fn read(&self, row: u32, into: &mut [f32]) {
        for (into, &x) in into.iter_mut().zip(self.row(row)) {
            *into = x.to_f32();
        }
    }
}

impl<E: Element> KdForest<E> {
    /// Grows trees over `points`, rows of `dimension` numbers, which are copied. Trees are grown in parallel in the current
    /// rayon pool; the same points and seed give the same trees.
    ///
    /// # Errors
    /// The points are not whole rows of finite numbers, more than 2³¹ − 1 (of all trees together: 2³²), or longer than 65,536; a figure
    /// of the configuration is outside of its range.
    pub fn build(points: &[E], dimension: usize, config: &KdForestConfig) -> Result<Self, Error> {
        config.check()?;
        let count = count_points(points, dimension)?;
        let most = u32::MAX as usize / (2 * config.trees);
        in_range("the number of points", count, 0, most)?;
        let given = Points { dimension, points };
        let mut trees = grow(&given, config);
        let numbers = trees.rows[..count].to_vec();
        let mut sorted = Vec::with_capacity(points.len());
        let mut places = vec![0u32; count];
        for (place, &number) in numbers.iter().enumerate() {
            sorted.extend_from_slice(given.row(number));
            places[number as usize] = place as u32;
        }
        trees
            .rows
            .iter_mut()
            .for_each(|row| *row = places[*row as usize]);
        Ok(Self {
            dimension,
            points: sorted,
            numbers,
            trees,
        })
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Numbers of a point.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The `k` points nearest to `query`, nearest first, among about `checks` that are looked at (at least `k` are); equal
    /// distances by row number. They are the nearest of all points when `checks` is at least the number of points.
    ///
    /// # Errors
    /// The query has another length, or holds what is not a finite number.
    pub fn nearest(
        &self,
        query: &[E],
        k: usize,
        checks: usize,
    ) -> Result<Vec<Neighbour<E::Distance>>, Error> {
        self.seeker().nearest(query, k, checks)
    }

    /// As [`KdForest::nearest`] for each of `queries`, rows one after the other, in parallel in the current rayon pool.
    ///
    /// # Errors
    /// The queries are not whole rows of finite numbers.
    pub fn nearest_all(
        &self,
        queries: &[E],
        k: usize,
        checks: usize,
    ) -> Result<Vec<Vec<Neighbour<E::Distance>>>, Error> {
        count_points(queries, self.dimension)?;
        let of_chunks: Vec<Vec<_>> = queries
            .par_chunks(CHUNK * self.dimension)
            .map(|queries| {
                let mut seeker = self.seeker();
                let queries = queries.chunks_exact(self.dimension);
                queries.map(|query| seeker.find(query, k, checks)).collect()
            })
            .collect();
        Ok(of_chunks.into_iter().flatten().collect())
    }

    /// For many searches on one thread: it keeps what they work on.
    pub fn seeker(&self) -> KdSeeker<'_, E> {
        KdSeeker {
            forest: self,
            scratch: Scratch::default(),
            floats: Vec::new(),
        }
    }
}

/// Searches a [`KdForest`], one query after the other.
#[derive(Debug, Clone)]
pub struct KdSeeker<'f, E> {
    forest: &'f KdForest<E>,
    scratch: Scratch,
    floats: Vec<f32>,
}

impl<E: Element> KdSeeker<'_, E> {
    /// As [`KdForest::nearest`].
    ///
    /// # Errors
    /// As [`KdForest::nearest`].
    pub fn nearest(
        &mut self,
        query: &[E],
        k: usize,
        checks: usize,
    ) -> Result<Vec<Neighbour<E::Distance>>, Error> {
        check_query(query, self.forest.dimension)?;
        Ok(self.find(query, k, checks))
    }

    fn find(&mut self, query: &[E], k: usize, checks: usize) -> Vec<Neighbour<E::Distance>> {
        let forest = self.forest;
        self.floats.clear();
        self.floats.extend(query.iter().map(|x| x.to_f32()));
        let points = Points {
            dimension: forest.dimension,
            points: &forest.points,
        };
        let mut best = Best {
            query,
            points,
            numbers: &forest.numbers,
            few: NearestFew::new(k.min(forest.len())),
        };
        let checks = checks.max(k);
        self.scratch
            .search(&forest.trees, &self.floats, checks, &mut best);
        let found = best.few.into_sorted();
        found
            .map(|(rank, row)| Neighbour {
                distance: E::unrank(rank),
                row,
            })
            .collect()
    }
}

struct Best<'s, E> {
    query: &'s [E],
    points: Points<'s, E>,
    numbers: &'s [u32],
    few: NearestFew,
}

impl<E: Element> Visitor for Best<'_, E> {
    #[inline]
    fn expect(&self, row: u32) {
        prefetch(self.points.row(row));
    }

    #[inline]
    fn visit(&mut self, row: u32) -> bool {
        let rank = E::rank(E::distance(self.query, self.points.row(row)));
        if rank <= self.few.worst_rank() {
            self.few.push(rank, self.numbers[row as usize]);
        }
        true
    }

    #[inline]
    fn may_improve(&self, bound: f32) -> bool {
        !self.few.is_full() || bound * ROUNDING <= E::rank_to_f32(self.few.worst_rank())
    }
}
