//! Poolings that are weighted sums over the places: SPoC, SPoC with centre prior, CroW.

use crate::feature_map::FeatureMap;

/// Keeps the logarithm of CroW's channel weights finite.
const CROW_LEAST: f64 = 1e-6;

/// One of them.
#[derive(Clone, Copy)]
pub enum Weighted {
    Spoc,
    SpocCentre,
    Crow,
}

/// f_c = channel weight · Σ place weight · x_c.
pub fn pool(pooling: Weighted, map: &FeatureMap) -> Vec<f32> {
    let (places, channels) = weights(pooling, map);
    map.planes()
        .zip(channels)
        .map(|(plane, channel)| {
            let sum: f64 = plane
                .iter()
                .zip(&places)
                .map(|(&x, w)| f64::from(x) * w)
                .sum();
            (channel * sum) as f32
        })
        .collect()
}

/// What each place adds to the inner product with `gain`.
pub fn shares(pooling: Weighted, map: &FeatureMap, gain: &[f32]) -> Vec<f64> {
    let (places, channels) = weights(pooling, map);
    let mut shares = vec![0f64; map.places()];
    for ((plane, channel), &gain) in map.planes().zip(channels).zip(gain) {
        for (share, &x) in shares.iter_mut().zip(plane) {
            *share += channel * f64::from(gain) * f64::from(x);
        }
    }
    shares
        .iter_mut()
        .zip(places)
        .for_each(|(share, w)| *share *= w);
    shares
}

/// Weights of the places and of the channels.
fn weights(pooling: Weighted, map: &FeatureMap) -> (Vec<f64>, Vec<f64>) {
    let ones = vec![1.0; map.channels];
    match pooling {
        Weighted::SpocCentre => (centre_prior(map.height, map.width), ones),
        Weighted::Crow => (crow_places(map), crow_channels(map)),
        Weighted::Spoc => (vec![1.0 / map.places() as f64; map.places()], ones),
    }
}

/// A Gaussian around the middle of the grid whose deviation is a third of the distance to the nearest border, summing
/// to 1. Places lie at the middles of their cells.
fn centre_prior(height: usize, width: usize) -> Vec<f64> {
    let sigma = height.min(width) as f64 / 2.0 / 3.0;
    let from_middle = |at: usize, side: usize| at as f64 + 0.5 - side as f64 / 2.0;
    let mut weights: Vec<f64> = (0..height * width)
        .map(|place| {
            let (y, x) = (
                from_middle(place / width, height),
                from_middle(place % width, width),
            );
            (-(x * x + y * y) / (2.0 * sigma * sigma)).exp()
        })
        .collect();
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= sum);
    weights
}

/// S = √(S' / ‖S'‖) with S' the sum over channels; responses below 0 count as 0.
fn crow_places(map: &FeatureMap) -> Vec<f64> {
    let mut sums = vec![0f64; map.places()];
    for plane in map.planes() {
        for (sum, &x) in sums.iter_mut().zip(plane) {
            *sum += f64::from(x.max(0.0));
        }
    }
    let norm = sums.iter().map(|s| s * s).sum::<f64>().sqrt();
    if norm > 0.0 {
        sums.iter_mut().for_each(|s| *s = (*s / norm).sqrt());
    }
    sums
}

/// I_c = log((Kε + Σ Q) / (ε + Q_c)) with Q_c the share of places that respond in channel c, of K channels.
fn crow_channels(map: &FeatureMap) -> Vec<f64> {
    let responding: Vec<f64> = map
        .planes()
        .map(|plane| plane.iter().filter(|&&x| x > 0.0).count() as f64 / plane.len() as f64)
        .collect();
    let all = responding.iter().sum::<f64>() + CROW_LEAST * responding.len() as f64;
    responding
        .into_iter()
        .map(|share| (all / (CROW_LEAST + share)).ln())
        .collect()
}
