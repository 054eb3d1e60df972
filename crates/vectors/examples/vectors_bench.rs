//! Indexes of vectors under load, for `cargo xtask bench vectors`.
//!
//!     vectors_bench POINTS QUERIES NAME
//!
//! reads two files of vectors (u32 number, u32 dimension, numbers as f32), makes the index of the name, compared by Euclidean distances, and prints the
//! seconds that took and the bytes of a vector. Then for each line `WIDTH [FINER]` of the standard input: the seconds that all queries took, and the ten
//! nearest of each. After a line `every N` only rows whose number N divides may be answers.

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use vizsla_vectors::{Allowed, Effort, IdSet, Metric, NamedVectors, NamedVectorsConfig};

type Failure = Box<dyn std::error::Error>;

const K: usize = 10;

fn read(path: &str) -> Result<(usize, Vec<f32>), Failure> {
    let bytes = fs_err::read(path)?;
    let (head, body) = bytes.split_at_checked(8).ok_or("too short")?;
    let dimension = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
    let numbers = body.as_chunks::<4>().0;
    Ok((
        dimension,
        numbers.iter().map(|b| f32::from_le_bytes(*b)).collect(),
    ))
}

/// Makes the index; the seconds that took, and the number of points.
fn make(points: &str, name: &str, path: &Path) -> Result<(f64, i64), Failure> {
    let (dimension, rows) = read(points)?;
    let count = (rows.len() / dimension.max(1)) as i64;
    let start = Instant::now();
    let config = NamedVectorsConfig {
        metric: Metric::L2,
        ..NamedVectorsConfig::new(name.parse()?)
    };
    let mut writer = NamedVectors::create(path, dimension, "", &config)?;
    for (row, id) in rows.chunks_exact(dimension).zip(0..) {
        writer.push(id, row)?;
    }
    drop(rows);
    writer.finish()?;
    Ok((start.elapsed().as_secs_f64(), count))
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, points, queries, name] = &arguments[..] else {
        return Err("vectors_bench POINTS QUERIES NAME".into());
    };
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("vectors");
    let (built, count) = make(points, name, &path)?;
    let index = NamedVectors::open(&path)?.into_memory()?;
    let (_, queries) = read(queries)?;
    println!("{built} {}", index.bytes_per_vector());
    let mut few = None;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if let Some(every) = line.strip_prefix("every ") {
            let every: usize = every.parse()?;
            let ids = (0..count).step_by(every.max(1));
            few = (every > 1).then(|| ids.collect::<IdSet>());
            continue;
        }
        let allowed = few.as_ref().map_or(Allowed::All, Allowed::Only);
        let numbers: Result<Vec<usize>, _> = line.split_whitespace().map(str::parse).collect();
        let effort = match numbers?[..] {
            [width] => Effort::of_width(width),
            [width, finer] => Effort { width, finer },
            _ => return Err("a width, and perhaps how many are compared finer".into()),
        };
        let start = Instant::now();
        let found = index.nearest_many(&queries, K, effort, &allowed)?;
        let mut answer = start.elapsed().as_secs_f64().to_string();
        for rows in found {
            for at in 0..K {
                answer += &format!(" {}", rows.get(at).map_or(-1, |row| row.0));
            }
        }
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}
