//! `vizsla models`: the networks and word vectors that are known on this machine.

mod add;
mod entry;
mod info;
mod learn;
mod learn_pooling;
mod list;
mod pull;
mod remove;
mod trial;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::Outcome;

/// Keep the networks and word vectors that describe images and texts
///
/// Entries are TOML files in VIZSLA_MODELS, or in vizsla/models below the data folder of the
/// platform. A model's file is hashed whenever it is used.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    List(list::Arguments),
    Add(Box<add::Arguments>),
    Pull(pull::Arguments),
    Info(info::Arguments),
    Learn(learn::Arguments),
    LearnPooling(learn_pooling::Arguments),
    Remove(remove::Arguments),
    #[command(hide = true)]
    Trial(trial::Arguments),
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        match self.verb {
            Verb::List(arguments) => arguments.run(),
            Verb::Add(arguments) => arguments.run(),
            Verb::Pull(arguments) => arguments.run(),
            Verb::Info(arguments) => arguments.run(),
            Verb::Learn(arguments) => arguments.run(),
            Verb::LearnPooling(arguments) => arguments.run(),
            Verb::Remove(arguments) => arguments.run(),
            Verb::Trial(arguments) => arguments.run(),
        }
    }
}
