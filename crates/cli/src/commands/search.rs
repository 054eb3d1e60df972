//! `vizsla search`: finds the pictures that show what a query picture shows.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use vizsla_pixels::DecodeOptions;
use vizsla_retrieval::{
    Collection, Hit, Query, Region, SearchOptions, SearchResponse, StageTrace, Verdict, draw_pair,
};

use super::threads::Threads;
use super::{Outcome, picture, range, region};
use crate::output::{self, Table};

/// Find the pictures of a collection that show what a query picture shows
#[derive(Args)]
pub struct Arguments {
    /// The collection
    collection: PathBuf,
    /// The query picture
    query: PathBuf,
    /// Search for this part of the query only: x,y,width,height in pixels
    #[arg(long, value_name = "X,Y,W,H", value_parser = region::parse, allow_hyphen_values = true)]
    region: Option<Region>,
    /// Most results shown
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = range::one_or_more)]
    top: usize,
    /// Images whose geometry is checked; left out, the recipe says how many
    #[arg(long, value_name = "N")]
    shortlist: Option<usize>,
    /// Show matches only
    #[arg(long)]
    matches_only: bool,
    /// Draw the best result beside the query, with what agrees, into this PNG or JPEG file
    #[arg(long, value_name = "FILE")]
    explain: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

/// The answer as a script reads it.
#[derive(Serialize)]
struct Answer<'a> {
    collection: String,
    query: String,
    region: Option<Region>,
    #[serde(flatten)]
    response: &'a SearchResponse,
    explained: Option<String>,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        self.threads.start()?;
        if let Some(file) = &self.explain {
            picture::check_ending(file)?;
        }
        let collection = Collection::open(&self.collection)?;
        let mut query = Query::file(&self.query);
        query.region = self.region;
        let options = SearchOptions {
            top: self.top,
            shortlist: self.shortlist,
            verify: true,
        };
        let mut response = collection.search(&query, &options)?;
        let describe_stage = |stage: &&StageTrace| stage.stage == "describe";
        if response
            .stages
            .iter()
            .find(describe_stage)
            .is_some_and(|stage| stage.out == 0)
        {
            output::warn(&format!(
                "there is nothing to search by, the picture or region is too plain or too small: {}",
                self.query.display()
            ));
        }
        if self.matches_only {
            response.hits.retain(|hit| hit.verdict == Verdict::Match);
        }
        let explained = match &self.explain {
            Some(file) => explain(&self.query, &response, file)?,
            None => false,
        };
        if self.json {
            return self.print_json(&response, explained);
        }
        output::show(&describe(&response))?;
        match (&self.explain, explained) {
            (Some(file), true) => output::show(&format!("drawn: {}\n", file.display()))?,
            (Some(file), false) => output::warn(&format!(
                "nothing drawn, no result agrees with the query in its geometry: {}",
                file.display()
            )),
            (None, _) => {}
        }
        Ok(Outcome::Done)
    }

    fn print_json(&self, response: &SearchResponse, explained: bool) -> Result<Outcome> {
        let drawn = self.explain.as_ref().filter(|_| explained);
        output::json(&Answer {
            collection: self.collection.display().to_string(),
            query: self.query.display().to_string(),
            region: self.region,
            response,
            explained: drawn.map(|file| file.display().to_string()),
        })?;
        Ok(Outcome::Done)
    }
}

/// Draws the first result that has a transform; false when there is none.
fn explain(query: &Path, response: &SearchResponse, file: &Path) -> Result<bool> {
    let drawable = |hit: &&Hit| hit.agreement.is_some();
    let Some(hit) = response.hits.iter().find(drawable) else {
        return Ok(false);
    };
    let Some(agreement) = &hit.agreement else {
        return Ok(false);
    };
    let full = DecodeOptions::default();
    let left = vizsla_pixels::read_rgb(query, &full)?.image;
    let right = vizsla_pixels::read_rgb(&hit.path, &full)
        .context("the result cannot be drawn; index the folder again if the file has moved")?
        .image;
    let drawing = draw_pair(&left, &right, &agreement.pairs, Some(agreement.transform))?;
    picture::save(&drawing, file)?;
    Ok(true)
}

fn describe(response: &SearchResponse) -> String {
    let mut table = Table::new(&[">rank", "verdict", ">score", ">inliers", "box", "path"]);
    for (place, hit) in response.hits.iter().enumerate() {
        let agreement = hit.agreement.as_ref();
        table.row([
            (place + 1).to_string(),
            match hit.verdict {
                Verdict::Match => "match".to_owned(),
                Verdict::NoMatch => "-".to_owned(),
            },
            format!("{:.2}", hit.score),
            agreement
                .map(|a| output::count(a.inliers))
                .unwrap_or_default(),
            agreement
                .map(|a| rectangle(&a.gallery_box))
                .unwrap_or_default(),
            hit.path.display().to_string(),
        ]);
    }
    let matches = response
        .hits
        .iter()
        .filter(|hit| hit.verdict == Verdict::Match)
        .count();
    let stages: Vec<String> = response
        .stages
        .iter()
        .map(|stage| format!("{} {:.1} ms", stage.stage, stage.ms))
        .collect();
    let found = match matches {
        0 => "no match".to_owned(),
        1 => "1 match".to_owned(),
        _ => format!("{matches} matches"),
    };
    let mut text = if response.hits.is_empty() {
        String::new()
    } else {
        table.render()
    };
    text.push_str(&format!(
        "{found} in {:.1} ms ({})\n",
        response.ms,
        stages.join(", ")
    ));
    text
}

fn rectangle(region: &Region) -> String {
    format!(
        "{:.0},{:.0},{:.0},{:.0}",
        region.x, region.y, region.width, region.height
    )
}
