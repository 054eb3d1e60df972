//! Binary codes beside exact search: recall of the nearest vectors, and precision by label, for the tables of
//! `docs/nearest-neighbours.md`.
//!
//! ```text
//! cargo run -p vizsla-training --example hash_bench -- DIMENSION GALLERY QUERIES [GALLERY_LABELS QUERY_LABELS]
//! ```
//!
//! Vectors are files of little-endian f32, row after row; labels are text, a number in each line.

use std::error::Error;
use std::time::Instant;

use rayon::prelude::*;
use vizsla_retrieval::Silent;
use vizsla_training::{SemanticHashConfig, semantic_hash};
use vizsla_vectors::{Activation, BinaryHasher, HashLayer, HashMethod, dot_f32, hamming};

type Found<T> = Result<T, Box<dyn Error>>;

struct Data {
    dimension: usize,
    gallery: Vec<f32>,
    queries: Vec<f32>,
    labels: Option<(Vec<usize>, Vec<usize>)>,
    /// The ten nearest of each query.
    exact: Vec<Vec<usize>>,
}

fn floats(path: &str) -> Found<Vec<f32>> {
    let bytes = fs_err::read(path)?;
    let (chunks, _) = bytes.as_chunks::<4>();
    Ok(chunks.iter().map(|c| f32::from_le_bytes(*c)).collect())
}

fn labels(path: &str) -> Found<Vec<usize>> {
    let text = fs_err::read_to_string(path)?;
    Ok(text.lines().map(str::parse).collect::<Result<_, _>>()?)
}

/// Rows of the gallery by falling score, equal ones by their number.
fn ranked(scores: impl Iterator<Item = f32>) -> Vec<usize> {
    let scores: Vec<f32> = scores.collect();
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    order
}

impl Data {
    fn read(arguments: &[String]) -> Found<Data> {
        let [dimension, gallery, queries, rest @ ..] = arguments else {
            return Err("DIMENSION GALLERY QUERIES [GALLERY_LABELS QUERY_LABELS]".into());
        };
        let dimension: usize = dimension.parse()?;
        let (gallery, queries) = (floats(gallery)?, floats(queries)?);
        let labels = match rest {
            [of_gallery, of_queries] => Some((labels(of_gallery)?, labels(of_queries)?)),
            _ => None,
        };
        let nearest = |query: &[f32]| {
            let rows = gallery.chunks_exact(dimension);
            let mut order = ranked(rows.map(|row| dot_f32(query, row)));
            order.truncate(10);
            order
        };
        let exact = queries.par_chunks_exact(dimension).map(nearest).collect();
        Ok(Data {
            dimension,
            exact,
            gallery,
            queries,
            labels,
        })
    }

    /// Recall of the ten nearest among the first 10, 100 and 1,000; mAP and precision of the first 10 by label.
    fn row(&self, order: impl Fn(usize) -> Vec<usize> + Sync) -> String {
        let of_query = |query: usize| {
            let order = order(query);
            let exact = &self.exact[query];
            let mut figures = [10, 100, 1000].map(|n| {
                let first = &order[..order.len().min(n)];
                let found = exact.iter().filter(|row| first.contains(row)).count();
                found as f64 / exact.len() as f64
            });
            let mut figures = figures.as_mut_slice().to_vec();
            if let Some((gallery, queries)) = &self.labels {
                let (mut right, mut sum, mut first) = (0.0, 0.0, 0.0);
                for (at, &row) in order.iter().enumerate() {
                    if gallery[row] == queries[query] {
                        right += 1.0;
                        sum += right / (at + 1) as f64;
                        first += f64::from(u8::from(at < 10)) / 10.0;
                    }
                }
                figures.extend([sum / f64::max(right, 1.0), first]);
            }
            figures
        };
        let count = self.exact.len();
        let all: Vec<Vec<f64>> = (0..count).into_par_iter().map(of_query).collect();
        let width = all.first().map_or(0, Vec::len);
        let mean = |at: usize| all.iter().map(|row| row[at]).sum::<f64>() / count as f64;
        let means: Vec<String> = (0..width).map(|at| format!("{:.3}", mean(at))).collect();
        means.join(" | ")
    }

    fn of_hash(&self, hash: &BinaryHasher) -> Found<String> {
        let gallery = hash.encode_all(&self.gallery)?;
        let queries = hash.encode_all(&self.queries)?;
        Ok(self.row(|query| {
            let code = queries.code(query);
            let codes = (0..gallery.len()).map(|at| gallery.code(at));
            ranked(codes.map(|other| -(hamming(code, other) as f32)))
        }))
    }

    /// Signs of projections on random directions, seen from the mean.
    fn random_planes(&self, bits: usize) -> Found<BinaryHasher> {
        let count = self.gallery.len() / self.dimension;
        let mut mean = vec![0f32; self.dimension];
        for row in self.gallery.chunks_exact(self.dimension) {
            let shares = row.iter().map(|x| x / count as f32);
            mean.iter_mut().zip(shares).for_each(|(sum, x)| *sum += x);
        }
        let mut state = 1u64;
        let mut hump = || {
            let mut draw = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
            };
            (0..12).map(|_| draw()).sum::<f32>()
        };
        let weights: Vec<f32> = (0..bits * self.dimension).map(|_| hump()).collect();
        let rows = weights.chunks_exact(self.dimension);
        let bias = rows.map(|row| -dot_f32(row, &mean)).collect();
        let layer = HashLayer {
            weights,
            bias,
            activation: Activation::Logistic,
        };
        Ok(BinaryHasher::from_layers(self.dimension, vec![layer])?)
    }
}

fn main() -> Found<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let data = Data::read(&arguments)?;
    println!("| codes | bits | recall@10 | in 100 | in 1,000 | mAP, precision@10 by label");
    let exact = data.row(|query| {
        let query = &data.queries[query * data.dimension..][..data.dimension];
        let rows = data.gallery.chunks_exact(data.dimension);
        ranked(rows.map(|row| dot_f32(query, row)))
    });
    println!("| vectors | | {exact}");
    for bits in [32, 64, 128] {
        let planes = data.random_planes(bits)?;
        println!("| random planes | {bits} | {}", data.of_hash(&planes)?);
        for method in HashMethod::LEARNED {
            let begun = Instant::now();
            let hash = BinaryHasher::learn(&data.gallery, data.dimension, bits, method, 0)?;
            let seconds = begun.elapsed().as_secs_f64();
            let row = data.of_hash(&hash)?;
            println!("| {method} | {bits} | {row} | learned in {seconds:.1} s");
        }
        for noise in [0.0, 1.0, 3.0] {
            let config = SemanticHashConfig {
                bits,
                noise,
                ..SemanticHashConfig::default()
            };
            let begun = Instant::now();
            let hash = semantic_hash(&data.gallery, data.dimension, &config, &Silent)?;
            let hash = hash.ok_or("stopped")?;
            let seconds = begun.elapsed().as_secs_f64();
            let row = data.of_hash(&hash)?;
            println!("| semantic, noise {noise} | {bits} | {row} | learned in {seconds:.1} s");
        }
    }
    Ok(())
}
