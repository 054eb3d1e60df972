//! Times queries on a made-up inverted file.
//!
//! `inverted_bench [IMAGES] [QUERIES] [FOLDER] [WORDS]`: IMAGES (100,000) images of 500 features each, with
//! random words, of WORDS (32,768), and signatures; more than 200,000 are merged of several segments; QUERIES (20) queries, each an image of the index with 10 % of the bits of
//! its signatures flipped, asked twice. With a FOLDER that is not `-` the postings and queries are written there as little-endian
//! `words.u32` (image by image), `signatures.u64`, `query_words.u32` and `query_signatures.u64`, for
//! other programs to search, and the queries are asked once for every line of standard input, so that programs can take turns.
//! The checksum is of all ids and scores found, to the last bit.

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use vizsla_vectors::Allowed;
use vizsla_words::{
    QueryWord, ScoringConfig, Segment, SegmentBuilder, SegmentSummary, Signature, merge, search,
};

const FEATURES: usize = 500;
/// Images that a segment is made of in memory, 24 bytes a posting.
const PART: u64 = 200_000;

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

fn image(number: u64, words: u32) -> Features {
    let mut sequence = Sequence(number.wrapping_mul(0x1234_5678_9abc_def1));
    (0..FEATURES)
        .map(|_| {
            let word = ((sequence.next() >> 32) * u64::from(words)) >> 32;
            (word as u32, Signature([sequence.next(), 0]))
        })
        .collect()
}

/// An image of the index, seen again: a tenth of the bits differ.
fn seen_again(number: u64, words: u32) -> Features {
    let mut sequence = Sequence(!number);
    let mut features = image(number, words);
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
    let dumped = arguments.get(2).filter(|folder| *folder != "-");
    let words: u32 = arguments.get(3).map_or(Ok(32_768), |a| a.parse())?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("bench.vzsg");

    let begun = Instant::now();
    let summary = build(images, words, folder.path(), &path)?;
    println!(
        "built in {:.1} s, {:.0} bytes an image",
        begun.elapsed().as_secs_f64(),
        summary.bytes as f64 / images as f64
    );
    if let Some(folder) = dumped {
        dump(&PathBuf::from(folder), images, queries, words)?;
    }

    let begun = Instant::now();
    let segment = Segment::open(&path, words)?;
    println!("opened in {:.2} ms", begun.elapsed().as_secs_f64() * 1e3);
    let seen: Vec<Vec<QueryWord>> = (0..queries)
        .map(|number| words_of(seen_again(number * images / queries, words)))
        .collect();
    ask(&segment, &seen, images)?;
    if dumped.is_none() {
        return ask(&segment, &seen, images);
    }
    for line in std::io::stdin().lines() {
        line?;
        ask(&segment, &seen, images)?;
    }
    Ok(())
}

/// Writes the segment, of several where there are many images.
fn build(
    images: u64,
    words: u32,
    folder: &Path,
    path: &Path,
) -> Result<SegmentSummary, Box<dyn Error>> {
    let starts: Vec<u64> = (0..images).step_by(PART as usize).collect();
    let mut parts: Vec<PathBuf> = Vec::new();
    for &first in &starts {
        let mut builder = SegmentBuilder::new(words);
        for number in first..images.min(first + PART) {
            builder.add(number as i64, &image(number, words))?;
        }
        if starts.len() == 1 {
            return Ok(builder.write(path)?);
        }
        let part = folder.join(format!("{first}.vzsg"));
        builder.write(&part)?;
        parts.push(part);
    }
    let begun = Instant::now();
    let segments: Result<Vec<Segment>, _> = parts.iter().map(|p| Segment::open(p, words)).collect();
    let segments = segments?;
    let all: Vec<&Segment> = segments.iter().collect();
    let summary = merge(&all, &Allowed::All, path)?;
    println!("merged in {:.1} s", begun.elapsed().as_secs_f64());
    drop(segments);
    parts.iter().try_for_each(fs_err::remove_file)?;
    Ok(summary)
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

fn dump(folder: &Path, images: u64, queries: u64, words: u32) -> Result<(), Box<dyn Error>> {
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
    write("", &mut (0..images).map(|number| image(number, words)))?;
    write(
        "query_",
        &mut (0..queries).map(|q| seen_again(q * images / queries, words)),
    )?;
    Ok(())
}
