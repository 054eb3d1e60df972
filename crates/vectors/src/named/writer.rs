//! Gathers vectors and makes an index of them.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::config::{Effort, NamedVectorsConfig};
use super::engine::{Engine, Wanted};
use super::file::Written;
use super::format::FORMAT;
use super::index::NamedVectors;
use super::make::{self, Source};
use super::rows::Rows;
use super::tune::{Known, Truth, Tuned};
use crate::codes::LinearMap;
use crate::points::{MOST_DIMENSIONS, check_query, in_range};
use crate::random::Random;
use crate::{Allowed, Error, IndexName, Looking, Sampler};

/// Vectors that a coder or a transform is learned from, at most.
const LEARNED_FROM: usize = 1 << 16;
/// Vectors for each list that centroids are learned from.
const EACH_LIST: usize = 128;
/// What an index without vectors is, whatever it is called: nothing has to be learned for a graph of none.
const NOTHING: IndexName = IndexName {
    looking: Looking::Graph(4),
    ..IndexName::FLAT
};
/// Width of the narrowest walk that is tried.
const NARROWEST: usize = 16;

/// Writes a [`NamedVectors`] file.
pub struct NamedVectorsWriter {
    path: PathBuf,
    dimension: usize,
    tag: String,
    config: NamedVectorsConfig,
    ids: Vec<i64>,
    /// As they are compared.
    pub(super) rows: Rows,
}

impl NamedVectors {
    /// Begins a file of vectors of this length. The tag, at most 32 bytes, says what made them.
    ///
    /// # Errors
    /// The dimension is 0 or above 65,536, or a figure of the configuration is outside of its range.
    pub fn create(
        path: &Path,
        dimension: usize,
        tag: &str,
        config: &NamedVectorsConfig,
    ) -> Result<NamedVectorsWriter, Error> {
        in_range("the dimension of vectors", dimension, 1, MOST_DIMENSIONS)?;
        config.check()?;
        Ok(NamedVectorsWriter {
            path: path.to_owned(),
            dimension,
            tag: tag.to_owned(),
            config: *config,
            ids: Vec::new(),
            rows: Rows::new(path, dimension),
        })
    }
}

impl NamedVectorsWriter {
    /// Adds a vector; ids must ascend. Up to 64 MiB of them are kept in memory at four bytes a number until the file is finished, more in a file
    /// beside it.
    ///
    /// # Errors
    /// The vector has another length or holds what is no finite number, the id is not above the last one, or that file cannot be written.
    pub fn push(&mut self, id: i64, vector: &[f32]) -> Result<(), Error> {
        check_query(vector, self.dimension)?;
        if self.ids.last().is_some_and(|&last| last >= id) {
            return Err(FORMAT.damaged("ids do not ascend", &self.path));
        }
        self.rows.push(&self.config.metric.prepared(vector))?;
        self.ids.push(id);
        Ok(())
    }

    /// Makes the index in the current rayon pool, measures how hard to look, and writes the file; it appears whole or not at all, and never in
    /// the place of another. The same vectors and configuration give the same bytes.
    ///
    /// # Errors
    /// There are too few vectors for what the name says, or the file cannot be written.
    pub fn finish(self) -> Result<(), Error> {
        self.finish_with(&|_| {})
    }

