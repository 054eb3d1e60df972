//! The rotation of optimised product quantisation (Ge, He, Ke & Sun 2013).
//!
//! Product quantisation errs least where parts are independent and have equal shares of the variance. The rotation begins with the
//! principal components, dealt to the parts so that the products of their variances are alike, which is the best for normally distributed
//! vectors (the parametric solution); and once more with a random rotation, from which vectors in groups often arrive further. Then (the non-parametric one) codebooks and rotation take turns: a round of k-means in every part of
//! the rotated samples, and the rotation that takes the samples nearest to what their codes stand for (Procrustes). Where fewer
//! dimensions are wanted only the first principal components are kept. Checked against FAISS, see `tests/reference/codes.py`.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::LinearMap;
use super::product::{check, columns, cuts};
use super::training::training_rows;
use crate::Error;
use crate::float_kmeans::{float_kmeans, float_kmeans_round};
use crate::hashing::random_rotation;
use crate::points::in_range;
use crate::procrustes::nearest_rotation;
use crate::projection_fit::pca;

/// Rounds of rotation and codebooks; and in more dimensions than this, where each takes seconds.
const ROUNDS: usize = 60;
const FEWER: usize = 25;
const WIDE: usize = 256;
/// Rounds of k-means at the beginning.
const FIRST: usize = 5;
/// Most samples for a centroid, and most multiplications of a round in one matrix product.
const SAMPLES: usize = 64;
const PRODUCTS: usize = 1 << 32;

/// A rotation of vectors of `dimension` numbers onto `output` (at most as many) for a [`Product`](super::Product) of `parts` parts of
/// `bits` bits, learned from `samples`.
///
/// # Errors
/// The samples are not whole rows of finite numbers, fewer than centroids, or span fewer than `output` dimensions; sizes outside
/// of their ranges.
pub(crate) fn optimised_rotation(
    samples: &[f32],
    dimension: usize,
    output: usize,
    parts: usize,
    bits: usize,
    seed: u64,
) -> Result<LinearMap, Error> {
    check(output, parts, bits)?;
    in_range("the dimensions kept", output, 1, dimension)?;
    let clusters = 1usize << bits;
    let affordable = PRODUCTS / (output * output);
    let most = (SAMPLES * clusters).min(affordable.max(16 * clusters));
    let rows = training_rows(samples, dimension, clusters.max(2), most, seed)?;
    let start = balanced(&rows, dimension, output, parts)?;
    let images = start.apply_all(&rows);
    let turned = improve(&centred(&images, output), output, parts, bits, seed)?;
    let turned = LinearMap::new(turned, output)?;
    // The columns of the product are images of those of the first matrix.
    let columns: Vec<f32> = (0..dimension)
        .flat_map(|at| start.matrix().iter().skip(at).step_by(dimension))
        .copied()
        .collect();
    let columns = turned.apply_all(&columns);
    let rows = (0..output).flat_map(|row| columns.iter().skip(row).step_by(output));
    LinearMap::new(rows.copied().collect(), dimension)
}

