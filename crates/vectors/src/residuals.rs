//! Many vectors become one by how they differ from the words of a vocabulary.
//!
//! * [`vlad`]: the sum of the residuals of each centre (Jégou, Perronnin, Douze, Sánchez, Pérez & Schmid 2012).
//! * [`fisher_vector`]: how the mean and the variance of each Gaussian would have to change to fit the vectors better
//!   (Perronnin & Dance 2007; normalised as in Perronnin, Sánchez & Mensink 2010).
//!
//! Both are as long as their vocabulary has numbers (the Fisher vector twice as long), and carry more per word
//! than a count does. Checked against NumPy, see `tests/reference/mixture.py`.

use rayon::prelude::*;

use crate::float_panel::FloatPanel;
use crate::gmm::Gmm;
use crate::normalise::{l2_normalise, power_normalise};

/// Vectors whose posteriors one task finds.
const TASK: usize = 64;

/// v_k = Σ (x − c_k) over the vectors x nearest to centre c_k; of all centres, one after the other. With `intra`
/// each v_k is scaled to length 1 (intra-normalisation, Arandjelović & Zisserman 2013), otherwise the signed
/// square root is taken of every component; the whole has length 1 in the end, or is all zeros without vectors.
///
/// `vectors` and `centroids` are rows of `dimension` numbers. Works in the current rayon pool; the result does not depend on the
/// number of threads.
pub fn vlad(vectors: &[f32], centroids: &[f32], dimension: usize, intra: bool) -> Vec<f32> {
    let mut sums = vec![0f64; centroids.len()];
    if dimension == 0 || centroids.is_empty() {
        return Vec::new();
    }
    let nearest = FloatPanel::new(centroids, dimension).nearest(vectors);
    for (vector, nearest) in vectors.chunks_exact(dimension).zip(nearest) {
        let start = nearest.row as usize * dimension;
        let centre = &centroids[start..][..dimension];
        for ((sum, &x), &c) in sums[start..].iter_mut().zip(vector).zip(centre) {
            *sum += f64::from(x) - f64::from(c);
        }
    }
    let mut result: Vec<f32> = sums.into_iter().map(|x| x as f32).collect();
    if intra {
        result.chunks_exact_mut(dimension).for_each(l2_normalise);
    } else {
        power_normalise(&mut result, 0.5);
    }
    l2_normalise(&mut result);
    result
}

/// With γ_k(x) the probability of Gaussian k given x, over the T vectors x:
///
/// * G_μk = 1/(T√w_k) Σ γ_k(x) (x − μ_k)/σ_k
/// * G_σk = 1/(T√(2w_k)) Σ γ_k(x) ((x − μ_k)²/σ_k² − 1)
///
/// all G_μ first, then all G_σ: 2·K·D numbers. Nothing is normalised here. Works in the current rayon pool; the result does not
/// depend on the number of threads.
pub fn fisher_gradient(vectors: &[f32], mixture: &Gmm) -> Vec<f32> {
    let dimension = mixture.dimension();
    let half = mixture.len() * dimension;
    let mut sums = vec![0f64; 2 * half];
    let (first, second) = sums.split_at_mut(half);
    let shares = shares_by_gaussian(vectors, mixture);
    first
        .par_chunks_mut(dimension)
        .zip(second.par_chunks_mut(dimension))
        .zip(&shares)
        .enumerate()
        .with_min_len(8)
        .for_each(|(gaussian, ((first, second), shares))| {
            let range = gaussian * dimension..(gaussian + 1) * dimension;
            let own = Axes {
                means: &mixture.means()[range.clone()],
                variances: &mixture.variances()[range],
            };
            own.add(vectors, shares, first, second);
        });
    let count = (vectors.len() / dimension).max(1) as f64;
    let scaled = sums.iter().enumerate().map(|(at, sum)| {
        let weight = f64::from(mixture.weights()[at % half / dimension]);
        let weight = if at < half { weight } else { 2.0 * weight };
        (sum / (count * weight.sqrt())) as f32
    });
    scaled.collect()
}

/// For every Gaussian the vectors that it has a share in, in their order, and the share.
fn shares_by_gaussian(vectors: &[f32], mixture: &Gmm) -> Vec<Vec<(usize, f64)>> {
    let dimension = mixture.dimension();
    let packed = mixture.packed();
    let whole = vectors.len() / dimension * dimension;
    let parts: Vec<Vec<(usize, usize, f64)>> = vectors[..whole]
        .par_chunks(TASK * dimension)
        .map(|vectors| {
            let mut shares = Vec::new();
            mixture.each_share(&packed, vectors, |vector, gaussian, share| {
                shares.push((vector, gaussian, share));
            });
            shares
        })
        .collect();
    let mut of_gaussian = vec![Vec::new(); mixture.len()];
    for (part, shares) in parts.iter().enumerate() {
        for &(vector, gaussian, share) in shares {
            of_gaussian[gaussian].push((part * TASK + vector, share));
        }
    }
    of_gaussian
}

/// One Gaussian.
struct Axes<'m> {
    means: &'m [f32],
    variances: &'m [f32],
}

impl Axes<'_> {
    /// Adds what the vectors with these shares ask of the mean and of the deviation.
    fn add(&self, vectors: &[f32], shares: &[(usize, f64)], first: &mut [f64], second: &mut [f64]) {
        let dimension = self.means.len();
        let means: Vec<f64> = self.means.iter().map(|&m| f64::from(m)).collect();
        let root = |&v: &f32| f64::from(v).sqrt();
        let deviations: Vec<f64> = self.variances.iter().map(root).collect();
        for &(vector, share) in shares {
            let vector = &vectors[vector * dimension..][..dimension];
            let (means, deviations) = (&means[..dimension], &deviations[..dimension]);
            let (first, second) = (&mut first[..dimension], &mut second[..dimension]);
            for axis in 0..dimension {
                let z = (f64::from(vector[axis]) - means[axis]) / deviations[axis];
                first[axis] += share * z;
                second[axis] += share * (z * z - 1.0);
            }
        }
    }
}

/// [`fisher_gradient`] with the signed square root taken of every component and scaled to length 1 ("improved"
/// Fisher vector).
pub fn fisher_vector(vectors: &[f32], mixture: &Gmm) -> Vec<f32> {
    let mut result = fisher_gradient(vectors, mixture);
    power_normalise(&mut result, 0.5);
    l2_normalise(&mut result);
    result
}
