//! `vizsla locate`: where a picture was taken, by the positions of the pictures that verifiably show the same.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use vizsla_retrieval::{Collection, Filter, LocateOptions, Location, Query, Region};

use super::threads::Threads;
use super::{Outcome, range, region};
use crate::output::{self, Table};

/// Say where a picture was taken, by the positions of the pictures that verifiably show the same
///
/// Positions come from EXIF, or from the keys latitude and longitude of the metadata. The place with
/// most evidence wins; without a verified picture that has a position the answer is "unknown".
#[derive(Args)]
pub struct Arguments {
    /// The collection
    collection: PathBuf,
    /// The picture
    picture: PathBuf,
    /// Ask about this part of the picture only: x,y,width,height in pixels
    #[arg(long, value_name = "X,Y,W,H", value_parser = region::parse, allow_hyphen_values = true)]
    region: Option<Region>,
    /// How far apart pictures of one place may have been taken, in metres
    #[arg(long, value_name = "METRES", default_value_t = 500.0, value_parser = range::positive)]
    within: f64,
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
    found: &'a Location,
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
        let options = LocateOptions {
            shortlist: self.shortlist,
            within_m: self.within,
        };
        let found = Collection::open(&self.collection)?.locate(&query, &options)?;
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

fn describe(found: &Location) -> String {
    let mut text = match &found.place {
        None => "unknown\n".to_owned(),
        Some(place) => format!(
            "{:.6}, {:.6} (north, east), {} within {:.0} m, {:.0} % of the evidence\n",
            place.latitude,
            place.longitude,
            output::plural(place.images, "image"),
            place.radius_m.ceil(),
            place.share * 100.0
        ),
    };
    if found.unplaced > 0 {
        let images = output::plural(found.unplaced, "image");
        text.push_str(&format!("{images} verified without a position\n"));
    }
    if found.neighbours.is_empty() {
        return text;
    }
    let heads = [">score", ">inliers", ">north", ">east", "place", "path"];
    let mut table = Table::new(&heads);
    for neighbour in &found.neighbours {
        table.row([
            format!("{:.2}", neighbour.score),
            output::count(neighbour.inliers),
            format!("{:.6}", neighbour.latitude),
            format!("{:.6}", neighbour.longitude),
            if neighbour.agrees { "this" } else { "another" }.to_owned(),
            neighbour.path.display().to_string(),
        ]);
    }
    text.push_str(&format!("\n{}", table.render()));
    text
}