/// The first principal components, dealt to the parts: each goes to the part with the least product of variances that has room.
fn balanced(
    rows: &[f32],
    dimension: usize,
    output: usize,
    parts: usize,
) -> Result<LinearMap, Error> {
    let (_, components) = pca(rows, dimension, output, 0.0)?;
    let map = LinearMap::new(components, dimension)?;
    let images = centred(&map.apply_all(rows), output);
    let mut logarithms = vec![0f64; output];
    for image in images.chunks_exact(output) {
        for (sum, &x) in logarithms.iter_mut().zip(image) {
            *sum += f64::from(x) * f64::from(x);
        }
    }
    let least = logarithms.iter().fold(0f64, |m, &x| m.max(x)) * 1e-12;
    for sum in &mut logarithms {
        *sum = sum.max(least).max(f64::MIN_POSITIVE).ln();
    }
    // The scale of the samples must not decide which part is the emptiest.
    let lowest = logarithms.iter().copied().fold(f64::INFINITY, f64::min);
    let cuts: Vec<_> = cuts(output, parts).collect();
    let mut dealt: Vec<(f64, Vec<usize>)> = vec![(0.0, Vec::new()); parts];
    for (component, logarithm) in logarithms.iter().enumerate() {
        let open = (0..parts).filter(|&part| dealt[part].1.len() < cuts[part].1);
        if let Some(part) = open.min_by(|&a, &b| dealt[a].0.total_cmp(&dealt[b].0)) {
            dealt[part].0 += logarithm - lowest + 1e-3;
            dealt[part].1.push(component);
        }
    }
    let order = dealt.iter().flat_map(|(_, components)| components);
    let matrix = order.flat_map(|&c| &map.matrix()[c * dimension..][..dimension]);
    LinearMap::new(matrix.copied().collect(), dimension)
}

/// Rows less their mean.
fn centred(rows: &[f32], dimension: usize) -> Vec<f32> {
    let mut mean = vec![0f64; dimension];
    for row in rows.chunks_exact(dimension) {
        mean.iter_mut()
            .zip(row)
            .for_each(|(m, &x)| *m += f64::from(x));
    }
    let count = (rows.len() / dimension) as f64;
    let differences = rows.chunks_exact(dimension).flat_map(|row| {
        let pairs = row.iter().zip(&mean);
        pairs.map(|(&x, m)| (f64::from(x) - m / count) as f32)
    });
    differences.collect()
}

/// Codebooks and rotation as they take turns.
struct Turns<'s> {
    /// Samples are columns.
    samples: MatRef<'s, f32>,
    cuts: Vec<(usize, usize)>,
    books: Vec<Vec<f32>>,
    rotation: Mat<f32>,
    /// Sum of squared distances of the rotated samples to their centroids.
    error: f64,
}

impl<'s> Turns<'s> {
    /// The rotation that is arrived at from another one.
    fn arrive(
        rows: &'s [f32],
        start: Mat<f32>,
        parts: usize,
        bits: usize,
        seed: u64,
    ) -> Result<Self, Error> {
        let dimension = start.nrows();
        let count = rows.len() / dimension;
        let mut turns = Self {
            samples: MatRef::from_column_major_slice(rows, dimension, count),
            cuts: cuts(dimension, parts).collect(),
            books: Vec::new(),
            rotation: start,
            error: f64::INFINITY,
        };
        let rounds = if dimension > WIDE { FEWER } else { ROUNDS };
        let turned = turns.turned();
        let learned = turns.cuts.par_iter().enumerate().map(|(part, &cut)| {
            let columns = columns(&turned, dimension, cut);
            let seed = seed.wrapping_add(part as u64);
            Ok(float_kmeans(&columns, cut.1, 1 << bits, FIRST, seed)?.centroids)
        });
        turns.books = learned.collect::<Result<_, Error>>()?;
        for _ in 0..rounds {
            let decoded = turns.decoded();
            turns.turn(&decoded)?;
        }
        Ok(turns)
    }

    /// The samples rotated.
    fn turned(&self) -> Vec<f32> {
        let (dimension, count) = self.samples.shape();
        let mut turned = vec![0f32; dimension * count];
        let to = MatMut::from_column_major_slice_mut(&mut turned, dimension, count);
        let rotation = self.rotation.as_ref();
        matmul(to, Accum::Replace, rotation, self.samples, 1.0, Par::Seq);
        turned
    }

