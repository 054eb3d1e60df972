//! `vizsla codebook`: visual vocabularies.

mod aggregate;
mod info;
mod learned;
mod show;
mod train;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::Outcome;

/// Learn a vocabulary from your own pictures, or look at one
///
/// Nobody has to: a general codebook is part of the program.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Train(train::Arguments),
    Aggregate(aggregate::Arguments),
    Info(info::Arguments),
    Show(show::Arguments),
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        match self.verb {
            Verb::Train(arguments) => arguments.run(),
            Verb::Aggregate(arguments) => arguments.run(),
            Verb::Info(arguments) => arguments.run(),
            Verb::Show(arguments) => arguments.run(),
        }
    }
}
