//! What indexes of vectors are to reach.

use serde::{Deserialize, Serialize};

use crate::{ByteSize, Error};

/// Recalls that may be wanted.
const RECALL: std::ops::RangeInclusive<f64> = 0.5..=0.999;
/// Memory that may be allowed.
const MEMORY: std::ops::RangeInclusive<ByteSize> = ByteSize(1 << 20)..=ByteSize(1 << 50);

/// What indexes of vectors are to reach, however they are named. It can be changed at any time: pictures are described as before, and
/// the next index is made by it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IndexRecipe {
    /// Share of the nearest vectors that a search is to find, 0.5 to 0.999, as it is measured on the vectors themselves.
    pub recall: f64,
    /// What the file of an index may take, and so the memory where all of it is kept there, 1 MiB to 1024 TiB: where the index is `auto`, one that
    /// stays within is chosen. Absent: as much as the best takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<ByteSize>,
}

impl Default for IndexRecipe {
    fn default() -> Self {
        Self {
            recall: 0.95,
            memory: None,
        }
    }
}

impl IndexRecipe {
    /// Refuses what is out of range.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if !RECALL.contains(&self.recall) {
            return Err(Error::Recipe(format!(
                "index.recall = {}, allowed is {} to {}",
                self.recall,
                RECALL.start(),
                RECALL.end()
            )));
        }
        match self.memory {
            Some(memory) if !MEMORY.contains(&memory) => Err(Error::Recipe(format!(
                "index.memory = \"{memory}\", allowed is {} to {}",
                MEMORY.start(),
                MEMORY.end()
            ))),
            _ => Ok(()),
        }
    }
}
