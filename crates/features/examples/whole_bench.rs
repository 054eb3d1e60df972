//! Times descriptions of whole images over the photographs of a folder, and says how well they find pictures of the same
//! thing if the names say what that is.
//!
//!     cargo run --release -p vizsla-features --example whole_bench -- FOLDER [DESCRIPTION ...]
//!
//! Two pictures show the same if they lie in the same folder. Printed: milliseconds an image on one thread (decoding left
//! out), length, and the mean average precision of each picture among all others, by each distance and by its map.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::time::Instant;

use vizsla_features::{Distance, WholeImage};
use vizsla_pixels::{DecodeOptions, Rgb, has_picture_name, read_rgb};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| ".".to_owned()));
    let mut wholes: Vec<WholeImage> = arguments.map(|text| text.parse().unwrap()).collect();
    if wholes.is_empty() {
        wholes = WholeImage::names()
            .map(|name| name.parse().unwrap())
            .collect();
    }
    let mut pictures = Vec::new();
    collect(&folder, &mut pictures);
    println!("{} pictures", pictures.len());
    let labels: Vec<_> = pictures
        .iter()
        .map(|(path, _)| path.parent().unwrap())
        .collect();
    for whole in wholes {
        whole.describe(&pictures[0].1);
        let start = Instant::now();
        let found: Vec<_> = pictures
            .iter()
            .map(|(_, image)| whole.describe(image))
            .collect();
        let each = start.elapsed().as_secs_f64() * 1e3 / pictures.len() as f64;
        let (name, length) = (whole.to_string(), whole.dimension());
        print!("{name:20} {each:6.2} ms {length:5} values ");
        for &distance in whole.distances() {
            // A transport for each pair of pictures takes too long here.
            if distance == Distance::EarthMovers {
                let start = Instant::now();
                let pairs = found.windows(2).take(200);
                let count = pairs.len().max(1) as f64;
                let work: f32 = pairs
                    .map(|pair| whole.between(distance, &pair[0], &pair[1]))
                    .sum();
                let each = start.elapsed().as_secs_f64() * 1e3 / count;
                print!(
                    " earth_movers {each:.2} ms (mean {:.3})",
                    f64::from(work) / count
                );
                continue;
            }
            let exact = precision(&labels, |a, b| {
                whole.between(distance, &found[a], &found[b])
            });
            print!(" {distance} {:.3}", exact);
            if let Some(map) = whole.feature_map(distance) {
                let mapped: Vec<_> = found.iter().map(|v| map.map(v)).collect();
                let inner = |a: usize, b: usize| {
                    let products = mapped[a].iter().zip(&mapped[b]);
                    -products.map(|(x, y)| x * y).sum::<f32>()
                };
                print!("/{:.3}", precision(&labels, inner));
            }
        }
        println!();
    }
}

/// Pictures below a folder within 256 pixels, in the order of their names.
fn collect(folder: &Path, out: &mut Vec<(PathBuf, Rgb)>) {
    let entries = fs_err::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, out);
        } else if has_picture_name(&path) {
            let options = DecodeOptions {
                fit: Some(256),
                ..DecodeOptions::default()
            };
            if let Ok(decoded) = read_rgb(&path, &options) {
                out.push((path, decoded.image));
            }
        }
    }
}

/// The mean average precision of all pictures that are not alone.
fn precision(labels: &[&Path], distance: impl Fn(usize, usize) -> f32) -> f64 {
    let (mut sum, mut count) = (0.0, 0);
    for query in 0..labels.len() {
        let others = (0..labels.len()).filter(|&other| other != query);
        let mut ranking: Vec<_> = others
            .map(|other| (distance(query, other), other))
            .collect();
        ranking.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let (mut hits, mut precisions) = (0, 0.0);
        for (rank, (_, other)) in ranking.iter().enumerate() {
            if labels[*other] == labels[query] {
                hits += 1;
                precisions += f64::from(hits) / (rank + 1) as f64;
            }
        }
        if hits > 0 {
            sum += precisions / f64::from(hits);
            count += 1;
        }
    }
    sum / f64::from(count.max(1))
}
