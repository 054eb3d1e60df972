//! Serves `benches/kdforest/run.py`: builds an index over descriptors of a file and answers how long it took, then answers
//! how long queries take and what they find.
//!
//! Arguments: a file of points and one of queries, 128 bytes a row, and an index: `forest TREES LEAF` or `lsh TABLES FUNCTIONS`. After a line with
//! the seconds of the build, each line of standard input is a budget, checks of the forest or probes a table, and is answered by a line with the
//! microseconds a query and the rows that were found (−1: none). `RAYON_NUM_THREADS` says how many threads share the queries.

use std::io::{self, BufRead, Write};
use std::time::Instant;

use rayon::prelude::*;
use vizsla_vectors::{EuclideanLsh, KdForest, KdForestConfig, LshConfig};

const DIMENSION: usize = 128;

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what.to_owned())
}

enum Index {
    Forest(KdForest<u8>),
    Lsh(EuclideanLsh<u8>),
}

impl Index {
    fn build(kind: &str, points: &[u8], first: usize, second: usize) -> io::Result<Self> {
        let refused = |error: vizsla_vectors::Error| invalid(&error.to_string());
        match kind {
            "forest" => {
                let config = KdForestConfig {
                    trees: first,
                    leaf: second,
                    seed: 1,
                };
                let forest = KdForest::build(points, DIMENSION, &config);
                Ok(Self::Forest(forest.map_err(refused)?))
            }
            "lsh" => {
                let config = LshConfig {
                    tables: first,
                    functions: second,
                    ..LshConfig::default()
                };
                let lsh = EuclideanLsh::build(points, DIMENSION, &config);
                Ok(Self::Lsh(lsh.map_err(refused)?))
            }
            _ => Err(invalid("the index is 'forest' or 'lsh'")),
        }
    }

    /// The nearest row found for each query, −1 where nothing is found. Every thread of the current rayon pool asks its share, one
    /// query after the other.
    fn ask(&self, queries: &[u8], budget: usize) -> Result<Vec<i64>, vizsla_vectors::Error> {
        let rows = queries.len() / DIMENSION;
        let share = rows.div_ceil(rayon::current_num_threads()).max(1);
        let shares = queries.par_chunks(share * DIMENSION);
        let found = shares.map(|queries| self.ask_in_turn(queries, budget));
        let found: Vec<Vec<i64>> = found.collect::<Result<_, _>>()?;
        Ok(found.concat())
    }

    fn ask_in_turn(
        &self,
        queries: &[u8],
        budget: usize,
    ) -> Result<Vec<i64>, vizsla_vectors::Error> {
        let queries = queries.chunks_exact(DIMENSION);
        let first = |row: Option<u32>| row.map_or(-1, i64::from);
        match self {
            Self::Forest(forest) => {
                let mut seeker = forest.seeker();
                queries
                    .map(|query| {
                        Ok(first(
                            seeker.nearest(query, 1, budget)?.first().map(|n| n.row),
                        ))
                    })
                    .collect()
            }
            Self::Lsh(lsh) => queries
                .map(|query| Ok(first(lsh.nearest(query, 1, budget)?.first().map(|n| n.row))))
                .collect(),
        }
    }
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, points, queries, kind, first, second] = arguments.as_slice() else {
        return Err(invalid("points, queries, index, and its two figures"));
    };
    let number = |text: &str| text.parse().map_err(|_| invalid("a figure is no number"));
    let (points, queries) = (fs_err::read(points)?, fs_err::read(queries)?);
    let start = Instant::now();
    let index = Index::build(kind, &points, number(first)?, number(second)?)?;
    let mut output = io::stdout().lock();
    writeln!(output, "{}", start.elapsed().as_secs_f64())?;
    output.flush()?;
    for line in io::stdin().lock().lines() {
        let budget = number(line?.trim())?;
        let start = Instant::now();
        let found = index.ask(&queries, budget);
        let found = found.map_err(|error| invalid(&error.to_string()))?;
        let each = start.elapsed().as_secs_f64() * 1e6 / found.len().max(1) as f64;
        let rows: Vec<String> = found.iter().map(i64::to_string).collect();
        writeln!(output, "{each} {}", rows.join(" "))?;
        output.flush()?;
    }
    Ok(())
}
