//! A navigable graph: nearest neighbours by walking from node to node, always to what is nearer to the query.
//!
//! Hierarchical graphs (HNSW, Malkov & Yashunin 2018) keep layers above the one that holds all nodes, only to find a good place
//! to set out from; in as many dimensions as descriptors have, a flat graph with long edges does as well (Vamana of "DiskANN",
//! Subramanya et al. 2019; Munyampirwa, Lakshman & Coleman 2024, "Down with the Hierarchy"). This one is flat. Walks set out from
//! the nearest of some drawn nodes. It is built by batches in parallel, the same whatever the number of threads
//! (ParlayANN, Manohar et al. 2024).
//!
//! Vectors are compared as codes of any [`Coder`]; coarse codes can be followed by a finer comparison of the best ([`Refine`]).
//!
//! ```text
//! config   how it is built          view     edges and codes as they are read
//! build    batches                  pool     the nearest nodes met, in order
//! prune    which edges              walk     the two walks
//! space    distances of nodes       search   nearest, filters, ranges
//! entries  where walks set out      store    in memory or in a file
//! pages    room for a large graph   file     the layout of the file
//! ```

mod build;
mod config;
mod entries;
mod file;
mod pages;
mod pool;
mod prune;
mod search;
mod space;
mod store;
#[cfg(test)]
mod tests;
mod view;
mod walk;

use rayon::prelude::*;

use self::build::{Builder, drawn_order};
use self::entries::{Entries, entry_count};
use self::pages::Pages;
use self::space::Space;
use self::store::{Memory, Store};
use self::view::{NONE, View};
use crate::codes::Coder;
use crate::points::{MOST_DIMENSIONS, MOST_POINTS, in_range};
use crate::{Error, Metric};

pub use self::config::NavigableConfig;
pub(crate) use self::search::{Refine, Request};
pub(crate) use self::walk::Room;

/// A navigable graph over codes, in memory or in a file.
#[derive(Debug)]
pub(crate) struct Navigable<C> {
    coder: C,
    metric: Metric,
    config: NavigableConfig,
    /// Where walks set out from.
    entries: Entries,
    store: Store,
}

/// The vectors of an index that is built: row and where to write it. Called from many threads.
pub(crate) type Rows<'a> = &'a (dyn Fn(usize, &mut [f32]) + Sync);

impl<C: Coder> Navigable<C> {
    /// Builds a graph in the current rayon pool. `rows` gives the vector of each of the ids, which ascend; `progress` hears from
    /// time to time how many are inserted. The same vectors and
    /// configuration give the same graph, whatever the number of threads.
    ///
    /// # Errors
    /// A figure is outside of its range, ids do not ascend, a vector holds what is no finite number, or there is not enough memory.
    pub fn build(
        coder: C,
        ids: &[i64],
        rows: Rows<'_>,
        metric: Metric,
        config: &NavigableConfig,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Self, Error> {
        config.check()?;
        in_range(
            "the dimension of vectors",
            coder.dimension(),
            1,
            MOST_DIMENSIONS,
        )?;
        let mut index = Self {
            metric,
            config: *config,
            entries: Entries::default(),
            store: Store::Memory(Memory {
                ids: Vec::new(),
                links: Pages::zeroed(0)?,
                codes: Pages::zeroed(0)?,
            }),
            coder,
        };
        index.extend(ids, rows, progress)?;
        Ok(index)
    }

    /// Adds vectors, by the batches that a build is made of. Ids ascend, from above the last one. An index in a file is read into
    /// memory for it; the file stays as it is. After an error the index is as before.
    ///
    /// # Errors
    /// As [`Navigable::build`].
    pub fn extend(
        &mut self,
        ids: &[i64],
        rows: Rows<'_>,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<(), Error> {
        let before = self.len();
        let count = before + ids.len();
        in_range("the number of vectors", count, 0, MOST_POINTS)?;
        self.check_ids(ids)?;
        let old = self.view();
        let degree = self.config.degree;
        let mut links = Pages::grown(bytemuck::cast_slice(old.links), 4 * degree * count)?;
        let mut codes = Pages::grown(old.codes, old.stride * count)?;
        self.encode(rows, &mut codes.bytes_mut()[old.stride * before..])?;
        let numbers = links.numbers_mut();
        numbers[degree * before..].fill(NONE);
        let order = drawn_order(before..count, self.config.seed);
        let view = View {
            links: &[],
            codes: codes.bytes(),
            count,
            ..old
        };
        let space = Space::new(&self.coder, self.metric, &view);
        let mut entries = self.entries.clone();
        if before == 0 {
            let drawn = &order[..entry_count(order.len())];
            entries = Entries::of(drawn, &space, &view);
        }
        Builder {
            space,
            config: self.config,
            entries: &entries,
            codes: view,
            links: numbers,
            settled: vec![0; count],
        }
        .insert(&order, before, progress);
        let known = (0..before).map(|node| self.store.id(node));
        let ids = known.chain(ids.iter().copied()).collect();
        self.entries = entries;
        self.store = Store::Memory(Memory { ids, links, codes });
        Ok(())
    }

    fn check_ids(&self, ids: &[i64]) -> Result<(), Error> {
        let next = ids.iter().copied();
        let last = (!self.is_empty()).then(|| self.last_id());
        let all = last.into_iter().chain(next);
        match all.is_sorted_by(|a, b| a < b) {
            true => Ok(()),
            false => Err(self.damaged("ids do not ascend")),
        }
    }

    /// Encodes rows into codes, from the first one on.
    fn encode(&self, rows: Rows<'_>, codes: &mut [u8]) -> Result<(), Error> {
        let (dimension, bytes) = (self.coder.dimension(), self.coder.code_bytes());
        let codes = codes.par_chunks_mut(self.stride()).enumerate();
        let encoded = codes.map_init(
            || vec![0.0; dimension],
            |row, (at, code)| {
                rows(at, row);
                if !row.iter().all(|x| x.is_finite()) {
                    return Err(Error::NotFinite { row: at });
                }
                self.coder
                    .encode(&self.metric.prepared(row), &mut code[..bytes]);
                Ok(())
            },
        );
        encoded.collect()
    }

    fn stride(&self) -> usize {
        stride(&self.coder)
    }

    fn view(&self) -> View<'_> {
        View {
            links: self.store.links(),
            degree: self.config.degree,
            codes: self.store.codes(),
            stride: self.stride(),
            code_bytes: self.coder.code_bytes(),
            count: self.len(),
        }
    }

    /// Number of vectors.
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The coder.
    pub fn coder(&self) -> &C {
        &self.coder
    }

    /// The greatest id; 0 when there is none.
    pub fn last_id(&self) -> i64 {
        self.len()
            .checked_sub(1)
            .map_or(0, |last| self.store.id(last))
    }

    /// The id of a row.
    pub fn id(&self, row: usize) -> i64 {
        self.store.id(row)
    }
}

/// Bytes from a code to the next: whole lines of the cache where few bytes are lost by it, and floats always begin where they may.
fn stride<C: Coder>(coder: &C) -> usize {
    let bytes = coder.code_bytes().max(1);
    let lines = bytes.next_multiple_of(64);
    match lines - bytes <= bytes / 8 {
        true => lines,
        false => bytes.next_multiple_of(4),
    }
}
