//! `vizsla map`: a collection laid out on a plane, as a page to wander through and as a drawing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use vizsla_evaluation::{
    Legend, MapItem, MapMethod, MapText, Thumbnails, map_page, map_picture, project,
    thumbnail_side, trustworthiness,
};
use vizsla_pixels::{DecodeOptions, Rgb};
use vizsla_retrieval::{Collection, Filter, ListedImage};

use super::threads::Threads;
use super::{Outcome, picture, range};
use crate::output::{self, Progress};

/// Neighbours on the map that are checked against the truth.
const NEIGHBOURS: usize = 10;
/// Most characters of captions kept for a picture.
const MOST_CAPTION: usize = 400;

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
        let (images, samples, dimension) = self.vectors(&collection)?;
        let progress = Progress::start();
        let plane = project(&samples, dimension, self.method, self.seed, &progress)?;
        let (by, labels) = self.labels(&collection, &images)?;
        let captions = captions(&collection)?;
        let items: Vec<MapItem> = images
            .iter()
            .zip(&plane)
            .map(|(image, &position)| MapItem {
                position,
                path: path_of(image).display().to_string(),
                label: labels.get(&image.image).cloned(),
                caption: captions.get(&image.image).cloned().unwrap_or_default(),
            })
            .collect();
        let trust = trustworthiness(&samples, dimension, &plane, NEIGHBOURS);
        let text = self.text(&items, &by, trust);
        let read = |n: usize, side: u32| thumbnail(path_of(&images[n]), side);
        let side = thumbnail_side(items.len()).filter(|_| !self.no_thumbnails);
        let thumbnails = Thumbnails::make(items.len(), side, &read)?;
        let page = map_page(&items, &thumbnails, &text)?;
        replace(&self.out, page.as_bytes())?;
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

    /// The images that have vectors and meet the condition, with their vectors one after the other.
    fn vectors(&self, collection: &Collection) -> Result<(Vec<ListedImage>, Vec<f32>, usize)> {
        let wanted = match &self.condition {
            Some(condition) => Some(collection.matching(&Filter::parse(condition)?)?),
            None => None,
        };
        let mut listed: BTreeMap<i64, ListedImage> = collection
            .list()?
            .into_iter()
            .filter(|image| wanted.as_ref().is_none_or(|ids| ids.contains(&image.image)))
            .map(|image| (image.image, image))
            .collect();
        let (mut images, mut samples, mut dimension) = (Vec::new(), Vec::new(), 0);
        for (id, vector) in collection.vectors()? {
            let fits = dimension == 0 || vector.len() == dimension;
            if let (true, Some(image)) = (fits, listed.remove(&id)) {
                dimension = vector.len();
                images.push(image);
                samples.extend(vector);
            }
        }
        if images.is_empty() {
            bail!("no image is left to map: {}", self.collection.display());
        }
        Ok((images, samples, dimension))
    }

    /// What the colours stand for, and the label of each image that has one.
    fn labels(
        &self,
        collection: &Collection,
        images: &[ListedImage],
    ) -> Result<(String, BTreeMap<i64, String>)> {
        let of = |label: &dyn Fn(&ListedImage) -> Option<String>| {
            let known = |image: &ListedImage| Some((image.image, label(image)?));
            images.iter().filter_map(known).collect()
        };
        let folder = |image: &ListedImage| {
            let name = path_of(image).parent()?.file_name()?;
            Some(name.to_string_lossy().into_owned())
        };
        let first = |values: BTreeMap<i64, Vec<String>>| {
            let first =
                |(image, values): (i64, Vec<String>)| Some((image, values.into_iter().next()?));
            values.into_iter().filter_map(first).collect()
        };
        let by = self.by.as_deref();
        let labels = match by {
            None => match collection.metadata("label") {
                Ok(labels) => return Ok(("label".to_owned(), first(labels))),
                Err(_) => return Ok(("folder".to_owned(), of(&folder))),
            },
            Some("folder") => of(&folder),
            Some("camera") => of(&|image| image.camera.clone()),
            Some("format") => of(&|image| Some(image.format.clone())),
            Some("year") => of(&|image| image.taken.as_ref()?.get(..4).map(str::to_owned)),
            Some(key) => first(collection.metadata(&key.to_lowercase())?),
        };
        Ok((by.unwrap_or_default().to_owned(), labels))
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

/// Where an image lies; each has a file at least.
fn path_of(image: &ListedImage) -> &Path {
    image.paths.first().map_or(Path::new(""), PathBuf::as_path)
}

fn thumbnail(path: &Path, side: u32) -> Option<Rgb> {
    let options = DecodeOptions {
        fit: Some(side),
        ..DecodeOptions::default()
    };
    Some(vizsla_pixels::read_rgb(path, &options).ok()?.image)
}

/// The captions of each image, in one line.
fn captions(collection: &Collection) -> Result<BTreeMap<i64, String>> {
    let mut captions: BTreeMap<i64, String> = BTreeMap::new();
    for caption in collection.captions()? {
        let line = captions.entry(caption.image).or_default();
        if line.chars().count() < MOST_CAPTION {
            if !line.is_empty() {
                line.push_str(" · ");
            }
            line.push_str(caption.text.trim());
        }
    }
    Ok(captions)
}

/// Writes a file that appears whole or not at all.
fn replace(file: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = file.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    let part = file.with_file_name(name);
    fs_err::write(&part, bytes)?;
    fs_err::rename(&part, file)?;
    Ok(())
}
