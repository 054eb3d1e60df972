//! A named index, open for searching.

use std::borrow::Cow;
use std::path::PathBuf;

use rayon::prelude::*;

use super::config::Effort;
use super::engine::{Engine, Wanted};
use super::finer::{Finer, FinerQuestion, Ids};
use super::format::{FORMAT, HEADER};
use super::tune::Tuned;
use crate::codes::LinearMap;
use crate::files::{CUT_SHORT, Mapped};
use crate::points::{check_query, count_points};
use crate::{Allowed, Error, IndexName, Looking, Metric, Moments, Nearest, Sample, VectorIndex};

/// An index of vectors that was made as its name says, open for searching.
pub struct NamedVectors {
    pub(super) name: IndexName,
    pub(super) metric: Metric,
    pub(super) dimension: usize,
    pub(super) tag: String,
    pub(super) tuned: Tuned,
    pub(super) transform: Option<LinearMap>,
    pub(super) finer: Option<Box<dyn Finer>>,
    pub(super) ids: Ids,
    pub(super) sample: Sample,
    pub(super) engine: Box<dyn Engine>,
    pub(super) crc: u32,
    pub(super) path: PathBuf,
    pub(super) map: Mapped,
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

    /// How hard a search looks that wants so many answers, unless it is told: as measured on the vectors themselves.
    pub fn effort(&self, answers: usize) -> Effort {
        let each = answers.div_ceil(self.tuned.answers).max(1);
        Effort::of_width(
            self.tuned
                .width
                .saturating_mul(each)
                .min(self.engine.widest()),
        )
    }

    /// Bytes of the file for each vector.
    pub fn bytes_per_vector(&self) -> f64 {
        self.map.bytes().len() as f64 / self.ids.len().max(1) as f64
    }

    /// The same index, with edges and codes of a graph in memory, on large pages where there are such: walks through large ones are faster there.
    /// Lists and finer codes stay in the file.
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
        let question = self.question(&query);
        let wanted = Wanted {
            query: &self.coded(&query),
            k,
            effort,
            allowed,
            finer: question.as_ref(),
        };
        let found = self.engine.nearest(&wanted)?;
        self.check_whole()?;
        Ok(found)
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
        if let Some(question) = self.question(&query) {
            found
                .iter_mut()
                .for_each(|(id, score)| *score = question.of_id(*id));
            found.retain(|&(_, score)| score >= least);
            found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        }
        self.check_whole()?;
        Ok(found)
    }

    /// A prepared query to the finer codes, where there are such.
    fn question(&self, query: &[f32]) -> Option<FinerQuestion<'_>> {
        self.finer.as_ref().map(|finer| FinerQuestion {
            ids: &self.ids,
            asked: finer.ask(query, self.metric),
        })
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
        let count = allowed.at_most_of(self.len());
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
            wanted,
        } = self.tuned;
        let percent = |share: f64| (1000.0 * share).floor() / 10.0;
        let fewer = match recall + 1e-6 < wanted {
            true => format!(" of {} % wanted", percent(wanted + 1e-6)),
            false => String::new(),
        };
        let recall = percent(recall);
        let looked = match self.name.looking {
            Looking::All => return format!("{}: all codes are compared", self.name),
            Looking::Lists(lists) => format!("{width} of {lists} lists are read"),
            Looking::Graph(_) => format!("walks {width} wide"),
        };
        format!(
            "{}: {looked}, which found {recall} %{fewer} of the {answers} nearest of its own vectors",
            self.name
        )
    }

    fn name_and_recall(&self) -> Option<(IndexName, f64)> {
        Some((self.name, self.tuned.wanted))
    }

    fn last_id(&self) -> i64 {
        let last = self.ids.len().checked_sub(1);
        last.map_or(0, |last| self.ids.id(last))
    }

    /// The greatest scores: inner products, cosines or minus squared distances, as the index compares.
    fn nearest(&self, query: &[f32], k: usize, allowed: &Allowed<'_>) -> Result<Nearest, Error> {
        check_query(query, self.dimension)?;
        // The sample is of what scores are of: of the vectors, or of what the transform makes of them.
        let prepared = self.metric.prepared(query);
        let scored = match self.finer {
            Some(_) => Cow::Borrowed(&*prepared),
            None => self.coded(&prepared),
        };
        let found = match self.sample.scores(&scored, self.metric, allowed) {
            Some(moments) => Nearest {
                best: self.nearest_with(query, k, self.effort(k), allowed)?,
                moments,
            },
            None => self.all(query, k, allowed)?,
        };
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
