//! Indexes of vectors by their names: what an [`IndexName`] says, made, tuned on its own vectors, kept in a file and searched.
//!
//! ```text
//! config     what is wanted            transform  what is done to vectors first
//! engine     graph or lists            finer      codes for the best
//! make       from a name to these      tune       how hard to look
//! writer     gathers vectors           file       the layout of the file
//! ```
//!
//! ```
//! use vizsla_vectors::{Allowed, NamedVectors, NamedVectorsConfig, VectorIndex};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("vectors.vznv");
//! let config = NamedVectorsConfig::new("HNSW16,SQ8,RFlat".parse().unwrap());
//! let mut writer = NamedVectors::create(&path, 2, "example", &config)?;
//! for (id, angle) in (1..).zip([0.0f32, 0.5, 1.0, 2.0]) {
//!     writer.push(id, &[angle.cos(), angle.sin()])?;
//! }
//! writer.finish()?;
//! let index = NamedVectors::open(&path)?;
//! let found = index.nearest(&[0.9f32.cos(), 0.9f32.sin()], 2, &Allowed::All)?;
//! assert_eq!(found.best.iter().map(|best| best.0).collect::<Vec<_>>(), [3, 2]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod engine;
mod file;
mod finer;
mod make;
#[cfg(test)]
mod tests;
mod transform;
mod tune;
mod writer;

use std::borrow::Cow;
use std::path::PathBuf;

use rayon::prelude::*;

pub use self::config::{Effort, NamedVectorsConfig};
use self::engine::{Engine, Wanted};
use self::file::{FORMAT, HEADER};
use self::finer::{Finer, FinerQuestion, Ids};
pub use self::tune::Tuned;
pub use self::writer::NamedVectorsWriter;
use crate::codes::LinearMap;
use crate::files::{CUT_SHORT, Mapped};
use crate::points::{check_query, count_points};
use crate::{Allowed, Error, IndexName, Looking, Metric, Moments, Nearest, Sample, VectorIndex};

/// An index of vectors that was made as its name says, open for searching.
pub struct NamedVectors {
    name: IndexName,
    metric: Metric,
    dimension: usize,
    tag: String,
    tuned: Tuned,
    transform: Option<LinearMap>,
    finer: Option<Box<dyn Finer>>,
    ids: Ids,
    sample: Sample,
    engine: Box<dyn Engine>,
    crc: u32,
    path: PathBuf,
    map: Mapped,
}

impl std::fmt::Debug for NamedVectors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NamedVectors")
            .field("name", &self.name.to_string())
            .field("len", &self.ids.len())
            .field("dimension", &self.dimension)
            .finish_non_exhaustive()
    }
}

impl NamedVectors {
    /// What it is made of.
    pub fn name(&self) -> IndexName {
        self.name
    }

    /// How vectors are compared.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// How hard a search has to look, as it was measured when the index was made.
    pub fn tuned(&self) -> Tuned {
        self.tuned
    }

    /// Bytes of the file for each vector.
    pub fn bytes_per_vector(&self) -> f64 {
        self.map.bytes().len() as f64 / self.ids.len().max(1) as f64
    }

    /// The same index with edges and codes in memory, on large pages where there are such: searches of large ones are faster there.
    ///
    /// # Errors
    /// There is not enough memory, or the file was cut short.
    pub fn into_memory(self) -> Result<Self, Error> {
        Ok(Self {
            engine: self.engine.into_memory()?,
            ..self
        })
    }

    /// The `k` best allowed vectors, id and score, best first; of equal scores the lower id. Scores are those of the finer codes where there
    /// are such, otherwise of the codes.
    ///
    /// # Errors
    /// The query has another length or holds what is no finite number, or the file was damaged since it was opened.
    pub fn nearest_with(
        &self,
        query: &[f32],
        k: usize,
        effort: Effort,
        allowed: &Allowed<'_>,
    ) -> Result<Vec<(i64, f32)>, Error> {
        check_query(query, self.dimension)?;
        let query = self.metric.prepared(query);
        let question = self.finer.as_ref().map(|finer| FinerQuestion {
            ids: &self.ids,
            asked: finer.ask(&query, self.metric),
        });
        let wanted = Wanted {
            query: &self.coded(&query),
            k,
            effort,
            allowed,
            finer: question.as_ref(),
        };
        self.engine.nearest(&wanted)
    }