    /// Moves the centroids once; what the samples stand for then.
    fn decoded(&mut self) -> Vec<f32> {
        let (dimension, turned) = (self.samples.nrows(), self.turned());
        let books = self.books.par_iter_mut().zip(&self.cuts);
        let found: Vec<(Vec<u32>, f64)> = books
            .map(|(book, &cut)| {
                let columns = columns(&turned, dimension, cut);
                let found = float_kmeans_round(&columns, cut.1, std::mem::take(book));
                *book = found.centroids;
                (found.labels, found.inertia)
            })
            .collect();
        self.error = found.iter().map(|(_, inertia)| inertia).sum();
        let mut decoded = vec![0f32; turned.len()];
        for ((book, (labels, _)), &(first, length)) in self.books.iter().zip(&found).zip(&self.cuts)
        {
            for (row, &label) in decoded.chunks_exact_mut(dimension).zip(labels) {
                let centroid = &book[label as usize * length..][..length];
                row[first..first + length].copy_from_slice(centroid);
            }
        }
        decoded
    }

    /// Takes the rotation that brings the samples nearest to these.
    fn turn(&mut self, decoded: &[f32]) -> Result<(), Error> {
        let (dimension, count) = self.samples.shape();
        let decoded = MatRef::from_column_major_slice(decoded, dimension, count);
        let mut products = Mat::<f32>::zeros(dimension, dimension);
        let (to, of) = (products.as_mut(), self.samples.transpose());
        matmul(to, Accum::Replace, decoded, of, 1.0, Par::Seq);
        let wide = Mat::from_fn(dimension, dimension, |i, j| f64::from(products[(i, j)]));
        let nearest = nearest_rotation(&wide)?;
        self.rotation = Mat::from_fn(dimension, dimension, |i, j| nearest[(i, j)] as f32);
        Ok(())
    }
}

/// The better of the rotations that are arrived at from none and from a random one, row by row.
fn improve(
    rows: &[f32],
    dimension: usize,
    parts: usize,
    bits: usize,
    seed: u64,
) -> Result<Vec<f32>, Error> {
    let random = random_rotation(dimension, seed);
    let random = Mat::from_fn(dimension, dimension, |i, j| random[(i, j)] as f32);
    let none = Mat::identity(dimension, dimension);
    let arrive = |start| Turns::arrive(rows, start, parts, bits, seed);
    let (parametric, random) = rayon::join(|| arrive(none), || arrive(random));
    let (parametric, random) = (parametric?, random?);
    let best = match random.error < parametric.error {
        true => random.rotation,
        false => parametric.rotation,
    };
    let entries = (0..dimension).flat_map(|i| (0..dimension).map(move |j| (i, j)));
    Ok(entries.map(|at| best[at]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dot_f32;
    use crate::normal::Normal;
    use crate::random::Random;

    #[test]
    fn directions_stay_orthogonal() {
        let mut normal = Normal::new(Random::new(2));
        let samples: Vec<f32> = (0..600 * 12)
            .map(|i| (normal.draw() * (1.0 + (i % 12) as f64)) as f32)
            .collect();
        for output in [12, 7] {
            let map = optimised_rotation(&samples, 12, output, 3, 4, 1).unwrap();
            assert_eq!((map.input(), map.output()), (12, output));
            for (i, a) in map.matrix().chunks_exact(12).enumerate() {
                for (j, b) in map.matrix().chunks_exact(12).enumerate() {
                    let expected = if i == j { 1.0 } else { 0.0 };
                    assert!((dot_f32(a, b) - expected).abs() < 1e-5);
                }
            }
            let again = optimised_rotation(&samples, 12, output, 3, 4, 1).unwrap();
            assert_eq!(again.matrix(), map.matrix());
        }
    }

    #[test]
    fn what_cannot_be_learned_is_refused() {
        let samples = vec![1.0; 4 * 40];
        assert!(optimised_rotation(&samples, 4, 5, 2, 4, 1).is_err());
        assert!(optimised_rotation(&samples, 4, 2, 3, 4, 1).is_err());
        assert!(optimised_rotation(&samples, 4, 4, 2, 8, 1).is_err());
        assert!(optimised_rotation(&samples, 4, 4, 2, 4, 1).is_err());
        assert!(optimised_rotation(&[f32::NAN; 160], 4, 4, 2, 4, 1).is_err());
    }
}
