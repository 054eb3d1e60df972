//! `vizsla list`: the images of a collection.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use vizsla_retrieval::{Collection, Filter, ListedImage};

use super::Outcome;
use crate::output::{self, Table};

/// List the images of a collection
#[derive(Args)]
pub struct Arguments {
    /// The collection
    collection: PathBuf,
    /// Only images for which this holds, such as: taken >= 2024-01-01 and camera = "X100"
    #[arg(long = "where", value_name = "CONDITION", value_parser = Filter::parse)]
    filter: Option<Filter>,
    /// Print one JSON object with all that is known of each image
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Listing {
    images: Vec<ListedImage>,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        let collection = Collection::open(&self.collection)?;
        let mut images = collection.list()?;
        if let Some(filter) = &self.filter {
            let chosen = collection.matching(filter)?;
            images.retain(|image| chosen.contains(&image.image));
        }
        if self.json {
            output::json(&Listing { images })?;
        } else {
            output::show(&table(&images).render())?;
        }
        Ok(Outcome::Done)
    }
}

fn table(images: &[ListedImage]) -> Table {
    let mut table = Table::new(&[">id", "size", "format", ">features", "taken", "path"]);
    for image in images {
        for (place, path) in image.paths.iter().enumerate() {
            let path = path.display().to_string();
            if place > 0 {
                table.row(
                    ["", "", "", "", "same"]
                        .map(String::from)
                        .into_iter()
                        .chain([path]),
                );
                continue;
            }
            table.row([
                image.image.to_string(),
                format!("{}x{}", image.width, image.height),
                image.format.clone(),
                output::count(image.features),
                image.taken.clone().unwrap_or_default(),
                path,
            ]);
        }
    }
    table
}