    /// [`NamedVectorsWriter::finish`]; `progress` hears from time to time how many vectors are in the index.
    ///
    /// # Errors
    /// As [`NamedVectorsWriter::finish`].
    pub fn finish_with(self, progress: &(dyn Fn(usize) + Sync)) -> Result<(), Error> {
        let name = match self.ids.is_empty() {
            true => NOTHING,
            false => self.config.name,
        };
        let seed = self.config.seed;
        let samples = self.samples();
        let transform = name.transform.map(|transform| {
            super::transform::learned(transform, name.codes, &samples, self.dimension, seed)
        });
        let transform: Option<LinearMap> = transform.transpose()?;
        let finer = match name.finer {
            None => None,
            Some(finer) => Some(make::finer_codes(
                finer,
                &self.source(
                    &samples,
                    self.dimension,
                    &|at, row| self.rows.read(at, row),
                    progress,
                ),
            )?),
        };
        let coded = transform.as_ref().map_or(self.dimension, LinearMap::output);
        let mapped = transform.as_ref().map(|map| map.apply_all(&samples));
        let read = |at: usize, row: &mut [f32]| match &transform {
            Some(map) => row.copy_from_slice(&map.apply(&self.rows.row(at))),
            None => self.rows.read(at, row),
        };
        let source = self.source(mapped.as_ref().unwrap_or(&samples), coded, &read, progress);
        let engine = make::engine(&name, &source)?;
        // A sample of what scores are of.
        let whole = finer.is_some();
        let mut sampler = Sampler::new(if whole { self.dimension } else { coded });
        for (at, &id) in self.ids.iter().enumerate() {
            sampler.push(id, |row| match whole {
                true => self.rows.read(at, row),
                false => read(at, row),
            });
        }
        let tuned = self.tuned(&*engine, transform.as_ref());
        self.rows.check()?;
        let written = Written {
            name,
            metric: self.config.metric,
            dimension: self.dimension,
            tag: &self.tag,
            tuned,
            transform: transform.as_ref(),
            finer: finer
                .as_ref()
                .map(|(coder, codes)| (&coder[..], &codes[..])),
            ids: &self.ids,
            sample: &sampler.finish(),
            engine: &*engine,
        };
        written.write(&self.path)
    }

    /// Some of the vectors, to learn from.
    fn samples(&self) -> Vec<f32> {
        let most = match self.config.name.looking {
            Looking::Lists(lists) => LEARNED_FROM.max(lists.saturating_mul(EACH_LIST)),
            Looking::All | Looking::Graph(_) => LEARNED_FROM,
        };
        let chosen = Random::new(self.config.seed).subset(most, self.ids.len());
        let mut samples = vec![0.0; chosen.len() * self.dimension];
        let rows = samples.par_chunks_exact_mut(self.dimension);
        rows.zip(chosen)
            .for_each(|(row, at)| self.rows.read(at, row));
        samples
    }

    fn source<'a>(
        &'a self,
        samples: &'a [f32],
        dimension: usize,
        read: &'a (dyn Fn(usize, &mut [f32]) + Sync),
        progress: &'a (dyn Fn(usize) + Sync),
    ) -> Source<'a> {
        Source {
            ids: &self.ids,
            dimension,
            // Rows are prepared.
            metric: self.config.metric.of_codes(),
            seed: self.config.seed,
            samples,
            read,
            progress,
        }
    }

    /// How hard a search has to look.
    fn tuned(&self, engine: &dyn Engine, transform: Option<&LinearMap>) -> Tuned {
        let config = &self.config;
        let first = match config.name.looking {
            Looking::Graph(_) => NARROWEST,
            Looking::All | Looking::Lists(_) => 1,
        };
        let known = Known {
            ids: &self.ids,
            rows: &self.rows,
            metric: config.metric,
        };
        let truth = Truth::of(known, config.answers, config.seed);
        let with_finer = config.name.finer.is_some();
        let search = |query: &[f32], k: usize, effort: Effort| {
            // Codes are compared, and of finer ones only how many they choose from counts.
            let k = if with_finer { k * effort.finer } else { k };
            let coded = transform.map(|map| map.apply(query));
            let wanted = Wanted {
                query: coded.as_deref().unwrap_or(query),
                k,
                effort,
                allowed: &Allowed::All,
                finer: None,
            };
            let found = engine.nearest(&wanted).unwrap_or_default();
            found.into_iter().map(|(id, _)| id).collect()
        };
        truth.tuned(search, engine.widest(), first, config.recall)
    }
}
