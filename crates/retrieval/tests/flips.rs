//! Turned bits in every file of a collection: found, or without effect. `cargo xtask bench flips` tries every byte.
#![allow(clippy::unwrap_used)]

#[path = "support/flips.rs"]
mod flips;

use std::path::Path;

use flips::{Bench, Fate, Files};

/// Tries about `count` bits, spread over the files by a fixed sequence.
fn sample(bench: &Bench, files: &Files, only: Option<&str>, count: u64, seed: u64) {
    let chosen: Vec<(&Path, usize)> = files
        .iter()
        .filter(|(path, _)| only.is_none_or(|only| path.ends_with(only)))
        .map(|(path, bytes)| (path.as_path(), bytes.len()))
        .collect();
    let bytes: usize = chosen.iter().map(|(_, length)| length).sum();
    let subject = bench.subject(&format!("subject-{seed}"), files).unwrap();
    let mut state = seed;
    for turn in 0..count {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let mut at = (state >> 33) as usize % bytes;
        let bit = (state >> 29) as u32 % 8;
        let (file, byte) = chosen
            .iter()
            .find_map(|(file, length)| match at < *length {
                true => Some((*file, at)),
                false => {
                    at -= length;
                    None
                }
            })
            .unwrap();
        let fate = subject.flip(file, byte, bit, turn % 16 == 0).unwrap();
        let loud = !matches!(fate, Fate::Silent | Fate::Panicked);
        assert!(loud, "{fate:?}: {} byte {byte} bit {bit}", file.display());
    }
}

#[test]
fn no_turned_bit_is_silent() {
    let bench = Bench::new().unwrap();
    // The catalog is what is not covered by one checksum; of the rest a few say enough.
    sample(&bench, &bench.whole, Some("catalog.db"), 500, 1);
    sample(&bench, &bench.whole, None, 150, 2);
    sample(&bench, &bench.crashed, Some("catalog.db-wal"), 150, 3);
}

#[test]
fn no_turned_bit_of_the_head_is_silent() {
    let bench = Bench::new().unwrap();
    let subject = bench.subject("head", &bench.whole).unwrap();
    for byte in 0..100 {
        let bit = (byte * 5 % 8) as u32;
        let fate = subject
            .flip(Path::new("catalog.db"), byte, bit, true)
            .unwrap();
        let loud = !matches!(fate, Fate::Silent | Fate::Panicked);
        assert!(loud, "{fate:?}: byte {byte} bit {bit}");
    }
}

#[test]
fn counters_that_turned_are_found_and_put_right() {
    let bench = Bench::new().unwrap();
    let files = &bench.whole;
    let subject = bench.subject("counters", files).unwrap();
    let catalog = files.get(Path::new("catalog.db")).unwrap();
    for name in ["images", "index_files", "captions"] {
        // A row of `sqlite_sequence`: its name, and behind it the number.
        let hits: Vec<usize> = catalog
            .windows(name.len() + 1)
            .enumerate()
            .filter(|(_, w)| w.starts_with(name.as_bytes()) && w[name.len()] < 32)
            .map(|(at, _)| at + name.len())
            .collect();
        assert!(!hits.is_empty(), "{name}");
        for at in hits {
            for bit in 0..8 {
                let fate = subject
                    .flip(Path::new("catalog.db"), at, bit, true)
                    .unwrap();
                let loud = !matches!(fate, Fate::Silent | Fate::Panicked);
                assert!(loud, "{fate:?}: {name} byte {at} bit {bit}");
            }
        }
    }
}
