//! Collections of as many images as one wants, made of a few, for `cargo xtask bench scale`.
//!
//!     scale_bench seed COLLECTION COUNT FOLDER [CODEBOOK]   index COUNT pictures of a folder, 500 features each
//!     scale_bench make SEED COLLECTION IMAGES               images that are those of SEED with small changes
//!     scale_bench query COLLECTION PICTURE...               ask by pictures, twice
//!     scale_bench remove COLLECTION N                       remove every Nth image
//!     scale_bench optimize COLLECTION
//!     scale_bench copy COLLECTION FRESH                     a new collection of the images that there are
//!     scale_bench answers COLLECTION PICTURE...             what is found, for comparing
//!
//! Each prints an object of JSON; `peak_mb` is the most memory that the process held, mapped files included as far as they were read.
//!
//! A changed image has nine of ten of the features of its seed, moved by up to half a percent of its sides; each of their bits is turned with a chance of
//! one in twenty, and one feature in five has another of the eight words near its own, with a third of its bits turned. Its vector has noise of a third
//! of its length.

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use vizsla_retrieval::{
    Collection, ImageRecord, IngestOptions, Query, Recipe, SearchOptions, Selector, Silent,
    StoredFeature,
};
use vizsla_words::Codebook;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const FEATURES: usize = 500;
/// Chances out of a hundred.
const DROPPED: u64 = 10;
const OTHER_WORD: u64 = 20;
/// Bits that are turned of a hundred: of a feature under its own word, and under another.
const TURNED: u64 = 5;
const TURNED_OF_OTHER: u64 = 33;
/// Words near a word.
const NEAR: usize = 8;
const MOVED: f32 = 0.005;
const NOISE: f32 = 0.33;

/// SplitMix64 (Steele, Lea & Flood 2014).
struct Sequence(u64);

impl Sequence {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn chance(&mut self, of_hundred: u64) -> bool {
        self.next() % 100 < of_hundred
    }

