//! Additive codes by residuals (residual quantisation; Chen, Guan & Wang 2010): a vector is the sum of a few centroids, each from a
//! codebook of what the ones before left over.
//!
//! The nearest centroid of each stage in turn is rarely the best of sums, so encoding follows the four best at a time (beam search). After
//! the stages were learned one by one, codes and codebooks take turns: every centroid moves to the mean of what its vectors lack of
//! the other stages. A code has a byte for each stage and then the squared length of its vector, with which squared distances are inner
//! products. Checked against FAISS, see `tests/reference/codes.py`.

use rayon::prelude::*;

use super::bytes::{Bytes, counts, push_floats};
use super::product::four_sums;
use super::training::training_rows;
use super::{Coder, Question};
use crate::float_kmeans::float_kmeans;
use crate::float_panel::FloatPanel;
use crate::points::{MOST_DIMENSIONS, in_range};
use crate::{Error, Metric, dot_f32, l2_squared_f32};

/// Centroids of a stage.
const CENTROIDS: usize = 256;
/// Most stages.
const MOST_STAGES: usize = 64;
/// Most samples for a centroid.
const SAMPLES: usize = 128;
/// Rounds of k-means in a stage.
const ROUNDS: usize = 25;
/// Rounds of codes and codebooks at the end.
const REFINED: usize = 4;
/// Sums that are followed at a time.
const BEAM: usize = 4;
/// Vectors of one task.
const TASK: usize = 32;
/// Bytes of a squared length.
const NORM: usize = 4;

/// Keeps vectors as sums of centroids.
#[derive(Debug, Clone)]
pub(crate) struct Additive {
    dimension: usize,
    /// 256 rows for each stage.
    centroids: Vec<f32>,
    panels: Vec<FloatPanel>,
}

/// A query to [`Additive`] codes.
pub(crate) struct AdditiveQuestion {
    /// Inner products with all centroids.
    tables: Vec<f32>,
    /// The squared length of the query where distances are asked for.
    norm: Option<f32>,
}

/// A sum of centroids, and what the vector lacks of it.
#[derive(Clone)]
struct Partial {
    residual: Vec<f32>,
    named: Vec<u8>,
}

impl Additive {
    /// Learns `stages` (1 to 64) codebooks of 256 centroids from `samples`, rows of `dimension` numbers. At most 128 samples for a
    /// centroid are taken.
    ///
    /// # Errors
    /// The samples are not whole rows of finite numbers, or fewer than 256; or the stages are outside of their range.
    pub fn train(
        samples: &[f32],
        dimension: usize,
        stages: usize,
        seed: u64,
    ) -> Result<Self, Error> {
        in_range("the stages of an additive code", stages, 1, MOST_STAGES)?;
        let rows = training_rows(samples, dimension, CENTROIDS, SAMPLES * CENTROIDS, seed)?;
        let mut found = Self::assemble(dimension, Vec::new());
        let mut residuals = rows.to_vec();
        for stage in 0..stages {
            let seed = seed.wrapping_add(stage as u64);
            let book = float_kmeans(&residuals, dimension, CENTROIDS, ROUNDS, seed)?.centroids;
            found.panels.push(FloatPanel::new(&book, dimension));
            found.centroids.extend(book);
            let best = found.best_of_all(&rows);
            residuals = best.into_iter().flat_map(|p| p.residual).collect();
        }
        let mut error = squared(&residuals);
        for _ in 0..REFINED {
            let refined = found.refined(&rows);
            let best = refined.best_of_all(&rows);
            let now: f64 = best.iter().map(|p| squared(&p.residual)).sum();
            if now >= error {
                break;
            }
            (found, error) = (refined, now);
        }
        Ok(found)
    }

    fn assemble(dimension: usize, centroids: Vec<f32>) -> Self {
        let books = centroids.chunks_exact(CENTROIDS * dimension);
        Self {
            dimension,
            panels: books.map(|book| FloatPanel::new(book, dimension)).collect(),
            centroids,
        }
    }

