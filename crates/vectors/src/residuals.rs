//! Many vectors become one by how they differ from the words of a vocabulary.
//!
//! * [`vlad`]: the sum of the residuals of each centre (Jégou, Perronnin, Douze, Sánchez, Pérez & Schmid 2012).
//! * [`fisher_vector`]: how the mean and the variance of each Gaussian would have to change to fit the vectors better
//!   (Perronnin & Dance 2007; normalised as in Perronnin, Sánchez & Mensink 2010).
//!
//! Both are as long as their vocabulary has numbers (the Fisher vector twice as long), and carry more per word
//! than a count does. Checked against NumPy, see `tests/reference/mixture.py`.

use crate::float_kmeans::nearest_row;
use crate::gmm::Gmm;
use crate::normalise::{l2_normalise, power_normalise};

/// v_k = Σ (x − c_k) over the vectors x nearest to centre c_k; of all centres, one after the other. With `intra`
/// each v_k is scaled to length 1 (intra-normalisation, Arandjelović & Zisserman 2013), otherwise the signed
/// square root is taken of every component; the whole has length 1 in the end, or is all zeros without vectors.
///
/// `vectors` and `centroids` are rows of `dimension` numbers.
pub fn vlad(vectors: &[f32], centroids: &[f32], dimension: usize, intra: bool) -> Vec<f32> {
    let mut sums = vec![0f64; centroids.len()];
    if dimension == 0 || centroids.is_empty() {
        return Vec::new();
    }
    for vector in vectors.chunks_exact(dimension) {
        let start = nearest_row(vector, centroids).0 as usize * dimension;
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
/// all G_μ first, then all G_σ: 2·K·D numbers. Nothing is normalised here.
pub fn fisher_gradient(vectors: &[f32], mixture: &Gmm) -> Vec<f32> {
    let dimension = mixture.dimension();
    let half = mixture.len() * dimension;
    let mut sums = vec![0f64; 2 * half];
    let (first, second) = sums.split_at_mut(half);
    let mut shares = Vec::with_capacity(mixture.len());
    for vector in vectors.chunks_exact(dimension) {
        mixture.posteriors(vector, &mut shares);
        for (gaussian, &share) in shares.iter().enumerate().filter(|(_, s)| **s > 1e-9) {
            let range = gaussian * dimension..(gaussian + 1) * dimension;
            let (means, variances) = (
                &mixture.means()[range.clone()],
                &mixture.variances()[range.clone()],
            );
            let of_mean = first[range.clone()].iter_mut();
            let of_deviation = second[range].iter_mut();
            for ((((first, second), &x), &m), &v) in of_mean
                .zip(of_deviation)
                .zip(vector)
                .zip(means)
                .zip(variances)
            {
                let z = (f64::from(x) - f64::from(m)) / f64::from(v).sqrt();
                *first += share * z;
                *second += share * (z * z - 1.0);
            }
        }
    }
    let count = (vectors.len() / dimension).max(1) as f64;
    let scaled = sums.iter().enumerate().map(|(at, sum)| {
        let weight = f64::from(mixture.weights()[at % half / dimension]);
        let weight = if at < half { weight } else { 2.0 * weight };
        (sum / (count * weight.sqrt())) as f32
    });
    scaled.collect()
}

/// [`fisher_gradient`] with the signed square root taken of every component and scaled to length 1 ("improved"
/// Fisher vector).
pub fn fisher_vector(vectors: &[f32], mixture: &Gmm) -> Vec<f32> {
    let mut result = fisher_gradient(vectors, mixture);
    power_normalise(&mut result, 0.5);
    l2_normalise(&mut result);
    result
}
