//! Turns every bit of every file of a small collection, one at a time, and counts what becomes of them.
//!
//! `flips [--all-bits] [--step N] [--write-step N] [--json FILE]`: one bit of each byte (a different one from byte to
//! byte), or all eight; of every Nth byte; the next writer is tried at every Nth turned bit that changed no answer.

#[path = "../tests/support/flips.rs"]
mod flips;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use flips::{Bench, Fate, Files, Result};
use rayon::prelude::*;

struct Options {
    all_bits: bool,
    step: usize,
    write_step: usize,
    json: Option<String>,
}

type Counts = BTreeMap<Fate, usize>;

const FATES: [(Fate, &str); 6] = [
    (Fate::Opening, "by opening"),
    (Fate::Verifying, "by verify"),
    (Fate::Remarked, "remarked"),
    (Fate::WithoutEffect, "no effect"),
    (Fate::Silent, "SILENT"),
    (Fate::Panicked, "PANIC"),
];

fn main() -> Result<()> {
    let options = options()?;
    std::panic::set_hook(Box::new(|_| {}));
    let begun = Instant::now();
    let bench = Bench::new()?;
    let mut table = vec![];
    println!(
        "{:52} {:>8} {}",
        "file",
        "bytes",
        FATES.map(|(_, name)| format!("{name:>11}")).concat()
    );
    for (state, files, only) in [
        ("", &bench.whole, None),
        ("after a crash: ", &bench.crashed, Some("catalog.db-wal")),
    ] {
        for (file, bytes) in files {
            if only.is_some_and(|only| !file.ends_with(only)) || bytes.is_empty() {
                continue;
            }
            let counts = try_file(&bench, files, file, bytes.len(), &options)?;
            let name = format!("{state}{}", file.display());
            let numbers = FATES.map(|(fate, _)| counts.get(&fate).copied().unwrap_or(0));
            println!(
                "{name:52} {:>8} {}",
                bytes.len(),
                numbers.map(|n| format!("{n:>11}")).concat()
            );
            table.push((name, bytes.len(), numbers));
        }
    }
    let sums = table.iter().fold([0; 6], |mut sums, (.., numbers)| {
        sums.iter_mut().zip(numbers).for_each(|(sum, n)| *sum += n);
        sums
    });
    let bytes: usize = table.iter().map(|(_, bytes, _)| bytes).sum();
    println!(
        "{:52} {bytes:>8} {}",
        "all",
        sums.map(|n| format!("{n:>11}")).concat()
    );
    println!(
        "{} bits in {:.0} s",
        sums.iter().sum::<usize>(),
        begun.elapsed().as_secs_f64()
    );
    if let Some(path) = &options.json {
        let names = FATES.map(|(_, name)| name);
        let rows: Vec<_> = table
            .iter()
            .map(|(name, bytes, numbers)| serde_json::json!({ "file": name, "bytes": bytes, "counts": numbers }))
            .collect();
        let all = serde_json::json!({ "columns": names, "files": rows, "sums": sums });
        fs_err::write(path, serde_json::to_string_pretty(&all)?)?;
    }
    match sums[4] + sums[5] {
        0 => Ok(()),
        silent => Err(format!("{silent} turned bits were silent or a panic").into()),
    }
}

/// Turns the bits of one file, on all cores.
fn try_file(
    bench: &Bench,
    files: &Files,
    file: &Path,
    length: usize,
    options: &Options,
) -> Result<Counts> {
    let threads = rayon::current_num_threads();
    let parts = (0..threads)
        .into_par_iter()
        .map(|thread| -> std::result::Result<Counts, String> {
            let part = || -> Result<Counts> {
                let subject = bench.subject(&format!("subject-{thread}"), files)?;
                let mut counts = Counts::new();
                for byte in (0..length)
                    .step_by(options.step)
                    .skip(thread)
                    .step_by(threads)
                {
                    let bits = if options.all_bits {
                        0..8
                    } else {
                        rotated(byte)..rotated(byte) + 1
                    };
                    for bit in bits {
                        let write = (byte + bit as usize).is_multiple_of(options.write_step);
                        let fate = subject.flip(file, byte, bit, write)?;
                        if matches!(fate, Fate::Silent | Fate::Panicked) {
                            println!("{fate:?}: {} byte {byte} bit {bit}", file.display());
                        }
                        *counts.entry(fate).or_default() += 1;
                    }
                }
                Ok(counts)
            };
            part().map_err(|error| error.to_string())
        });
    let mut sums = Counts::new();
    for part in parts.collect::<Vec<_>>() {
        for (fate, count) in part? {
            *sums.entry(fate).or_default() += count;
        }
    }
    Ok(sums)
}

/// The bit that is turned of a byte: another one at the same place of the next page.
fn rotated(byte: usize) -> u32 {
    ((byte + byte / 4096) % 8) as u32
}

fn options() -> Result<Options> {
    let mut options = Options {
        all_bits: false,
        step: 1,
        write_step: 16,
        json: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} takes a value"));
        match argument.as_str() {
            "--all-bits" => options.all_bits = true,
            "--step" => options.step = value()?.parse::<usize>()?.max(1),
            "--write-step" => options.write_step = value()?.parse::<usize>()?.max(1),
            "--json" => options.json = Some(value()?),
            _ => return Err(format!("there is no option {argument}").into()),
        }
    }
    Ok(options)
}