    /// Codebooks whose centroids are the means of what the vectors that name them lack of the other stages.
    fn refined(&self, rows: &[f32]) -> Self {
        let mut best = self.best_of_all(rows);
        let mut centroids = self.centroids.clone();
        let books = centroids.chunks_exact_mut(CENTROIDS * self.dimension);
        for (stage, book) in books.enumerate() {
            let mut sums = vec![0f64; book.len()];
            let mut numbers = [0usize; CENTROIDS];
            for partial in &best {
                let named = usize::from(partial.named[stage]);
                numbers[named] += 1;
                let sum = &mut sums[named * self.dimension..][..self.dimension];
                sum.iter_mut()
                    .zip(&partial.residual)
                    .for_each(|(sum, &x)| *sum += f64::from(x));
            }
            // How far each centroid moves.
            let moves: Vec<f32> = sums
                .chunks_exact(self.dimension)
                .zip(&numbers)
                .flat_map(|(sum, &n)| sum.iter().map(move |s| (s / n.max(1) as f64) as f32))
                .collect();
            book.iter_mut().zip(&moves).for_each(|(c, m)| *c += m);
            for partial in &mut best {
                let named = usize::from(partial.named[stage]);
                let moved = &moves[named * self.dimension..][..self.dimension];
                partial
                    .residual
                    .iter_mut()
                    .zip(moved)
                    .for_each(|(x, m)| *x -= m);
            }
        }
        Self::assemble(self.dimension, centroids)
    }

    fn centroid(&self, stage: usize, number: u8) -> &[f32] {
        let row = stage * CENTROIDS + usize::from(number);
        &self.centroids[row * self.dimension..][..self.dimension]
    }

    /// The best sums for rows, in parallel.
    fn best_of_all(&self, rows: &[f32]) -> Vec<Partial> {
        rows.par_chunks(TASK * self.dimension)
            .flat_map_iter(|rows| self.best_of(rows))
            .collect()
    }

    /// The best sums for a few rows.
    fn best_of(&self, rows: &[f32]) -> Vec<Partial> {
        let mut beams: Vec<Vec<Partial>> = rows
            .chunks_exact(self.dimension)
            .map(|row| {
                vec![Partial {
                    residual: row.to_vec(),
                    named: Vec::new(),
                }]
            })
            .collect();
        for (stage, panel) in self.panels.iter().enumerate() {
            let residuals = beams.iter().flatten().flat_map(|p| &p.residual);
            let residuals: Vec<f32> = residuals.copied().collect();
            let mut distances = vec![0f32; residuals.len() / self.dimension * CENTROIDS];
            panel.distances_here(&residuals, &mut distances);
            let mut distances = distances.as_slice();
            for beam in &mut beams {
                let (own, rest) = distances.split_at(beam.len() * CENTROIDS);
                distances = rest;
                *beam = self.followed(beam, stage, own);
            }
        }
        let best = beams.into_iter().filter_map(|beam| beam.into_iter().next());
        best.collect()
    }

    /// The best sums of one centroid more, from the distances of all; the best first, of equals the first.
    fn followed(&self, beam: &[Partial], stage: usize, distances: &[f32]) -> Vec<Partial> {
        let mut best: Vec<(f32, usize)> = Vec::with_capacity(BEAM + 1);
        for (at, &distance) in distances.iter().enumerate() {
            if best.len() == BEAM && best.last().is_some_and(|last| last.0 <= distance) {
                continue;
            }
            let place = best.partition_point(|other| other.0 <= distance);
            best.insert(place, (distance, at));
            best.truncate(BEAM);
        }
        let follow = |(_, at): (f32, usize)| {
            let before = &beam[at / CENTROIDS];
            let number = (at % CENTROIDS) as u8;
            let pairs = before.residual.iter().zip(self.centroid(stage, number));
            let mut named = before.named.clone();
            named.push(number);
            Partial {
                residual: pairs.map(|(x, c)| x - c).collect(),
                named,
            }
        };
        best.into_iter().map(follow).collect()
    }

