//! Learns a codebook from folders of images.
//!
//! `train_codebook OUT WORDS FEATURES_PER_IMAGE FOLDER[@LIST]…`: LIST names the images of FOLDER to use,
//! one a line. Images are taken in the order of their names, at their own size, so the same folders
//! give the same codebook.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rayon::prelude::*;
use vizsla_features::{Descriptor, ExtractError, ExtractorConfig};
use vizsla_pixels::{DecodeOptions, read_gray};
use vizsla_vectors::l2_squared_u8;
use vizsla_words::{Codebook, TrainConfig};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, words, features, folders @ ..] = &arguments[..] else {
        return Err("usage: train_codebook OUT WORDS FEATURES_PER_IMAGE FOLDER[@LIST]…".into());
    };
    let mut images = Vec::new();
    for folder in folders {
        match folder.split_once('@') {
            Some((folder, list)) => images.extend(listed(Path::new(folder), Path::new(list))?),
            None => collect(Path::new(folder), &mut images)?,
        }
    }
    let begun = Instant::now();
    let extractor = ExtractorConfig {
        budget: features.parse()?,
        ..ExtractorConfig::default()
    }
    .extractor()?;
    let per_image: Vec<Vec<Descriptor>> = images
        .par_iter()
        .map(|path| match read_gray(path, &DecodeOptions::default()) {
            Ok(decoded) => Ok(extractor.extract(&decoded.image)?.descriptors),
            Err(error) => {
                eprintln!("skipped {}: {error}", path.display());
                Ok(Vec::new())
            }
        })
        .collect::<Result<_, ExtractError>>()?;
    let descriptors = per_image.concat();
    println!(
        "{} descriptors of {} images, {:.0} s",
        descriptors.len(),
        images.len(),
        begun.elapsed().as_secs_f32()
    );
    let config = TrainConfig {
        words: words.parse()?,
        ..TrainConfig::default()
    };
    let codebook = Codebook::train(&descriptors, &config, &|p| {
        println!("{p:?}, {:.0} s", begun.elapsed().as_secs_f32());
    })?;
    codebook.save(Path::new(out))?;
    println!("{} words, id {}", codebook.len(), codebook.id());
    report(&codebook, &descriptors);
    Ok(())
}

/// Prints how often the nearest word is found and how long finding takes.
fn report(codebook: &Codebook, descriptors: &[Descriptor]) {
    let step = (descriptors.len() / 2000).max(1);
    let sample: Vec<&Descriptor> = descriptors.iter().step_by(step).collect();
    let each = |begun: Instant| begun.elapsed().as_secs_f64() * 1e6 / sample.len() as f64;
    let begun = Instant::now();
    let words: Vec<u32> = sample.iter().map(|d| codebook.assign(d)).collect();
    let assigned = each(begun);
    let begun = Instant::now();
    let bits: u32 = sample
        .iter()
        .zip(&words)
        .map(|(d, &word)| codebook.signature(d, word).0[0].count_ones())
        .sum();
    let signed = each(begun);
    let exact = sample.par_iter().zip(&words).filter(|(d, word)| {
        let distance = |w: &Descriptor| l2_squared_u8(**d, w);
        let found = distance(&codebook.words()[**word as usize]);
        codebook.words().iter().all(|w| distance(w) >= found)
    });
    println!(
        "nearest word found for {:.3} of {} descriptors; {assigned:.2} µs to assign, {signed:.2} µs to sign, \
         {:.3} of the bits set",
        exact.count() as f64 / sample.len() as f64,
        sample.len(),
        f64::from(bits) / (64 * sample.len()) as f64
    );
}

/// The images of a folder that a list names.
fn listed(folder: &Path, list: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut images: Vec<PathBuf> = fs_err::read_to_string(list)?
        .lines()
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| folder.join(name))
        .collect();
    images.sort();
    Ok(images)
}

/// All files below a folder, by name.
fn collect(folder: &Path, images: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    let mut entries: Vec<PathBuf> = fs_err::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            collect(&entry, images)?;
        } else {
            images.push(entry);
        }
    }
    Ok(())
}
