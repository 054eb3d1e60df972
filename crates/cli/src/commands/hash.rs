//! `vizsla hash`: learns the binary codes by which the pictures of a collection are found.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use vizsla_retrieval::Collection;
use vizsla_vectors::BinaryHasher;

use super::Outcome;
#[cfg(not(feature = "training"))]
use super::absent;
#[cfg(feature = "training")]
use super::hash_training;
use crate::output::{self, Progress};

/// Learn, apply or take away the hash by whose codes a collection's global descriptors are found
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    #[cfg(feature = "training")]
    Train(hash_training::Arguments),
    #[cfg(not(feature = "training"))]
    Train(absent::Arguments),
    /// Use a hash that was learnt elsewhere from vectors of the same kind
    Apply(Apply),
    /// Compare all vectors
    Remove(Remove),
}

#[derive(Args)]
struct Apply {
    /// The collection
    collection: PathBuf,
    /// The hash, a file that `vizsla hash train --out` wrote
    hash: PathBuf,
}

#[derive(Args)]
struct Remove {
    /// The collection
    collection: PathBuf,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        match self.verb {
            Verb::Train(train) => train.run(),
            Verb::Apply(apply) => {
                let hash = BinaryHasher::open(&apply.hash)?;
                let said = format!(
                    "found by {}: {} numbers become {}\n",
                    hash.id(),
                    hash.input(),
                    output::plural(hash.bits(), "bit")
                );
                Collection::open(&apply.collection)?.set_hash(Some(hash), &Progress::start())?;
                output::show(&said)?;
                Ok(Outcome::Done)
            }
            Verb::Remove(remove) => {
                Collection::open(&remove.collection)?.set_hash(None, &Progress::start())?;
                output::show("all vectors are compared\n")?;
                Ok(Outcome::Done)
            }
        }
    }
}
