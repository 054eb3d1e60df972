//! What looks for vectors: a graph or lists, whatever their codes are.

use std::cell::RefCell;
use std::io::Write;

use super::config::Effort;
use super::finer::FinerQuestion;
use crate::codes::StoredCoder;
use crate::lists::{ListSearch, Refinement, VectorLists};
use crate::navigable::{Navigable, Refine, Request, Room};
use crate::{Allowed, Error, ExactScores};

/// What is looked for.
pub(super) struct Wanted<'a> {
    /// As it is coded.
    pub query: &'a [f32],
    pub k: usize,
    pub effort: Effort,
    pub allowed: &'a Allowed<'a>,
    /// The query to finer codes.
    pub finer: Option<&'a FinerQuestion<'a>>,
}

impl Wanted<'_> {
    /// How many are compared by finer codes.
    fn count(&self) -> usize {
        self.k.saturating_mul(self.effort.finer.max(1))
    }
}

/// A graph or lists.
pub(super) trait Engine: Send + Sync {
    /// The best allowed, id and score, best first; of equal scores the lower id.
    fn nearest(&self, wanted: &Wanted<'_>) -> Result<Vec<(i64, f32)>, Error>;

    /// All allowed with at least this score, by the codes, best first.
    fn within(
        &self,
        query: &[f32],
        least: f32,
        effort: Effort,
        allowed: &Allowed<'_>,
    ) -> Result<Vec<(i64, f32)>, Error>;

    /// Number of vectors and of their numbers.
    fn shape(&self) -> (usize, usize);

    /// Widest that makes sense: all is looked at.
    fn widest(&self) -> usize;

    /// Writes the whole file of it, in order.
    fn write(&self, to: &mut dyn Write) -> Result<(), Error>;

    fn verify(&self) -> Result<(), Error>;

    /// The same in memory.
    fn into_memory(self: Box<Self>) -> Result<Box<dyn Engine>, Error>;
}

thread_local! {
    static ROOM: RefCell<Room> = RefCell::default();
}

/// Lends the memory of this thread's walks.
fn with_room<T>(walk: impl FnOnce(&mut Room) -> T) -> T {
    let mut room = ROOM.take();
    let found = walk(&mut room);
    ROOM.set(room);
    found
}

impl<C: StoredCoder> Engine for Navigable<C> {
    fn nearest(&self, wanted: &Wanted<'_>) -> Result<Vec<(i64, f32)>, Error> {
        let by_row = wanted.finer.map(|finer| |row| finer.of_row(row));
        let request = Request {
            k: wanted.k,
            width: wanted.effort.width,
            allowed: wanted.allowed,
            refine: by_row.as_ref().map(|score| Refine {
                count: wanted.count(),
                score,
            }),
        };
        with_room(|room| Navigable::nearest(self, wanted.query, &request, room))
    }

    fn within(
        &self,
        query: &[f32],
        least: f32,
        effort: Effort,
        allowed: &Allowed<'_>,
    ) -> Result<Vec<(i64, f32)>, Error> {
        with_room(|room| Navigable::within(self, query, least, effort.width, allowed, room))
    }

    fn shape(&self) -> (usize, usize) {
        (self.len(), self.coder().dimension())
    }

    fn widest(&self) -> usize {
        self.len().max(1)
    }

    fn write(&self, to: &mut dyn Write) -> Result<(), Error> {
        Navigable::write(self, to)
    }

    fn verify(&self) -> Result<(), Error> {
        Navigable::verify(self)
    }

    fn into_memory(self: Box<Self>) -> Result<Box<dyn Engine>, Error> {
        Ok(Box::new(Navigable::into_memory(*self)?))
    }
}

impl Engine for VectorLists {
    fn nearest(&self, wanted: &Wanted<'_>) -> Result<Vec<(i64, f32)>, Error> {
        let search = ListSearch {
            k: wanted.k,
            probes: wanted.effort.width,
            refinement: match wanted.finer {
                Some(_) => Refinement::Factor(wanted.effort.finer.max(1)),
                None => Refinement::None,
            },
        };
        let exact = wanted.finer.map(|finer| finer as &dyn ExactScores);
        self.search(wanted.query, &search, wanted.allowed, exact)
    }

    fn within(
        &self,
        query: &[f32],
        least: f32,
        effort: Effort,
        allowed: &Allowed<'_>,
    ) -> Result<Vec<(i64, f32)>, Error> {
        VectorLists::within(self, query, least, effort.width, allowed)
    }

    fn shape(&self) -> (usize, usize) {
        (self.len(), self.dimension())
    }

    fn widest(&self) -> usize {
        self.lists()
    }

    fn write(&self, to: &mut dyn Write) -> Result<(), Error> {
        VectorLists::write(self, to)
    }

    fn verify(&self) -> Result<(), Error> {
        VectorLists::verify(self)
    }

    /// Lists are read from front to back: pages of the file do as well.
    fn into_memory(self: Box<Self>) -> Result<Box<dyn Engine>, Error> {
        Ok(self)
    }
}