    /// −1 to 1.
    fn around(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

/// Changes images a little.
struct Changes {
    seeds: Vec<ImageRecord>,
    near: HashMap<u32, Vec<u32>>,
}

impl Changes {
    fn new(seed: &Collection) -> Result<Self> {
        let mut seeds = Vec::new();
        for image in seed.list()? {
            seeds.extend(seed.record(image.image)?);
        }
        let codebook = seed.codebook()?;
        let mut words: Vec<u32> = seeds
            .iter()
            .flat_map(|seed| &seed.features)
            .map(|f| f.word)
            .collect();
        words.sort_unstable();
        words.dedup();
        let mut near = HashMap::new();
        for words in words.chunks(4096) {
            let centres: Vec<_> = words
                .iter()
                .map(|&w| codebook.words()[w as usize])
                .collect();
            let found = codebook.assign_many_each(&centres, NEAR + 1);
            for (word, found) in words.iter().zip(found) {
                let others = found.into_iter().map(|(other, _)| other);
                near.insert(*word, others.filter(|other| other != word).collect());
            }
        }
        Ok(Self { seeds, near })
    }

    fn image(&self, number: u64) -> ImageRecord {
        let seed = &self.seeds[(number % self.seeds.len() as u64) as usize];
        let mut random = Sequence(number.wrapping_mul(0x1234_5678_9abc_def1));
        let mut content = [0; 32];
        content[..8].copy_from_slice(&number.to_le_bytes());
        let mut features: Vec<StoredFeature> = Vec::with_capacity(seed.features.len());
        for feature in &seed.features {
            if !random.chance(DROPPED) {
                features.push(self.feature(*feature, &mut random));
            }
        }
        let vector = seed.vector.as_ref().map(|vector| {
            let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
            // A number that is uniform from −1 to 1 has a variance of a third.
            let step = NOISE * length * (3.0 / vector.len() as f32).sqrt();
            vector.iter().map(|x| x + step * random.around()).collect()
        });
        ImageRecord {
            name: format!("{number}/{}", seed.name),
            content,
            features,
            vector,
            ..seed.clone()
        }
    }

    fn feature(&self, mut feature: StoredFeature, random: &mut Sequence) -> StoredFeature {
        let mut turned = TURNED;
        let others = self.near.get(&feature.word).filter(|near| !near.is_empty());
        if let Some(near) = others.filter(|_| random.chance(OTHER_WORD)) {
            feature.word = near[(random.next() % near.len() as u64) as usize];
            turned = TURNED_OF_OTHER;
        }
        for (part, bits) in [(0, 64), (1, 32)] {
            for bit in 0..bits {
                feature.signature.0[part] ^= u64::from(random.chance(turned)) << bit;
            }
        }
        feature.x = (feature.x + MOVED * random.around()).clamp(0.0, 1.0);
        feature.y = (feature.y + MOVED * random.around()).clamp(0.0, 1.0);
        feature
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let begun = Instant::now();
    let mut said = match arguments[..] {
        ["seed", collection, count, folder] => seed(collection, count.parse()?, folder, None)?,
        ["seed", collection, count, folder, codebook] => {
            seed(collection, count.parse()?, folder, Some(codebook))?
        }
        ["make", seed, collection, images] => make(seed, collection, images.parse()?)?,
        ["query", collection, ref pictures @ ..] => query(collection, pictures)?,
        ["remove", collection, every] => remove(collection, every.parse()?)?,
        ["optimize", collection] => {
            let report = Collection::open(collection)?.optimize(false, &Silent)?;
            json!({ "segments": [report.segments_before, report.segments_after] })
        }
        ["copy", collection, fresh] => copy(collection, fresh)?,
        ["answers", collection, ref pictures @ ..] => answers(collection, pictures)?,
        _ => {
            return Err(
                "seed, make, query, remove, optimize, copy or answers; see the source".into(),
            );
        }
    };
    said["did"] = arguments[0].into();
    said["seconds"] = begun.elapsed().as_secs_f64().into();
    said["peak_mb"] = peak().into();
    println!("{said}");
    Ok(())
}

/// The most memory that this process held, in millions of bytes; 0 where the system does not say.
fn peak() -> u64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024 / 1_000_000
}

fn seed(collection: &str, count: usize, folder: &str, codebook: Option<&str>) -> Result<Value> {
    let mut recipe = Recipe::standard()?;
    recipe.local.budget = FEATURES;
    let mut builder = Collection::builder(collection).recipe(recipe);
    if let Some(codebook) = codebook {
        builder = builder.codebook(Arc::new(Codebook::open(Path::new(codebook))?));
    }
    let mut collection = builder.create()?;
    let (mut pictures, _) = vizsla_retrieval::find_pictures(&[PathBuf::from(folder)])?;
    pictures.truncate(count);
    let report = collection.ingest(&pictures, &IngestOptions::default(), &Silent)?;
    Ok(json!({ "images": report.added }))
}

fn make(seed: &str, place: &str, images: u64) -> Result<Value> {
    let seed = Collection::open(seed)?;
    let changes = Changes::new(&seed)?;
    let mut collection = beside(&seed, place)?;
    drop(seed);
    let begun = Instant::now();
    let report = collection.add_records((0..images).map(|n| changes.image(n)), &Silent)?;
    Ok(json!({
        "images": report.added, "skipped": report.skipped.len(), "segments": collection.info()?.segments,
        "taking_in_s": begun.elapsed().as_secs_f64()
    }))
}

/// An empty collection of the recipe and the codebook of another.
fn beside(other: &Collection, place: &str) -> Result<Collection> {
    let builder = Collection::builder(place).recipe(other.recipe().clone());
    Ok(builder.codebook(other.codebook()?).create()?)
}

fn copy(collection: &str, fresh: &str) -> Result<Value> {
    let from = Collection::open(collection)?;
    let mut to = beside(&from, fresh)?;
    let images = from.list()?;
    let records = images
        .iter()
        .filter_map(|image| from.record(image.image).ok().flatten());
    let report = to.add_records(records, &Silent)?;
    to.optimize(false, &Silent)?;
    Ok(json!({ "images": report.added }))
}

fn remove(collection: &str, every: usize) -> Result<Value> {
    let mut collection = Collection::open(collection)?;
    let images = collection.list()?;
    let chosen = images.iter().step_by(every);
    let chosen: Vec<Selector> = chosen.map(|image| Selector::Image(image.image)).collect();
    Ok(json!({ "removed": collection.remove(&chosen)? }))
}

/// What is done before verification, of a query: the times of stages by their names, and the whole.
fn ask(collection: &Collection, pictures: &[&str]) -> Result<Value> {
    let mut times: Vec<HashMap<String, f64>> = Vec::new();
    let mut first = 0;
    for picture in pictures {
        let begun = Instant::now();
        let answer = collection.search(&Query::file(picture), &SearchOptions::default())?;
        let mut stages = HashMap::from([("all".to_owned(), begun.elapsed().as_secs_f64() * 1e3)]);
        for stage in &answer.stages {
            *stages.entry(stage.stage.to_string()).or_default() += stage.ms;
        }
        times.push(stages);
        let name = Path::new(picture).file_name();
        let best = answer.hits.first().and_then(|hit| hit.path.file_name());
        first += usize::from(name.is_some() && name == best);
    }
    let names = times.iter().flat_map(|stages| stages.keys().cloned());
    let names: std::collections::BTreeSet<String> = names.collect();
    let median = |name: &String| {
        let of_name = times
            .iter()
            .map(|stages| stages.get(name).copied().unwrap_or(0.0));
        let mut of_name: Vec<f64> = of_name.collect();
        of_name.sort_by(f64::total_cmp);
        of_name[of_name.len() / 2]
    };
    let medians: serde_json::Map<String, Value> = names
        .iter()
        .map(|name| (name.clone(), median(name).into()))
        .collect();
    let slowest = times.iter().map(|stages| stages["all"]).fold(0.0, f64::max);
    let one = &times[0]["all"];
    Ok(
        json!({ "median_ms": medians, "slowest_ms": slowest, "first_query_ms": one, "found_first": first, "asked": pictures.len() }),
    )
}

fn query(place: &str, pictures: &[&str]) -> Result<Value> {
    let begun = Instant::now();
    let collection = Collection::open(place)?;
    let opened = begun.elapsed().as_secs_f64() * 1e3;
    let (cold, warm) = (ask(&collection, pictures)?, ask(&collection, pictures)?);
    let info = collection.info()?;
    Ok(json!({
        "images": info.images, "segments": info.segments, "opening_ms": opened, "cold": cold, "warm": warm,
        "catalog_bytes": info.catalog_bytes, "segment_bytes": info.segment_bytes, "artefact_bytes": info.artefact_bytes
    }))
}

fn answers(place: &str, pictures: &[&str]) -> Result<Value> {
    let collection = Collection::open(place)?;
    let mut all = Vec::new();
    for picture in pictures {
        let answer = collection.search(&Query::file(picture), &SearchOptions::default())?;
        let hits = answer.hits.iter();
        all.push(
            hits.map(|hit| json!([hit.path, hit.score]))
                .collect::<Vec<Value>>(),
        );
    }
    Ok(json!({ "answers": all }))
}
