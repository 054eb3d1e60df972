//! The verbs of the command line, one per file.

mod about;
#[cfg(not(feature = "training"))]
mod absent;
mod asking;
mod bounds;
#[cfg(feature = "training")]
mod clean;
mod codebook;
mod demo;
mod describing;
mod doctor;
mod duplicates;
mod evaluate;
mod features;
mod hash;
#[cfg(feature = "training")]
mod hash_training;
mod identify;
mod index;
mod info;
mod list;
mod local;
mod locate;
mod making;
mod map;
mod matching;
mod methods;
mod models;
mod optimize;
mod outcome;
mod picture;
mod range;
mod region;
mod relating;
mod remove;
#[cfg(feature = "training")]
mod report;
mod search;
mod serve;
mod strips;
mod threads;
#[cfg(feature = "training")]
mod train;
mod verify;
mod walking;
mod whiten;

pub use outcome::Outcome;

use anyhow::Result;
use clap::Subcommand;

/// What the user asks for.
#[derive(Subcommand)]
pub enum Command {
    Index(index::Arguments),
    Search(search::Arguments),
    Serve(serve::Arguments),
    Match(matching::Arguments),
    Features(features::Arguments),
    Identify(identify::Arguments),
    Locate(locate::Arguments),
    Duplicates(duplicates::Arguments),
    Info(info::Arguments),
    List(list::Arguments),
    Remove(remove::Arguments),
    Optimize(optimize::Arguments),
    Verify(verify::Arguments),
    Codebook(codebook::Arguments),
    Methods(methods::Arguments),
    Models(models::Arguments),
    Doctor(doctor::Arguments),
    Whiten(whiten::Arguments),
    Hash(hash::Arguments),
    Map(map::Arguments),
    Evaluate(evaluate::Arguments),
    #[cfg(feature = "training")]
    Train(train::Arguments),
    #[cfg(not(feature = "training"))]
    Train(absent::Arguments),
    Demo(demo::Arguments),
    #[cfg(feature = "training")]
    Clean(clean::Arguments),
    #[cfg(not(feature = "training"))]
    Clean(absent::Arguments),
    #[cfg(feature = "training")]
    Report(report::Arguments),
    #[cfg(not(feature = "training"))]
    Report(absent::Arguments),
}

impl Command {
    /// Runs the verb.
    ///
    /// # Errors
    /// Whatever kept the verb from doing its work, said for the person at the terminal.
    pub fn run(self) -> Result<Outcome> {
        match self {
            Self::Index(arguments) => arguments.run(),
            Self::Search(arguments) => arguments.run(),
            Self::Serve(arguments) => arguments.run(),
            Self::Match(arguments) => arguments.run(),
            Self::Features(arguments) => arguments.run(),
            Self::Identify(arguments) => arguments.run(),
            Self::Locate(arguments) => arguments.run(),
            Self::Duplicates(arguments) => arguments.run(),
            Self::Info(arguments) => arguments.run(),
            Self::List(arguments) => arguments.run(),
            Self::Remove(arguments) => arguments.run(),
            Self::Optimize(arguments) => arguments.run(),
            Self::Verify(arguments) => arguments.run(),
            Self::Codebook(arguments) => arguments.run(),
            Self::Methods(arguments) => arguments.run(),
            Self::Models(arguments) => arguments.run(),
            Self::Doctor(arguments) => arguments.run(),
            Self::Whiten(arguments) => arguments.run(),
            Self::Hash(arguments) => arguments.run(),
            Self::Map(arguments) => arguments.run(),
            Self::Evaluate(arguments) => arguments.run(),
            Self::Train(arguments) => arguments.run(),
            Self::Demo(arguments) => arguments.run(),
            Self::Clean(arguments) => arguments.run(),
            Self::Report(arguments) => arguments.run(),
        }
    }
}