    fn encode_some(&self, rows: &[f32], codes: &mut [u8]) {
        let mut row = vec![0f32; self.dimension];
        let codes = codes.chunks_exact_mut(self.code_bytes());
        for (code, best) in codes.zip(self.best_of(rows)) {
            let (named, norm) = code.split_at_mut(self.panels.len());
            named.copy_from_slice(&best.named);
            self.sum(named, &mut row);
            norm.copy_from_slice(&dot_f32(&row, &row).to_le_bytes());
        }
    }

    /// The sum of the centroids that are named.
    fn sum(&self, named: &[u8], row: &mut [f32]) {
        row.fill(0.0);
        for (stage, &number) in named.iter().take(self.panels.len()).enumerate() {
            for (x, c) in row.iter_mut().zip(self.centroid(stage, number)) {
                *x += c;
            }
        }
    }

    /// What was learned.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = counts(&[self.dimension, self.panels.len()]);
        push_floats(&mut bytes, &self.centroids);
        bytes
    }

    /// Reads what [`Additive::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        let dimension = bytes.count(1, MOST_DIMENSIONS)?;
        let stages = bytes.count(1, MOST_STAGES)?;
        let centroids = bytes.floats(stages * CENTROIDS * dimension)?;
        bytes.end()?;
        Some(Self::assemble(dimension, centroids))
    }
}

fn squared(residuals: &[f32]) -> f64 {
    residuals.iter().map(|&x| f64::from(x) * f64::from(x)).sum()
}

impl Coder for Additive {
    type Question<'a> = AdditiveQuestion;

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn code_bytes(&self) -> usize {
        self.panels.len() + NORM
    }

    fn encode(&self, row: &[f32], code: &mut [u8]) {
        self.encode_some(row, code);
    }

    fn encode_all(&self, rows: &[f32], codes: &mut [u8]) {
        let rows = rows.par_chunks(TASK * self.dimension);
        let codes = codes.par_chunks_mut(TASK * self.code_bytes());
        codes
            .zip(rows)
            .for_each(|(codes, rows)| self.encode_some(rows, codes));
    }

    fn decode(&self, code: &[u8], row: &mut [f32]) {
        self.sum(code, row);
    }

    fn ask(&self, query: &[f32], metric: Metric) -> AdditiveQuestion {
        let mut tables = vec![0f32; CENTROIDS * self.panels.len()];
        for (table, panel) in tables.chunks_exact_mut(CENTROIDS).zip(&self.panels) {
            panel.products_here(query, table);
        }
        AdditiveQuestion {
            tables,
            norm: (metric == Metric::L2).then(|| dot_f32(query, query)),
        }
    }

    fn between(&self, a: &[u8], b: &[u8], metric: Metric) -> f32 {
        let mut rows = [vec![0f32; self.dimension], vec![0f32; self.dimension]];
        self.sum(a, &mut rows[0]);
        self.sum(b, &mut rows[1]);
        match metric {
            Metric::L2 => -l2_squared_f32(&rows[0], &rows[1]),
            Metric::Dot | Metric::Cosine => dot_f32(&rows[0], &rows[1]),
        }
    }
}

impl Question for AdditiveQuestion {
    #[inline]
    fn score(&self, code: &[u8]) -> f32 {
        let tables = self.tables.as_chunks::<CENTROIDS>().0;
        let product = four_sums(tables.iter().zip(code), |(table, &c)| table[usize::from(c)]);
        let Some(norm) = self.norm else {
            return product;
        };
        match code.last_chunk() {
            Some(&own) => 2.0 * product - norm - f32::from_le_bytes(own),
            None => product,
        }
    }
}
