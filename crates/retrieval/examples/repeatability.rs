//! Repeatability and matching score of the detectors on the sequences of Mikolajczyk et al. (IJCV 2005).
//!
//!     repeatability DATA [--budget N] [--sequences graf,wall] [--local-model FILE] [--peers DIR] [--size own] [--json FILE]
//!
//! `DATA` holds a folder for each sequence, with `img1.png` to `img6.png` and `H1to2p` to `H1to6p`. For each sequence a table is
//! printed, detectors by pairs: repeatability / matching score in percent, and the smaller number of regions. With
//! `--peers`, `DIR/NAME/SEQUENCE/N.bin` are features of other programs: for each x, y, scale, angle, u, v (f32,
//! little-endian) and 128 bytes of descriptor. `--local-model` is the network of XFeat, which is left out without. `--json` writes the same figures, a list with an object for each row.

use std::io;
use std::path::{Path, PathBuf};

use vizsla_features::{Detector, Extractor, ExtractorConfig, Features, Keypoint, Shape};
use vizsla_pixels::{DecodeOptions, Gray, read_gray};
use vizsla_retrieval::{Recipe, local_extractor};

#[path = "../../features/tests/support/repeatability.rs"]
mod repeatability;

use repeatability::{Score, Size, read_homography, score};

struct Options {
    data: PathBuf,
    budget: usize,
    sequences: Vec<String>,
    local_model: Option<String>,
    peers: Option<PathBuf>,
    size: Size,
    json: Option<PathBuf>,
}