    /// [`NamedVectors::nearest_with`] for each of many queries, rows of the index's dimension, in the current rayon pool.
    ///
    /// # Errors
    /// As [`NamedVectors::nearest_with`].
    pub fn nearest_many(
        &self,
        queries: &[f32],
        k: usize,
        effort: Effort,
        allowed: &Allowed<'_>,
    ) -> Result<Vec<Vec<(i64, f32)>>, Error> {
        count_points(queries, self.dimension)?;
        let queries = queries.par_chunks_exact(self.dimension);
        let found = queries.map(|query| self.nearest_with(query, k, effort, allowed));
        found.collect()
    }

    /// All allowed vectors with a score of at least `least`, best first. Where there are finer codes, scores are theirs, and what
    /// the coarser ones leave below `least` is not found.
    ///
    /// # Errors
    /// As [`NamedVectors::nearest_with`].
    pub fn within(
        &self,
        query: &[f32],
        least: f32,
        effort: Effort,
        allowed: &Allowed<'_>,
    ) -> Result<Vec<(i64, f32)>, Error> {
        check_query(query, self.dimension)?;
        let query = self.metric.prepared(query);
        let mut found = self
            .engine
            .within(&self.coded(&query), least, effort, allowed)?;
        if let Some(finer) = &self.finer {
            let question = FinerQuestion {
                ids: &self.ids,
                asked: finer.ask(&query, self.metric),
            };
            found
                .iter_mut()
                .for_each(|(id, score)| *score = question.of_id(*id));
            found.retain(|&(_, score)| score >= least);
            found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        }
        Ok(found)
    }

    /// A prepared query as vectors are coded.
    fn coded<'q>(&self, query: &'q [f32]) -> Cow<'q, [f32]> {
        match &self.transform {
            Some(transform) => transform.apply(query).into(),
            None => query.into(),
        }
    }

    /// All allowed vectors are compared: where the sample says nothing of so few.
    fn all(&self, query: &[f32], k: usize, allowed: &Allowed<'_>) -> Result<Nearest, Error> {
        let count = allowed.most_of(self.len());
        let effort = Effort {
            width: self.engine.widest(),
            finer: 1,
        };
        let mut best = self.nearest_with(query, count, effort, allowed)?;
        let mut moments = Moments::default();
        best.iter().for_each(|&(_, score)| moments.add(score));
        best.truncate(k);
        Ok(Nearest { best, moments })
    }
}

impl VectorIndex for NamedVectors {
    fn len(&self) -> usize {
        self.ids.len()
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn tag(&self) -> &str {
        &self.tag
    }

    fn made_of(&self) -> String {
        let Tuned {
            width,
            answers,
            recall,
        } = self.tuned;
        let recall = (1000.0 * recall).floor() / 10.0;
        let looked = match self.name.looking {
            Looking::All => return format!("{}: all codes are compared", self.name),
            Looking::Lists(lists) => format!("{width} of {lists} lists are read"),
            Looking::Graph(_) => format!("walks {width} wide"),
        };
        format!(
            "{}: {looked}, which found {recall} % of the {answers} nearest of its own vectors",
            self.name
        )
    }

    fn last_id(&self) -> i64 {
        let last = self.ids.len().checked_sub(1);
        last.map_or(0, |last| self.ids.id(last))
    }

    /// The greatest scores: inner products, cosines or minus squared distances, as the index compares.
    fn nearest(&self, query: &[f32], k: usize, allowed: &Allowed<'_>) -> Result<Nearest, Error> {
        check_query(query, self.dimension)?;
        let prepared = self.metric.prepared(query);
        let found = match self.sample.scores(&prepared, self.metric, allowed) {
            Some(moments) => Nearest {
                best: self.nearest_with(query, k, self.effort(k), allowed)?,
                moments,
            },
            None => self.all(query, k, allowed)?,
        };
        self.check_whole()?;
        Ok(found)
    }

    fn check_whole(&self) -> Result<(), Error> {
        match self.map.is_whole() {
            true => Ok(()),
            false => Err(FORMAT.damaged(CUT_SHORT, &self.path)),
        }
    }

    fn verify(&self) -> Result<(), Error> {
        let body = self.map.bytes().get(HEADER..).unwrap_or_default();
        if crc32fast::hash(body) != self.crc {
            return Err(FORMAT.damaged("checksum", &self.path));
        }
        if (1..self.ids.len()).any(|row| self.ids.id(row - 1) >= self.ids.id(row)) {
            return Err(FORMAT.damaged("ids do not ascend", &self.path));
        }
        self.engine.verify()?;
        self.check_whole()
    }
}
