//! Times clustering, aggregation and the search of aggregated words, and writes what it worked on for other programs.
//!
//! `aggregate_bench FOLDER OUT [--images 1000] [--features 500] [--words 4096] [--sample 100000] [--queries 50] [--rounds 3] [--cpu 0]`: at most so many
//! pictures below FOLDER, in the order of their names, so many features of each. Every so-manieth picture is a query as well, by every
//! other of its features. As many threads as RAYON_NUM_THREADS says; a search is of one. OUT gets little-endian `descriptors.u8` (128 bytes each), `counts.u32` (features of each picture),
//! `queries.u32` (numbers of the pictures), the vocabularies `codebook.vzcb`, `vlad.vzag`, `fisher.vzag`, `bow.vzag`, what was made
//! by them (`vlad.f32`, `fisher.f32`, `bow.f32`), `scores.f32` of every query by every picture, the centres that each clustering makes of the first descriptors (`flat.u8` …) and the numbers of those that they are given (`flat.u32` …), and `times.json`: microseconds a
//! picture or a query, the median of the rounds; of clustering once, microseconds a descriptor.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rayon::prelude::*;
use vizsla_features::{Descriptor, ExtractorConfig};
use vizsla_pixels::{DecodeOptions, read_gray};
use vizsla_vectors::Allowed;
use vizsla_words::{
    Aggregation, Aggregator, AggregatorConfig, AsmkConfig, Clustering, Codebook, Contents,
    QueryWord, Segment, SegmentBuilder, TrainConfig, search_aggregated,
};

type Times = Vec<(String, f64)>;

struct Options {
    folder: PathBuf,
    out: PathBuf,
    images: usize,
    features: usize,
    words: usize,
    sample: usize,
    queries: usize,
    rounds: usize,
    clock: Clock,
}

/// What tells the time.
enum Clock {
    Elapsed(Instant),
    /// What all threads took, where the system tells it in `/proc`.
    Processors,
}

impl Clock {
    /// Microseconds since some time in the past.
    fn microseconds(&self) -> f64 {
        match self {
            Self::Elapsed(begun) => begun.elapsed().as_secs_f64() * 1e6,
            Self::Processors => {
                // After the name in brackets: fields 12 and 13 are hundredths of a second, of the program and of the system for it.
                let text = fs_err::read_to_string("/proc/self/stat").unwrap_or_default();
                let fields = text.rsplit(") ").next().unwrap_or_default().split(' ');
                let hundredths = fields
                    .skip(11)
                    .take(2)
                    .filter_map(|x| x.parse::<f64>().ok());
                hundredths.sum::<f64>() * 1e4
            }
        }
    }
}

