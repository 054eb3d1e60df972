//! Times queries on a made-up inverted file.
//!
//! `inverted_bench [IMAGES] [QUERIES] [FOLDER]`: IMAGES (100,000) images of 500 features each, with
//! random words and signatures; QUERIES (20) queries, each an image of the index with 10 % of the bits of
//! its signatures flipped, asked twice. With FOLDER the postings and queries are written there as little-endian
//! `words.u32` (image by image), `signatures.u64`, `query_words.u32` and `query_signatures.u64`, for
//! other programs to search, and the queries are asked once for every line of standard input, so that programs can take turns.
//! The checksum is of all ids and scores found, to the last bit.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use vizsla_vectors::Allowed;
use vizsla_words::{QueryWord, ScoringConfig, Segment, SegmentBuilder, Signature, search};

const WORDS: u32 = 32_768;
const FEATURES: usize = 500;

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
}

type Features = Vec<(u32, Signature)>;

fn image(number: u64) -> Features {
    let mut sequence = Sequence(number.wrapping_mul(0x1234_5678_9abc_def1));
    (0..FEATURES)
        .map(|_| {
            let word = ((sequence.next() >> 32) * u64::from(WORDS)) >> 32;
            (word as u32, Signature([sequence.next(), 0]))
        })
        .collect()
}

/// An image of the index, seen again: a tenth of the bits differ.
fn seen_again(number: u64) -> Features {
    let mut sequence = Sequence(!number);
    let mut features = image(number);
    for (_, signature) in &mut features {
        for bit in 0..64 {
            signature.0[0] ^= u64::from(sequence.next().is_multiple_of(10)) << bit;
        }
    }
    features
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let images: u64 = arguments.first().map_or(Ok(100_000), |a| a.parse())?;
    let queries: u64 = arguments.get(1).map_or(Ok(20), |a| a.parse())?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("bench.vzsg");

    let begun = Instant::now();
    let mut builder = SegmentBuilder::new(WORDS);
    for number in 0..images {
        builder.add(number as i64, &image(number))?;
    }
    let summary = builder.write(&path)?;
    println!(
        "built in {:.1} s, {:.0} bytes an image",
        begun.elapsed().as_secs_f64(),
        summary.bytes as f64 / images as f64
    );
    if let Some(folder) = arguments.get(2) {
        dump(&PathBuf::from(folder), images, queries)?;
    }

    let begun = Instant::now();
    let segment = Segment::open(&path, WORDS)?;
    println!("opened in {:.2} ms", begun.elapsed().as_secs_f64() * 1e3);
    let seen: Vec<Vec<QueryWord>> = (0..queries)
        .map(|number| words_of(seen_again(number * images / queries)))
        .collect();
    ask(&segment, &seen, images)?;
    if arguments.get(2).is_none() {
        return ask(&segment, &seen, images);
    }
    for line in std::io::stdin().lines() {
        line?;
        ask(&segment, &seen, images)?;
    }
    Ok(())
}

fn words_of(features: Features) -> Vec<QueryWord> {
    let features = (0..).zip(features);
    let word = |(feature, (word, signature))| QueryWord {
        feature,
        word,
        signature,
        weight: 1.0,
    };
    features.map(word).collect()
}

/// Asks all queries once and tells how long they took.
fn ask(segment: &Segment, queries: &[Vec<QueryWord>], images: u64) -> Result<(), Box<dyn Error>> {
    let config = ScoringConfig::default();
    let (mut times, mut found, mut checksum) = (Vec::new(), 0, 0u64);
    for (number, query) in queries.iter().enumerate() {
        let begun = Instant::now();
        let best = search(&[segment], query, &config, &Allowed::All, 100)?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        let image = (number as u64 * images / queries.len() as u64) as i64;
        found += usize::from(best.first().is_some_and(|b| b.id == image));
        for scored in best {
            for bits in [scored.id as u64, scored.score.to_bits().into()] {
                checksum = Sequence(checksum ^ bits).next();
            }
        }
    }
    times.sort_by(f64::total_cmp);
    println!(
        "{} queries, {found} found their image first: median {:.3} ms, slowest {:.3} ms, checksum {checksum:016x}",
        queries.len(),
        times[times.len() / 2],
        times[times.len() - 1]
    );
    Ok(())
}

fn dump(folder: &std::path::Path, images: u64, queries: u64) -> Result<(), Box<dyn Error>> {
    fs_err::create_dir_all(folder)?;
    let write = |name: &str, all: &mut dyn Iterator<Item = Features>| -> std::io::Result<()> {
        let create = |kind: &str| fs_err::File::create(folder.join(format!("{name}{kind}")));
        let mut words = std::io::BufWriter::new(create("words.u32")?);
        let mut signatures = std::io::BufWriter::new(create("signatures.u64")?);
        for (word, signature) in all.flatten() {
            words.write_all(&word.to_le_bytes())?;
            signatures.write_all(&signature.0[0].to_le_bytes())?;
        }
        words.flush()?;
        signatures.flush()
    };
    write("", &mut (0..images).map(image))?;
    write(
        "query_",
        &mut (0..queries).map(|q| seen_again(q * images / queries)),
    )?;
    Ok(())
}
