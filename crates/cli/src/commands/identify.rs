//! `vizsla identify`: what a picture shows, by the labels of the pictures that verifiably show the same.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use vizsla_retrieval::{Collection, Filter, Identification, IdentifyOptions, Query, Region};

use super::threads::Threads;
use super::{Outcome, region};
use crate::output::{self, Table};

/// Say what a picture shows, by the labels of the pictures that verifiably show the same
///
/// Each verified picture votes for its labels with its score. Without one the answer is "unknown".
#[derive(Args)]
pub struct Arguments {
    /// The collection
    collection: PathBuf,
    /// The picture
    picture: PathBuf,
    /// Ask about this part of the picture only: x,y,width,height in pixels
    #[arg(long, value_name = "X,Y,W,H", value_parser = region::parse, allow_hyphen_values = true)]
    region: Option<Region>,
    /// When nothing is verified, let the pictures that merely look alike vote
    #[arg(long)]
    by_look: bool,
    /// Ask only images for which this holds, such as: taken >= 2024-01-01
    #[arg(long = "where", value_name = "CONDITION", value_parser = Filter::parse)]
    filter: Option<Filter>,
    /// Images whose geometry is checked; left out, the recipe says how many
    #[arg(long, value_name = "N")]
    shortlist: Option<usize>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

#[derive(Serialize)]
struct Answer<'a> {
    collection: String,
    query: String,
    #[serde(flatten)]
    found: &'a Identification,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        self.threads.start()?;
        let mut query = Query::file(&self.picture);
        if let Some(region) = self.region {
            query = query.within(region);
        }
        if let Some(filter) = self.filter {
            query = query.filtered(filter);
        }
        let options = IdentifyOptions {
            shortlist: self.shortlist,
            by_look: self.by_look,
        };
        let found = Collection::open(&self.collection)?.identify(&query, &options)?;
        if self.json {
            output::json(&Answer {
                collection: self.collection.display().to_string(),
                query: self.picture.display().to_string(),
                found: &found,
            })?;
        } else {
            output::show(&describe(&found))?;
        }
        Ok(Outcome::Done)
    }
}

fn describe(found: &Identification) -> String {
    let mut text = match &found.label {
        Some(label) if found.verified => format!("{label}\n"),
        Some(label) => format!("perhaps {label}: it looks alike, nothing is verified\n"),
        None => "unknown\n".to_owned(),
    };
    if found.unlabelled > 0 {
        let images = output::plural(found.unlabelled, "image");
        text.push_str(&format!("{images} verified without a label\n"));
    }
    if found.votes.is_empty() {
        return text;
    }
    let mut votes = Table::new(&["label", ">share", ">weight", ">images"]);
    for vote in &found.votes {
        votes.row([
            vote.label.clone(),
            format!("{:.0} %", vote.share * 100.0),
            format!("{:.1}", vote.weight),
            output::count(vote.images),
        ]);
    }
    let mut neighbours = Table::new(&[">score", ">inliers", "labels", "path"]);
    for neighbour in &found.neighbours {
        neighbours.row([
            format!("{:.2}", neighbour.score),
            output::count(neighbour.inliers),
            neighbour.labels.join(", "),
            neighbour.path.display().to_string(),
        ]);
    }
    text.push_str(&format!("\n{}\n{}", votes.render(), neighbours.render()));
    text
}
