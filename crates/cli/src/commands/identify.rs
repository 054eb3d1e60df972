//! `vizsla identify`: what a picture shows, by the labels of the pictures that verifiably show the same.

use anyhow::Result;
use clap::Args;
use vizsla_retrieval::{Collection, Identification, IdentifyOptions};

use super::Outcome;
use super::about::About;
use crate::output::{self, Table};

/// Say what a picture shows, by the labels of the pictures that verifiably show the same
///
/// Each verified picture votes for its labels with its score. Without one the answer is "unknown".
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    about: About,
    /// When nothing is verified, let the pictures that merely look alike vote
    #[arg(long)]
    by_look: bool,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        let about = &self.about;
        about.threads.start()?;
        let options = IdentifyOptions {
            shortlist: about.shortlist,
            by_look: self.by_look,
        };
        let found = Collection::open(&about.collection)?.identify(&about.query(), &options)?;
        match about.json {
            true => output::json(&about.answer(&found))?,
            false => output::show(&describe(&found))?,
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
