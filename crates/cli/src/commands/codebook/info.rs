//! `vizsla codebook info`: what a codebook is.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use vizsla_features::DescriptorKind;
use vizsla_words::Codebook;

use crate::commands::Outcome;
use crate::output;

/// Show the kind of descriptors, the size and the identity of a codebook
#[derive(Args)]
pub struct Arguments {
    /// A codebook file; left out, the built-in codebook
    file: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    codebook: String,
    descriptor: DescriptorKind,
    words: usize,
    /// Whether descriptors are given words by way of a vocabulary tree.
    tree: bool,
    bytes: usize,
    builtin: bool,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        let builtin = Codebook::builtin();
        let codebook = match &self.file {
            Some(file) => Arc::new(Codebook::open(file)?),
            None => Arc::clone(&builtin),
        };
        let report = Report {
            codebook: codebook.id().to_string(),
            descriptor: codebook.kind(),
            words: codebook.len(),
            tree: codebook.is_tree(),
            bytes: codebook.to_bytes().len(),
            builtin: codebook.id() == builtin.id(),
        };
        if self.json {
            output::json(&report)?;
            return Ok(Outcome::Done);
        }
        output::show(&format!(
            "codebook {}: {} of {}{}, {}{}\n",
            report.codebook,
            output::plural(report.words, "word"),
            report.descriptor,
            if report.tree { " in a tree" } else { "" },
            output::bytes(report.bytes as u64),
            if report.builtin { ", built in" } else { "" }
        ))?;
        Ok(Outcome::Done)
    }
}
