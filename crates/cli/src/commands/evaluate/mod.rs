//! `vizsla evaluate`: how well a recipe finds things, on published data sets or on the user's own.

mod agreement;
mod mit_split;
mod options;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use vizsla_evaluation::{
    Run, SEED, compare, load_captions, load_files, load_flickr8k, load_folders, load_museum,
    load_oxford, load_revisited, load_smvs, render_comparison,
};

use self::options::Options;
use super::Outcome;
use crate::output;

/// Measure how well things are found, on a published data set or on your own photographs
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    dataset: Source,
}

#[derive(Subcommand)]
enum Source {
    /// Stanford Mobile Visual Search, DVD covers: reference, canon and e63 folders
    Smvs(Published),
    /// Museum paintings: a gallery folder and query sets with gt_corresps.json
    Museum(Published),
    /// Oxford5k buildings in the published layout, queries by box
    Oxford(Published),
    /// Paris6k landmarks in the published layout, queries by box
    Paris(Published),
    /// Revisited Oxford5k or Paris6k: easy, medium and hard
    Revisited(Revisited),
    /// Your own photographs with your own ground truth
    Files(Own),
    /// Your own photographs in one folder for each class: those of the same class are to be found
    Folders(Folders),
    /// Pictures with captions, in both directions: captions look for their picture, pictures for their captions
    Captions(Captions),
    /// Flickr8k, in both directions
    Flickr8k(Flickr8k),
    /// How far similarities agree with what people judged
    Agreement(agreement::Arguments),
    /// Eight classes of scenes: pooling, normalisation and whitening of a network measured
    MitSplit(mit_split::Arguments),
    /// Compare two run files, query by query
    Compare(Comparison),
}

/// A data set judged by the revisited ground truth.
#[derive(Args)]
struct Revisited {
    /// Folder of the images
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The ground truth as JSON: its published pickle, converted as docs/evaluation.md says
    #[arg(long, value_name = "FILE")]
    truth: PathBuf,
    #[command(flatten)]
    options: Options,
}

/// Two run files.
#[derive(Args)]
struct Comparison {
    /// The run that is the yardstick
    first: PathBuf,
    /// The run that is judged
    second: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A data set in the layout its makers published.
#[derive(Args)]
struct Published {
    /// Folder of the data set
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    options: Options,
}

/// A gallery, queries and truth of the user's own.
#[derive(Args)]
struct Own {
    /// Folder of the pictures to find
    #[arg(long, value_name = "DIR")]
    gallery: PathBuf,
    /// Folder of the pictures to search with
    #[arg(long, value_name = "DIR")]
    queries: PathBuf,
    /// JSON: {"query file": ["gallery file", …]}, or a table or JSON list with a query and a gallery file in each record; an
    /// empty list says that nothing matches
    #[arg(long, value_name = "FILE")]
    truth: PathBuf,
    #[command(flatten)]
    options: Options,
}

/// Two folders of class folders.
#[derive(Args)]
struct Folders {
    /// Folder of the pictures to find, one folder in it for each class
    #[arg(long, value_name = "DIR")]
    gallery: PathBuf,
    /// Folder of the pictures to search with, classes likewise; the gallery again ranks each picture against all others
    #[arg(long, value_name = "DIR")]
    queries: PathBuf,
    #[command(flatten)]
    options: Options,
}

/// A table of captions.
#[derive(Args)]
struct Captions {
    /// A list with a picture and a caption in each record: CSV of any separator, JSON, JSON Lines, COCO, Karpathy, Flickr
    table: PathBuf,
    /// Folder that the names of the pictures are relative to; left out, that of the table
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

/// A split of Flickr8k.
#[derive(Args)]
struct Flickr8k {
    /// Folder with captions.txt, images/ and the official lists
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Official split: train, dev or test
    #[arg(long, value_name = "NAME", default_value = "test")]
    split: String,
    #[command(flatten)]
    options: Options,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        let (dataset, options) = match self.dataset {
            Source::Smvs(p) => (load_smvs(&p.data)?, p.options),
            Source::Museum(p) => (load_museum(&p.data)?, p.options),
            Source::Oxford(p) => (load_oxford("oxford5k", &p.data)?, p.options),
            Source::Paris(p) => (load_oxford("paris6k", &p.data)?, p.options),
            Source::Revisited(r) => {
                let name = r.truth.file_stem().unwrap_or_default().to_string_lossy();
                let name = name.trim_start_matches("gnd_").to_owned();
                (load_revisited(&name, &r.truth, &r.data)?, r.options)
            }
            Source::Compare(comparison) => return comparison.run(),
            Source::MitSplit(arguments) => return arguments.run(),
            Source::Agreement(agreement) => return agreement.run(),
            Source::Folders(f) => (load_folders(&f.gallery, &f.queries)?, f.options),
            Source::Captions(c) => (load_captions(&c.table, c.images.as_deref())?, c.options),
            Source::Flickr8k(f) => (load_flickr8k(&f.data, &f.split)?, f.options),
            Source::Files(own) => (
                load_files(&own.gallery, &own.queries, &own.truth)?,
                own.options,
            ),
        };
        options.evaluate(dataset)
    }
}

impl Comparison {
    fn run(self) -> Result<Outcome> {
        let (first, second) = (Run::read(&self.first)?, Run::read(&self.second)?);
        let comparison = compare(&first, &second, SEED)?;
        if self.json {
            output::json(&comparison)?;
        } else {
            output::show(&render_comparison(&comparison))?;
        }
        Ok(Outcome::Done)
    }
}
