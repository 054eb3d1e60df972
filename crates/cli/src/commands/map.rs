//! `vizsla map`: a collection laid out on a plane, as a page to wander through and as a drawing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use clap::Args;
use serde::Serialize;
use vizsla_evaluation::{
    Legend, MapItem, MapLayout, MapMethod, MapText, Thumbnails, map_page, map_picture, thumbnail,
    thumbnail_side,
};
use vizsla_retrieval::{Collection, Filter};
use vizsla_vectors::AtomicFile;

use super::threads::Threads;
use super::{Outcome, picture, range};
use crate::output::{self, Progress};

/// Draw a map of a collection: pictures that are alike lie together
#[derive(Args)]
pub struct Arguments {
    /// The collection; it must have a global descriptor
    collection: PathBuf,
    /// How to lay it out: pca, tsne or umap
    #[arg(long, value_name = "METHOD", default_value = "umap")]
    method: MapMethod,
    /// Colours stand for: label, folder, camera, format, year, or any key of the metadata; left out, label where there
    /// are labels, else folder
    #[arg(long, value_name = "KEY")]
    by: Option<String>,
    /// The page to write: one HTML file that needs nothing else
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// A drawing to write as well, PNG or JPEG
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
    /// Side of the drawing in pixels, 400 to 4000
    #[arg(long, value_name = "PIXELS", default_value_t = 1200, value_parser = range::one_or_more)]
    png_side: usize,
    /// Map only the images that meet this condition, as for `search`
    #[arg(long = "where", value_name = "CONDITION")]
    condition: Option<String>,
    /// Leave the thumbnails out
    #[arg(long)]
    no_thumbnails: bool,
    /// Seed of UMAP: the same seed gives the same map
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

/// What was drawn.
#[derive(Serialize)]
struct Drawn {
    collection: String,
    method: MapMethod,
    seed: u64,
    images: usize,
    by: String,
    labels: BTreeMap<String, usize>,
    /// Of the neighbours on the map; `null` for very few images.
    trustworthiness: Option<f64>,
    page: String,
    page_bytes: usize,
    picture: Option<String>,
    thumbnail_side: u32,
    without_thumbnail: usize,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        self.threads.start()?;
        if let Some(file) = &self.png {
            picture::check_ending(file)?;
        }
        let collection = Collection::open(&self.collection)?;
        let wanted = match &self.condition {
            Some(condition) => Some(collection.matching(&Filter::parse(condition)?)?),
            None => None,
        };
        let progress = Progress::start();
        let layout = MapLayout::of(
            &collection,
            wanted.as_ref(),
            self.method,
            self.seed,
            &progress,
        );
        let layout = layout.map_err(|error| match error {
            vizsla_evaluation::Error::Layout(what) => {
                anyhow!("{what}: {}", self.collection.display())
            }
            other => other.into(),
        })?;
        let (by, items) = layout.items(&collection, self.by.as_deref())?;
        let trust = layout.trustworthiness;
        let text = self.text(&items, &by, trust);
        let read = |n: usize, side: u32| thumbnail(Path::new(&items[n].path), side);
        let side = thumbnail_side(items.len()).filter(|_| !self.no_thumbnails);
        let thumbnails = Thumbnails::make(items.len(), side, &read)?;
        let page = map_page(&items, &thumbnails, &text)?;
        AtomicFile::write_whole(&self.out, page.as_bytes())?;
        if let Some(file) = &self.png {
            picture::save(&map_picture(&items, &text, self.png_side, &read)?, file)?;
        }
        let drawn = Drawn {
            collection: self.collection.display().to_string(),
            method: self.method,
            seed: self.seed,
            images: items.len(),
            by,
            labels: Legend::of(&items)
                .entries
                .into_iter()
                .map(|entry| (entry.name, entry.count))
                .collect(),
            trustworthiness: trust,
            page: self.out.display().to_string(),
            page_bytes: page.len(),
            picture: self.png.as_ref().map(|file| file.display().to_string()),
            thumbnail_side: thumbnails.side(),
            without_thumbnail: thumbnails.missing(),
        };
        match self.json {
            true => output::json(&drawn)?,
            false => output::show(&self.describe(&drawn))?,
        }
        Ok(Outcome::Done)
    }

    fn text(&self, items: &[MapItem], by: &str, trust: Option<f64>) -> MapText {
        let name = self
            .collection
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy();
        let method = match self.method {
            MapMethod::Pca => "Principal components",
            MapMethod::Tsne => "t-SNE",
            MapMethod::Umap => "UMAP",
        };
        let trust = trust.map_or_else(String::new, |t| format!(", trustworthiness {t:.3}"));
        let count = output::plural(items.len(), "image");
        MapText {
            title: name.into_owned(),
            subtitle: format!("{method} of {count}{trust}"),
            by: by.to_owned(),
        }
    }

    fn describe(&self, drawn: &Drawn) -> String {
        let mut text = format!(
            "{}: {} by {}, coloured by {}, {}\n",
            drawn.page,
            output::plural(drawn.images, "image"),
            drawn.method,
            drawn.by,
            output::bytes(drawn.page_bytes as u64)
        );
        if let Some(trust) = drawn.trustworthiness {
            text.push_str(&format!(
                "trustworthiness {trust:.4} (1 = every neighbour on the map is one in truth)\n"
            ));
        }
        let whole = thumbnail_side(1).unwrap_or_default();
        if drawn.thumbnail_side > 0 && drawn.thumbnail_side < whole {
            text.push_str(&format!(
                "thumbnails of {} pixels instead of {whole}, so that the page stays below 40 MB\n",
                drawn.thumbnail_side
            ));
        }
        if drawn.thumbnail_side == 0 && !self.no_thumbnails {
            text.push_str("no thumbnails: there are too many images for one page\n");
        }
        if drawn.without_thumbnail > 0 {
            text.push_str(&format!(
                "{} could not be read for a thumbnail\n",
                output::plural(drawn.without_thumbnail, "file")
            ));
        }
        if let Some(picture) = &drawn.picture {
            text.push_str(&format!("drawn: {picture}\n"));
        }
        text
    }
}
