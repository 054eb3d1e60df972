//! Tables over points.

use rayon::prelude::*;

use super::buckets::Buckets;
use super::p_stable::{PStableHash, key_of};
use super::probes::Probes;
use crate::Error;
use crate::element::Element;
use crate::mixing::mix;
use crate::nearest_few::NearestFew;
use crate::neighbour::Neighbour;
use crate::points::{check_query, count_points, in_range};
use crate::random::Random;
use crate::seen::Seen;

/// Most tables.
pub(super) const MOST_TABLES: usize = 1024;
/// Queries one task answers, and points it hashes.
const CHUNK: usize = 256;
/// Points whose nearest others are looked for when a width is estimated, and points among which they are.
const ESTIMATED: (usize, usize) = (64, 4096);

/// What hashing of points is asked to be.
#[derive(Debug, Clone, PartialEq)]
pub struct LshConfig {
    /// Tables, 1 to 1024; each takes some eight bytes a point.
    pub tables: usize,
    /// Functions of a table, 1 to 64: more make buckets smaller.
    pub functions: usize,
    /// Width of a step in the units of the points; 0 takes four times the median distance of a point to the nearest of some
    /// thousand others.
    pub width: f32,
    /// Seed of the functions.
    pub seed: u64,
}

impl Default for LshConfig {
    fn default() -> Self {
        Self {
            tables: 8,
            functions: 12,
            width: 0.0,
            seed: 0,
        }
    }
}

/// Points and the tables of their hashes.
#[derive(Debug, Clone)]
pub struct EuclideanLsh<E> {
    dimension: usize,
    points: Vec<E>,
    tables: Vec<(PStableHash, Buckets)>,
}

/// What a search works on.
#[derive(Default)]
struct Room {
    seen: Seen,
    floats: Vec<f32>,
    projections: Vec<f32>,
}

impl<E: Element> EuclideanLsh<E> {
    /// Hashes `points`, rows of `dimension` numbers, which are copied. Tables are filled in parallel in the current rayon pool.
    ///
    /// # Errors
    /// The points are not whole rows of finite numbers, or a figure of the configuration is outside of its range.
    pub fn build(points: &[E], dimension: usize, config: &LshConfig) -> Result<Self, Error> {
        in_range("the number of tables", config.tables, 1, MOST_TABLES)?;
        let count = count_points(points, dimension)?;
        let width = match config.width {
            0.0 => estimated_width(points, dimension, count, config.seed),
            width => width,
        };
        let hashes: Result<Vec<PStableHash>, Error> = (0..config.tables as u64)
            .map(|table| {
                let seed = mix(config.seed ^ mix(table));
                PStableHash::draw(dimension, config.functions, width, seed)
            })
            .collect();
        let tables = hashes?.into_par_iter().map(|hash| {
            let buckets = Buckets::new(&keys(&hash, points));
            (hash, buckets)
        });
        Ok(Self {
            dimension,
            points: points.to_vec(),
            tables: tables.collect(),
        })
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.points.len() / self.dimension
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// The functions of each table.
    pub fn hashes(&self) -> impl ExactSizeIterator<Item = &PStableHash> {
        self.tables.iter().map(|(hash, _)| hash)
    }

    /// The `k` nearest of the points in the buckets of the query, nearest first, by exact distances; equal ones by row
    /// number. Each table is looked into at its own bucket of the query and at `probes` more, the most likely first. Fewer than
    /// `k` are found when these hold fewer.
    ///
    /// # Errors
    /// The query has another length, or holds what is not a finite number.
    pub fn nearest(
        &self,
        query: &[E],
        k: usize,
        probes: usize,
    ) -> Result<Vec<Neighbour<E::Distance>>, Error> {
        check_query(query, self.dimension)?;
        Ok(self.find(query, k, probes, &mut Room::default()))
    }

    /// As [`EuclideanLsh::nearest`] for each of `queries`, rows one after the other, in parallel in the current rayon pool.
    ///
    /// # Errors
    /// The queries are not whole rows of finite numbers.
    pub fn nearest_all(
        &self,
        queries: &[E],
        k: usize,
        probes: usize,
    ) -> Result<Vec<Vec<Neighbour<E::Distance>>>, Error> {
        count_points(queries, self.dimension)?;
        let of_chunks: Vec<Vec<_>> = queries
            .par_chunks(CHUNK * self.dimension)
            .map(|queries| {
                let mut room = Room::default();
                let queries = queries.chunks_exact(self.dimension);
                let found = queries.map(|query| self.find(query, k, probes, &mut room));
                found.collect()
            })
            .collect();
        Ok(of_chunks.into_iter().flatten().collect())
    }

    fn find(
        &self,
        query: &[E],
        k: usize,
        probes: usize,
        room: &mut Room,
    ) -> Vec<Neighbour<E::Distance>> {
        room.floats.clear();
        room.floats.extend(query.iter().map(|x| x.to_f32()));
        room.seen.reserve(self.len());
        let mut few = NearestFew::new(k.min(self.len()));
        for (hash, buckets) in &self.tables {
            hash.project(&room.floats, &mut room.projections);
            let mut steps = [0; super::probes::MOST_FUNCTIONS];
            let steps = &mut steps[..hash.functions()];
            let mut more = (probes > 0).then(|| Probes::new(&room.projections));
            let mut left = probes;
            loop {
                for &row in buckets.rows(key_of(&room.projections, steps)) {
                    if room.seen.insert(row) {
                        let point = &self.points[row as usize * self.dimension..];
                        let distance = E::distance(query, &point[..self.dimension]);
                        few.push(E::rank(distance), row);
                    }
                }
                let next = left > 0 && more.as_mut().is_some_and(|more| more.next_into(steps));
                if !next {
                    break;
                }
                left -= 1;
            }
        }
        room.seen.clear();
        let found = few.into_sorted().map(|(rank, row)| Neighbour {
            distance: E::unrank(rank),
            row,
        });
        found.collect()
    }
}

fn keys<E: Element>(hash: &PStableHash, points: &[E]) -> Vec<u64> {
    let dimension = hash.dimension();
    let steps = vec![0; hash.functions()];
    let of_chunks: Vec<Vec<u64>> = points
        .par_chunks(CHUNK * dimension)
        .map(|points| {
            let (mut floats, mut projections) = (Vec::new(), Vec::new());
            let points = points.chunks_exact(dimension);
            let key = |point: &[E]| {
                floats.clear();
                floats.extend(point.iter().map(|x| x.to_f32()));
                hash.project(&floats, &mut projections);
                key_of(&projections, &steps)
            };
            points.map(key).collect()
        })
        .collect();
    of_chunks.concat()
}

/// Four times the median distance of some points to the nearest different one of some others; 1 when there is none.
fn estimated_width<E: Element>(points: &[E], dimension: usize, count: usize, seed: u64) -> f32 {
    let mut random = Random::stream(seed, 2);
    let row = |at: usize| &points[at * dimension..][..dimension];
    let among = random.subset(ESTIMATED.1, count);
    let some = random.subset(ESTIMATED.0, among.len());
    let nearest = some.iter().filter_map(|&at| {
        let query = row(among[at]);
        let ranks = among
            .iter()
            .map(|&other| E::rank(E::distance(query, row(other))));
        ranks.filter(|&rank| rank > 0).min()
    });
    let mut nearest: Vec<u32> = nearest.collect();
    nearest.sort_unstable();
    match nearest
        .get(nearest.len() / 2)
        .map(|&rank| E::rank_to_f32(rank).sqrt())
    {
        Some(median) if (4.0 * median).is_finite() => 4.0 * median,
        _ => 1.0,
    }
}
