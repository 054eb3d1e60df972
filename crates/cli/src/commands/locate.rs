//! `vizsla locate`: where a picture was taken, by the positions of the pictures that verifiably show the same.

use anyhow::Result;
use clap::Args;
use vizsla_retrieval::{Collection, LocateOptions, Location};

use super::about::About;
use super::{Outcome, range};
use crate::output::{self, Table};

/// Say where a picture was taken, by the positions of the pictures that verifiably show the same
///
/// Positions come from EXIF, or from the keys latitude and longitude of the metadata. The place with
/// most evidence wins; without a verified picture that has a position the answer is "unknown".
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    about: About,
    /// How far apart pictures of one place may have been taken, in metres
    #[arg(long, value_name = "METRES", default_value_t = 500.0, value_parser = range::positive)]
    within: f64,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        let about = &self.about;
        about.threads.start()?;
        let options = LocateOptions {
            shortlist: about.shortlist,
            within_m: self.within,
        };
        let found = Collection::open(&about.collection)?.locate(&about.query(), &options)?;
        match about.json {
            true => output::json(&about.answer(&found))?,
            false => output::show(&describe(&found))?,
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