struct Sequence {
    images: Vec<Gray>,
    /// From the first image onto the others.
    homographies: Vec<[f64; 9]>,
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn options() -> Option<Options> {
    let mut words = std::env::args().skip(1);
    let all = "graf,wall,boat,bark,bikes,trees,leuven,ubc";
    let mut options = Options {
        data: words.next()?.into(),
        budget: 0,
        sequences: all.split(',').map(str::to_owned).collect(),
        local_model: None,
        peers: None,
        size: Size::Normalised,
        json: None,
    };
    while let Some(word) = words.next() {
        let value = words.next()?;
        match word.as_str() {
            "--budget" => options.budget = value.parse().ok()?,
            "--sequences" => options.sequences = value.split(',').map(str::to_owned).collect(),
            "--local-model" => options.local_model = Some(value),
            "--peers" => options.peers = Some(value.into()),
            "--json" => options.json = Some(value.into()),
            "--size" if value == "own" => options.size = Size::Own,
            _ => return None,
        }
    }
    Some(options)
}

fn read_sequence(folder: &Path) -> Outcome<Sequence> {
    let image = |n: usize| {
        let path = folder.join(format!("img{n}.png"));
        read_gray(&path, &DecodeOptions::default()).map(|decoded| decoded.image)
    };
    let homography = |n: usize| -> Outcome<[f64; 9]> {
        let path = folder.join(format!("H1to{n}p"));
        let text = fs_err::read_to_string(&path)?;
        read_homography(&text).ok_or_else(|| format!("no homography: {}", path.display()).into())
    };
    Ok(Sequence {
        images: (1..=6).map(image).collect::<Result<_, _>>()?,
        homographies: (2..=6).map(homography).collect::<Outcome<_>>()?,
    })
}

/// Features of another program.
fn read_peer(path: &Path, image: &Gray) -> io::Result<Features> {
    let bytes = fs_err::read(path)?;
    let mut features = Features {
        width: image.width() as u32,
        height: image.height() as u32,
        ..Features::default()
    };
    let (rows, _) = bytes.as_chunks::<152>();
    for row in rows {
        let value = |i: usize| f32::from_le_bytes(std::array::from_fn(|b| row[4 * i + b]));
        features.keypoints.push(Keypoint {
            x: value(0),
            y: value(1),
            scale: value(2),
            angle: value(3),
            shape: Shape {
                u: value(4),
                v: value(5),
            },
            response: 0.0,
        });
        features
            .descriptors
            .push(std::array::from_fn(|b| row[24 + b]));
    }
    Ok(features)
}

fn print_row(name: &str, scores: &[Score], seconds: Option<f64>) {
    let cell = |s: &Score| {
        format!(
            "{:.1} / {:.1} ({})",
            100.0 * s.repeatability(),
            100.0 * s.matching(),
            s.regions
        )
    };
    let cells: Vec<String> = scores.iter().map(cell).collect();
    let mean = |value: fn(&Score) -> f64| {
        100.0 * scores.iter().map(value).sum::<f64>() / scores.len().max(1) as f64
    };
    let time = seconds.map_or("–".to_owned(), |s| format!("{:.0}", 1e3 * s));
    println!(
        "| {name} | {} | {:.1} / {:.1} | {time} |",
        cells.join(" | "),
        mean(Score::repeatability),
        mean(Score::matching)
    );
}

fn scores(sequence: &Sequence, features: &[Features], size: Size) -> Vec<Score> {
    let pairs = sequence.homographies.iter().zip(&features[1..]);
    pairs
        .map(|(h, other)| score(&features[0], other, h, size))
        .collect()
}

fn row(
    sequence: &str,
    detector: &str,
    scores: &[Score],
    seconds: Option<f64>,
) -> serde_json::Value {
    let of = |value: fn(&Score) -> f64| scores.iter().map(value).collect::<Vec<f64>>();
    serde_json::json!({
        "sequence": sequence,
        "detector": detector,
        "repeatability": of(Score::repeatability),
        "matching": of(Score::matching),
        "regions": scores.iter().map(|score| score.regions).collect::<Vec<_>>(),
        "ms": seconds.map(|seconds| 1e3 * seconds),
    })
}

/// `None` for one whose network was not given.
fn extractor(detector: Detector, options: &Options) -> Outcome<Option<Box<dyn Extractor>>> {
    if !detector.is_learned() {
        let config = ExtractorConfig {
            detector,
            budget: options.budget,
            ..ExtractorConfig::default()
        };
        return Ok(Some(config.extractor()?));
    }
    let Some(model) = &options.local_model else {
        return Ok(None);
    };
    let mut recipe = Recipe::default();
    recipe.local.choose(Some(detector.into()), None);
    recipe.local.budget = options.budget;
    recipe.local.model.clone_from(model);
    Ok(Some(local_extractor(&recipe, 1)?))
}

fn run(options: &Options) -> Outcome<()> {
    let mut rows = Vec::new();
    for name in &options.sequences {
        let sequence = read_sequence(&options.data.join(name))?;
        println!("\n| {name} | 1–2 | 1–3 | 1–4 | 1–5 | 1–6 | mean | ms an image |");
        println!("|---|---|---|---|---|---|---|---|");
        for detector in Detector::ALL {
            let Some(extractor) = extractor(detector, options)? else {
                continue;
            };
            let start = std::time::Instant::now();
            let features: Vec<Features> = (sequence.images.iter())
                .map(|image| extractor.extract(image))
                .collect::<Result<_, _>>()?;
            let seconds = start.elapsed().as_secs_f64() / features.len() as f64;
            let scores = scores(&sequence, &features, options.size);
            print_row(detector.name(), &scores, Some(seconds));
            rows.push(row(name, detector.name(), &scores, Some(seconds)));
        }
        let Some(peers) = &options.peers else {
            continue;
        };
        let mut folders: Vec<PathBuf> = fs_err::read_dir(peers)?
            .map(|entry| entry.map(|e| e.path()))
            .collect::<Result<_, _>>()?;
        folders.sort();
        for folder in folders {
            let features = (sequence.images.iter().zip(1..))
                .map(|(image, n)| read_peer(&folder.join(name).join(format!("{n}.bin")), image));
            let features: Vec<Features> = features.collect::<io::Result<_>>()?;
            let peer = folder.file_name().unwrap_or_default().to_string_lossy();
            let scores = scores(&sequence, &features, options.size);
            print_row(&peer, &scores, None);
            rows.push(row(name, &peer, &scores, None));
        }
    }
    if let Some(path) = &options.json {
        fs_err::write(path, serde_json::to_vec_pretty(&rows)?)?;
    }
    Ok(())
}

fn main() -> std::process::ExitCode {
    let Some(options) = options() else {
        eprintln!(
            "repeatability DATA [--budget N] [--sequences graf,wall] [--local-model FILE] [--peers DIR] [--size own] [--json FILE]"
        );
        return std::process::ExitCode::FAILURE;
    };
    match run(&options) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            std::process::ExitCode::FAILURE
        }
    }
}
