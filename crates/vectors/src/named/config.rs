//! How a named index is made and searched.

use crate::points::in_range;
use crate::{Error, IndexName, Metric};

/// How an index is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NamedVectorsConfig {
    /// What it is made of.
    pub name: IndexName,
    /// How vectors are compared.
    pub metric: Metric,
    /// Share of the nearest that a search is to find, above 0 and up to 1: effort is raised until so many are found for some of the vectors themselves.
    pub recall: f64,
    /// For how many answers that is measured, 1 to 1,000.
    pub answers: usize,
    /// Seed of all that is drawn.
    pub seed: u64,
}

impl NamedVectorsConfig {
    /// An index of this name, for inner products, with 95 of 100 among the first ten.
    pub fn new(name: IndexName) -> Self {
        Self {
            name,
            metric: Metric::Dot,
            recall: 0.95,
            answers: 10,
            seed: 0,
        }
    }

    /// Refuses what no name could say, as the fields of a name are everybody's.
    fn check_name(&self) -> Result<(), Error> {
        let name = self.name.to_string();
        match name.parse() == Ok(self.name) {
            true => Ok(()),
            false => Err(Error::UnknownName {
                what: "index",
                name,
                known: "what `IndexName` reads, such as HNSW16,SQ8,RFlat".to_owned(),
            }),
        }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        self.check_name()?;
        in_range(
            "the number of answers that an index is tuned for",
            self.answers,
            1,
            1000,
        )?;
        match self.recall > 0.0 && self.recall <= 1.0 {
            true => Ok(()),
            false => Err(Error::Figure {
                what: "the recall wanted of an index",
                found: self.recall,
                allowed: "above 0, at most 1",
            }),
        }
    }
}

/// How hard a search looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Width of a walk through a graph, or lists that are read.
    pub width: usize,
    /// How many are compared by finer codes for each answer that is wanted.
    pub finer: usize,
}

impl Effort {
    /// For each answer so many are compared by finer codes, unless something else is asked for.
    pub const FINER: usize = 4;

    /// So wide, and with the usual number for finer codes.
    pub fn of_width(width: usize) -> Self {
        Self {
            width,
            finer: Self::FINER,
        }
    }
}
