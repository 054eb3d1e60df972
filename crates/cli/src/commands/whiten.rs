//! `vizsla whiten`: learns from a collection how the vectors of its pictures are best compared.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use vizsla_retrieval::{Collection, PairSource, WhitenOptions};
use vizsla_vectors::Projection;

use super::threads::Threads;
use super::{Outcome, range};
use crate::output::{self, Progress};

/// Learn, apply or take away the whitening of a collection's global descriptors
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Learn a whitening from the pictures of a collection, and use it from now on
    Train(Train),
    /// Use a whitening that was learnt elsewhere with the same model
    Apply(Apply),
    /// Compare vectors as the model gives them
    Remove(Remove),
}

#[derive(Args)]
struct Train {
    /// The collection
    collection: PathBuf,
    /// Length of the whitened vectors; left out, as long as they are
    #[arg(long, value_name = "N", value_parser = range::one_or_more)]
    dimension: Option<usize>,
    /// What tells that two pictures show the same
    #[arg(long, value_enum, default_value_t = Pairs::Geometry)]
    pairs: Pairs,
    /// Most pictures that are searched with to find pairs
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = range::one_or_more)]
    queries: usize,
    /// Write the whitening to this file too, for other collections
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

#[derive(Clone, Copy, ValueEnum)]
enum Pairs {
    /// Their local features verify each other
    Geometry,
    /// They have a label in common
    Labels,
    /// Nothing does: learn from the spread of all pictures alone
    None,
}

#[derive(Args)]
struct Apply {
    /// The collection
    collection: PathBuf,
    /// The whitening, a file that `vizsla whiten train --out` wrote
    whitening: PathBuf,
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
                let whitening = Projection::open(&apply.whitening)?;
                let said = format!(
                    "whitened by {}: {} numbers become {}\n",
                    whitening.id(),
                    whitening.input(),
                    whitening.output()
                );
                changed(&mut Collection::open(&apply.collection)?, |collection| {
                    collection.set_whitening(Some(whitening), &Progress::start())
                })?;
                output::show(&said)?;
                Ok(Outcome::Done)
            }
            Verb::Remove(remove) => {
                changed(&mut Collection::open(&remove.collection)?, |collection| {
                    collection.set_whitening(None, &Progress::start())
                })?;
                output::show("vectors are compared as the model gives them\n")?;
                Ok(Outcome::Done)
            }
        }
    }
}

/// Changes what vectors are compared by, and says so where a hash was learned for what they were before.
fn changed<T, E>(
    collection: &mut Collection,
    change: impl FnOnce(&mut Collection) -> Result<T, E>,
) -> Result<T, E> {
    let hashed = !collection.recipe().search.hash.is_empty();
    let done = change(collection)?;
    if hashed && collection.recipe().search.hash.is_empty() {
        output::warn(
            "the hash of this collection was learned for vectors as they were compared before, and is not used any more: \
             all vectors are compared until `vizsla hash train` learns one anew",
        );
    }
    Ok(done)
}

impl Train {
    fn run(self) -> Result<Outcome> {
        self.threads.start()?;
        let options = WhitenOptions {
            dimension: self.dimension,
            pairs: match self.pairs {
                Pairs::Geometry => PairSource::Geometry,
                Pairs::Labels => PairSource::Labels,
                Pairs::None => PairSource::None,
            },
            queries: self.queries,
        };
        let mut collection = Collection::open(&self.collection)?;
        let progress = Progress::start();
        let report = changed(&mut collection, |collection| {
            collection.train_whitening(&options, &progress)
        })?;
        drop(progress);
        if let (Some(out), Some(whitening)) = (&self.out, collection.whitening()?) {
            whitening.save(out)?;
        }
        if self.json {
            output::json(&report)?;
        } else {
            output::show(&format!(
                "whitened by {}: {} numbers become {}; learnt from {} and {}\n",
                report.id,
                report.input,
                report.output,
                output::plural(report.images, "image"),
                output::plural(report.pairs, "pair")
            ))?;
        }
        Ok(Outcome::Done)
    }
}