fn options() -> Result<Options, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, out, rest @ ..] = &arguments[..] else {
        return Err("usage: aggregate_bench FOLDER OUT [--images N] [--features N] [--words N] [--sample N] [--queries N] [--rounds N] [--cpu 0|1]".into());
    };
    let number = |name: &str, usual: usize| -> Result<usize, Box<dyn Error>> {
        let given = rest.chunks(2).find(|pair| pair[0] == name);
        let value = given.and_then(|pair| pair.get(1));
        Ok(value.map_or(Ok(usual), |value| value.parse())?)
    };
    Ok(Options {
        folder: folder.into(),
        out: out.into(),
        images: number("--images", 1000)?,
        features: number("--features", 500)?,
        words: number("--words", 4096)?,
        sample: number("--sample", 100_000)?,
        queries: number("--queries", 50)?.max(1),
        rounds: number("--rounds", 3)?.max(1),
        clock: match number("--cpu", 0)? {
            0 => Clock::Elapsed(Instant::now()),
            _ => Clock::Processors,
        },
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    fs_err::create_dir_all(&options.out)?;
    let pictures = described(&options)?;
    let step = pictures.len().div_ceil(options.queries).max(1);
    let queries: Vec<usize> = (0..pictures.len()).step_by(step).collect();
    let all = pictures.concat();
    println!("{} pictures, {} descriptors", pictures.len(), all.len());
    let write = |name: &str, bytes: Vec<u8>| fs_err::write(options.out.join(name), bytes);
    write("descriptors.u8", all.concat())?;
    let numbers = |list: &[usize]| {
        list.iter()
            .flat_map(|&n| (n as u32).to_le_bytes())
            .collect()
    };
    write(
        "counts.u32",
        numbers(&pictures.iter().map(Vec::len).collect::<Vec<_>>()),
    )?;
    write("queries.u32", numbers(&queries))?;
    let mut times = Times::new();
    for clustering in Clustering::ALL {
        clustered(&options, clustering, &all, &mut times)?;
    }
    match_kernel(&options, &pictures, &queries, &mut times)?;
    for aggregation in [Aggregation::Vlad, Aggregation::Fisher, Aggregation::Bow] {
        summed(&options, aggregation, &pictures, &mut times)?;
    }
    let lines: Vec<String> = times
        .iter()
        .map(|(name, t)| format!("\"{name}\": {t:.3}"))
        .collect();
    fs_err::write(
        options.out.join("times.json"),
        format!("{{{}}}", lines.join(", ")),
    )?;
    println!("{}", lines.join("\n"));
    Ok(())
}

/// Descriptors of the pictures that have some.
fn described(options: &Options) -> Result<Vec<Vec<Descriptor>>, Box<dyn Error>> {
    let mut paths = Vec::new();
    collect(&options.folder, &mut paths)?;
    paths.truncate(options.images);
    let extractor = ExtractorConfig {
        budget: options.features,
        ..ExtractorConfig::default()
    }
    .extractor()?;
    let decode = DecodeOptions {
        fit: Some(1024),
        ..DecodeOptions::default()
    };
    let pictures = paths.par_iter().filter_map(|path| {
        let picture = read_gray(path, &decode).ok()?;
        let features = extractor.extract(&picture.image).ok()?;
        Some(features.descriptors).filter(|some| !some.is_empty())
    });
    let pictures: Vec<Vec<Descriptor>> = pictures.collect();
    match pictures.is_empty() {
        true => Err("no picture could be read".into()),
        false => Ok(pictures),
    }
}

/// Median over the rounds of the time that `work` takes for each of `count`, in microseconds; of processors the mean, as their clock
/// is coarse.
fn timed(options: &Options, count: usize, mut work: impl FnMut()) -> f64 {
    let rounds = options.rounds;
    if let Clock::Processors = options.clock {
        let begun = options.clock.microseconds();
        (0..rounds).for_each(|_| work());
        return (options.clock.microseconds() - begun) / (rounds * count) as f64;
    }
    let mut times: Vec<f64> = (0..rounds)
        .map(|_| {
            let begun = options.clock.microseconds();
            work();
            (options.clock.microseconds() - begun) / count as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Learns words from some of the descriptors.
fn clustered(
    options: &Options,
    clustering: Clustering,
    all: &[Descriptor],
    times: &mut Times,
) -> Result<(), Box<dyn Error>> {
    let config = TrainConfig {
        words: options.words,
        clustering,
        iterations: 10,
        ..TrainConfig::default()
    };
    let sample = &all[..all.len().min(options.sample)];
    let begun = options.clock.microseconds();
    let codebook = Codebook::train(sample, &config, &|_| {})?;
    let time = (options.clock.microseconds() - begun) / sample.len() as f64;
    times.push((clustering.to_string(), time));
    let words = codebook.words().concat();
    fs_err::write(options.out.join(format!("{clustering}.u8")), words)?;
    // Words of a tree are given by their path: what that loses shows in the distances.
    let given: Vec<u8> = sample
        .par_iter()
        .flat_map_iter(|d| codebook.assign(d).to_le_bytes())
        .collect();
    fs_err::write(options.out.join(format!("{clustering}.u32")), given)?;
    Ok(())
}

fn match_kernel(
    options: &Options,
    pictures: &[Vec<Descriptor>],
    queries: &[usize],
    times: &mut Times,
) -> Result<(), Box<dyn Error>> {
    let train = TrainConfig {
        words: options.words,
        ..TrainConfig::default()
    };
    let codebook = Codebook::train(&pictures.concat(), &train, &|_| {})?;
    codebook.save(&options.out.join("codebook.vzcb"))?;
    let mut words = Vec::new();
    let aggregate = timed(options, pictures.len(), || {
        words = pictures
            .par_iter()
            .map(|picture| codebook.aggregate(picture, 1))
            .collect();
    });
    times.push(("asmk_aggregate".into(), aggregate));
    let path = options.out.join("bench.vzsg");
    let count = codebook.len() as u32;
    let mut written = Ok(());
    let index = timed(options, pictures.len(), || {
        let _ = fs_err::remove_file(&path);
        let mut builder = SegmentBuilder::of(count, Contents::Aggregated);
        let mut added = (0..).zip(&words);
        written = added
            .try_for_each(|(id, words)| builder.add(id, words))
            .and_then(|()| builder.write(&path).map(|_| ()));
    });
    written?;
    times.push(("asmk_index".into(), index));
    let segment = Segment::open(&path, codebook.len() as u32)?;
    let asked: Vec<Vec<QueryWord>> = queries
        .iter()
        .map(|&query| asked(&codebook, &pictures[query]))
        .collect();
    let mut found = Vec::new();
    let search = timed(options, asked.len(), || {
        let config = AsmkConfig::default();
        found = asked
            .iter()
            .map(|words| {
                search_aggregated(
                    &[&segment],
                    words,
                    &config,
                    None,
                    &Allowed::All,
                    pictures.len(),
                )
            })
            .collect();
    });
    times.push(("asmk_search".into(), search));
    let mut scores = vec![0f32; pictures.len() * queries.len()];
    for (found, scores) in found.into_iter().zip(scores.chunks_mut(pictures.len())) {
        for scored in found? {
            scores[scored.id as usize] = scored.score;
        }
    }
    write_floats(&options.out.join("scores.f32"), &scores)?;
    Ok(())
}

/// Every other feature of a picture, aggregated.
fn asked(codebook: &Codebook, picture: &[Descriptor]) -> Vec<QueryWord> {
    let half: Vec<Descriptor> = picture.iter().step_by(2).copied().collect();
    QueryWord::each(codebook.aggregate(&half, 1))
}

fn summed(
    options: &Options,
    aggregation: Aggregation,
    pictures: &[Vec<Descriptor>],
    times: &mut Times,
) -> Result<(), Box<dyn Error>> {
    let config = AggregatorConfig {
        aggregation,
        words: if aggregation == Aggregation::Bow {
            1024
        } else {
            64
        },
        ..AggregatorConfig::default()
    };
    // Twenty thousand are enough for so few words.
    let all = pictures.concat();
    let sample: Vec<Descriptor> = all
        .iter()
        .step_by(all.len() / 20_000 + 1)
        .copied()
        .collect();
    let aggregator = Aggregator::train(&sample, &config)?;
    aggregator.save(&options.out.join(format!("{aggregation}.vzag")))?;
    let mut vectors = Vec::new();
    let time = timed(options, pictures.len(), || {
        vectors = pictures
            .par_iter()
            .flat_map_iter(|picture| aggregator.describe(picture))
            .collect();
    });
    times.push((aggregation.to_string(), time));
    write_floats(&options.out.join(format!("{aggregation}.f32")), &vectors)?;
    Ok(())
}

fn write_floats(path: &Path, numbers: &[f32]) -> std::io::Result<()> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    fs_err::write(path, bytes)
}

/// All files below a folder, by name.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    let mut entries: Vec<PathBuf> = fs_err::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    entries.sort();
    for entry in entries {
        match entry.is_dir() {
            true => collect(&entry, files)?,
            false => files.push(entry),
        }
    }
    Ok(())
}
