//! A query as it is asked: described by the recipe of the collection, with what restricts the answers.

use std::collections::HashMap;

use vizsla_vectors::{Allowed, IdSet};

use super::asked::Asked;
use super::described::Described;
use super::trace::Trace;
use crate::snapshot::Snapshot;
use crate::{Error, Fusion, Reporter, Target};

/// How vectors of images are widened before they are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Neighbourhood {
    /// Neighbours of each.
    pub neighbours: usize,
    /// Exponent of the similarities as weights.
    pub alpha: f64,
}

/// How similarities spread over the graph of neighbours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    /// Neighbours of the query where they begin.
    pub neighbours: usize,
    /// Probability of going on.
    pub alpha: f64,
    /// Images nearest to the query that they go over; `None` = all.
    pub images: Option<usize>,
}

/// What is asked of a collection. Stages may change it and ask again.
pub struct Question<'q> {
    pub(super) parts: Vec<Described<'q>>,
    /// In the space of the global descriptor's index: the weighted sum of the parts.
    pub(super) global: Option<Vec<f32>>,
    /// Descriptions of the only picture that is looked for, where the catalog keeps such.
    pub(super) record: Option<Vec<f32>>,
    /// In the space of captions.
    pub(super) meaning: Option<Vec<f32>>,
    pub(super) asked: Asked,
    /// How images are widened for the global descriptor.
    pub(super) augment: Option<Neighbourhood>,
    /// How similarities of the global descriptor spread.
    pub(super) diffuse: Option<Spread>,
    /// Images that pass the filter and were not removed; `None` = there is no filter.
    pub(super) passed: Option<IdSet>,
    /// Caption → image, without the captions that are looked past; empty when no channel needs it.
    pub(super) captions: HashMap<i64, i64>,
    /// Those captions whose image may be an answer.
    pub(super) described: IdSet,
    pub(super) target: Target,
    /// How many candidates are wanted.
    pub(super) depth: usize,
    pub(super) fusion: Fusion,
    /// Images that are verified where the stage does not say how many.
    pub(super) shortlist: usize,
    pub(super) reporter: &'q dyn Reporter,
    pub(super) trace: Trace,
}

impl Question<'_> {
    /// Whether it has a picture with local features that is looked for.
    pub fn is_sighted(&self) -> bool {
        self.parts
            .iter()
            .any(|part| part.proves() && part.sight.is_some())
    }

    /// Whether the global descriptor is asked.
    pub fn asks_global(&self) -> bool {
        self.asked.global && self.global.is_some()
    }

    /// Passes unless the caller wants to stop.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn go_on(&self) -> Result<(), Error> {
        go_on(self.reporter)
    }

    /// Images that may be answers.
    pub(super) fn images<'a>(&'a self, snapshot: &'a Snapshot) -> Allowed<'a> {
        match &self.passed {
            Some(passed) => Allowed::Only(passed),
            None => Allowed::except(&snapshot.removed),
        }
    }

    /// How many images may be answers; none that was removed is among the snapshot's.
    pub(super) fn count(&self, snapshot: &Snapshot) -> usize {
        let all = snapshot.images as usize;
        match self.images(snapshot) {
            only @ Allowed::Only(_) => only.most_of(all),
            Allowed::All | Allowed::Except(_) => all,
        }
    }
}

/// Passes unless the caller wants to stop.
pub(super) fn go_on(reporter: &dyn Reporter) -> Result<(), Error> {
    match reporter.cancelled() {
        true => Err(Error::Cancelled),
        false => Ok(()),
    }
}
