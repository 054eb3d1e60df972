//! How the places of a [`FeatureMap`] become one vector.
//!
//! | name | pooling | paper |
//! |---|---|---|
//! | `mac` | largest response of each channel | Razavian et al. 2016; Tolias, Sicre & Jégou 2016 |
//! | `spoc` | mean of each channel | Babenko & Lempitsky 2015 |
//! | `spoc+centre` | the same, the middle of the image weighing more | Babenko & Lempitsky 2015 |
//! | `crow` | sum weighted by place and by channel | Kalantidis, Mellina & Osindero 2016 |
//! | `r_mac:3` | MAC of regions of several sizes, summed | Tolias, Sicre & Jégou 2016 |
//! | `gem:3` | mean of p-th powers, p-th root | Radenović, Tolias & Chum 2018 |
//! | `netvlad:…` | soft-assigned residuals to centres | Arandjelović et al. 2016 |
//! | `fisher:…` | Fisher vector of the places | Perronnin & Larlus 2015 |
//!
//! Names joined by `|`, as `spoc|gem:3`, give the vectors of all, each of length 1, one after the other. The last
//! two are learned from images first; their names hold the id of what was learned. The poolings return raw
//! vectors: normalisation belongs to the [`PoolingChain`]. All were checked against PyTorch and NumPy,
//! see `tests/reference/pooling.py`.

mod chain;
mod fisher;
mod learner;
mod name;
mod netvlad;
mod r_mac;
mod weighted;

use std::path::Path;
use std::sync::Arc;

use vizsla_vectors::l2_normalise;

pub use chain::PoolingChain;
pub use fisher::FisherPooling;
pub use learner::PoolingLearner;
pub use name::{LearnedPooling, PoolingName, PoolingRecipe};
pub use netvlad::NetVlad;
pub use r_mac::{Region, regions as r_mac_regions};

use crate::error::Error;
use crate::feature_map::FeatureMap;
use weighted::Weighted;

/// Responses are at least this before GeM takes their power, as in the reference implementation.
const GEM_LEAST: f64 = 1e-6;

/// A way from a feature map to a vector.
#[derive(Debug, Clone, PartialEq)]
pub enum Pooling {
    /// f_c = max over places of x_c.
    Mac,
    /// f_c = mean over places of x_c.
    Spoc,
    /// f_c = Σ α x_c / Σ α with α = exp(−d²/2σ²), d the distance of a place to the middle of the grid and σ a
    /// third of the distance from the middle to the nearest border.
    SpocCentre,
    /// f_c = I_c Σ s x_c. The weight s of a place is the square root of its sum over channels divided by the
    /// Euclidean length of all these sums; the weight of a channel is I_c = log(Σ Q / Q_c) with Q_c the share of
    /// places where it responds.
    Crow,
    /// Sum of the MAC vectors, each scaled to length 1, of the whole map and of square regions on `levels` levels:
    /// at level l their side is 2·min(width, height)/(l + 1), and they overlap by about 40 %.
    RMac {
        /// Number of levels, usually 3.
        levels: usize,
    },
    /// f_c = (mean over places of x_c^p)^(1/p). p = 1 is SPoC, p → ∞ is MAC.
    Gem {
        /// The exponent, usually 3.
        p: f32,
    },
    /// See [`NetVlad`].
    NetVlad(Arc<NetVlad>),
    /// See [`FisherPooling`].
    Fisher(Arc<FisherPooling>),
    /// Several, each scaled to length 1, one after the other.
    Joined(Vec<Pooling>),
}

impl Pooling {
    /// Pools a map; see the variants. The vector is not normalised.
    pub fn pool(&self, map: &FeatureMap) -> Vec<f32> {
        match self {
            Self::Mac => per_channel(map, |plane| f64::from(r_mac::largest(plane).1)),
            Self::Spoc => weighted::pool(Weighted::Spoc, map),
            Self::SpocCentre => weighted::pool(Weighted::SpocCentre, map),
            Self::Crow => weighted::pool(Weighted::Crow, map),
            Self::RMac { levels } => r_mac::pool(map, *levels),
            Self::Gem { p } => per_channel(map, |plane| gem(plane, f64::from(*p))),
            Self::NetVlad(netvlad) => netvlad.pool(map),
            Self::Fisher(fisher) => fisher.pool(map),
            Self::Joined(parts) => {
                let mut joined = Vec::new();
                for part in parts {
                    let mut vector = part.pool(map);
                    l2_normalise(&mut vector);
                    joined.extend(vector);
                }
                joined
            }
        }
    }

    /// Numbers of the vector that a map of so many channels gives.
    pub fn dimension(&self, channels: usize) -> usize {
        match self {
            Self::NetVlad(netvlad) => netvlad.dimension(),
            Self::Fisher(fisher) => fisher.dimension(),
            Self::Joined(parts) => parts.iter().map(|part| part.dimension(channels)).sum(),
            _ => channels,
        }
    }

    /// Channels a map must have, where the pooling was learned for a number of them.
    pub fn channels(&self) -> Option<usize> {
        match self {
            Self::NetVlad(netvlad) => Some(netvlad.channels()),
            Self::Fisher(fisher) => Some(fisher.channels()),
            Self::Joined(parts) => parts.iter().find_map(Self::channels),
            _ => None,
        }
    }

    /// Whether the vector is a sum over the places of something that depends on that place alone.
    pub fn is_linear(&self) -> bool {
        matches!(self, Self::Spoc | Self::SpocCentre)
    }

    /// What each place adds to the inner product of [`Pooling::pool`] with `gain`: as many numbers as places,
    /// row by row, that sum to that product.
    ///
    /// For the linear poolings a share is what the place adds. For the others what acts on several places at once
    /// is taken as it came out for this map: for MAC and the regions of R-MAC the place of the largest response
    /// gets all of a channel, for GeM a place gets its part of Σ x^p, for CroW, NetVLAD and Fisher vectors the
    /// weights and lengths are held fixed.
    pub fn shares(&self, map: &FeatureMap, gain: &[f32]) -> Vec<f64> {
        match self {
            Self::Mac => mac_shares(map, gain),
            Self::Spoc => weighted::shares(Weighted::Spoc, map, gain),
            Self::SpocCentre => weighted::shares(Weighted::SpocCentre, map, gain),
            Self::Crow => weighted::shares(Weighted::Crow, map, gain),
            Self::RMac { levels } => r_mac::shares(map, *levels, gain),
            Self::Gem { p } => gem_shares(map, f64::from(*p), gain),
            Self::NetVlad(netvlad) => netvlad.shares(map, gain),
            Self::Fisher(fisher) => fisher.shares(map, gain),
            Self::Joined(parts) => joined_shares(parts, map, gain),
        }
    }
}

impl Pooling {
    /// The parts of it that were learned, itself included.
    pub fn learned(&self) -> Vec<&Pooling> {
        match self {
            Self::Joined(parts) => parts.iter().flat_map(Self::learned).collect(),
            Self::NetVlad(_) | Self::Fisher(_) => vec![self],
            _ => Vec::new(),
        }
    }

    /// The id of what was learned, which its name ends with; `None` where nothing was.
    pub fn learned_id(&self) -> Option<&str> {
        match self {
            Self::NetVlad(netvlad) => Some(netvlad.id()),
            Self::Fisher(fisher) => Some(fisher.id()),
            _ => None,
        }
    }

    /// Writes what was learned to a file that [`PoolingName::open`] reads; other poolings write nothing.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save_learned(&self, path: &Path) -> Result<(), Error> {
        match self {
            Self::NetVlad(netvlad) => netvlad.save(path),
            Self::Fisher(fisher) => fisher.save(path),
            _ => Ok(()),
        }
    }
}

/// One number of every channel.
fn per_channel(map: &FeatureMap, pool: impl Fn(&[f32]) -> f64) -> Vec<f32> {
    map.planes().map(|plane| pool(plane) as f32).collect()
}

fn gem(plane: &[f32], p: f64) -> f64 {
    let sum: f64 = plane.iter().map(|&x| powered(x, p)).sum();
    (sum / plane.len() as f64).powf(1.0 / p)
}

fn powered(x: f32, p: f64) -> f64 {
    let x = f64::from(x).max(GEM_LEAST);
    if p == 3.0 { x * x * x } else { x.powf(p) }
}

fn mac_shares(map: &FeatureMap, gain: &[f32]) -> Vec<f64> {
    let mut shares = vec![0f64; map.places()];
    for (plane, &gain) in map.planes().zip(gain) {
        let (place, x) = r_mac::largest(plane);
        shares[place] += f64::from(gain) * f64::from(x);
    }
    shares
}

fn gem_shares(map: &FeatureMap, p: f64, gain: &[f32]) -> Vec<f64> {
    let mut shares = vec![0f64; map.places()];
    for (plane, &gain) in map.planes().zip(gain) {
        let powers: Vec<f64> = plane.iter().map(|&x| powered(x, p)).collect();
        let sum: f64 = powers.iter().sum();
        let scale = f64::from(gain) * (sum / plane.len() as f64).powf(1.0 / p) / sum;
        for (share, power) in shares.iter_mut().zip(powers) {
            *share += scale * power;
        }
    }
    shares
}

fn joined_shares(parts: &[Pooling], map: &FeatureMap, gain: &[f32]) -> Vec<f64> {
    let mut shares = vec![0f64; map.places()];
    let mut rest = gain;
    for part in parts {
        let (gain, others) = rest.split_at(part.dimension(map.channels).min(rest.len()));
        rest = others;
        let norm = vizsla_vectors::l2_norm(&part.pool(map));
        if norm > 0.0 {
            let of_part = part.shares(map, gain);
            for (share, of_part) in shares.iter_mut().zip(of_part) {
                *share += of_part / norm;
            }
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_the_product() {
        let data = (0..5 * 4 * 7)
            .map(|i| ((i * 37) % 23) as f32 / 5.0)
            .collect();
        let map = FeatureMap::new(5, 4, 7, data).unwrap();
        for name in [
            "mac",
            "spoc",
            "spoc+centre",
            "crow",
            "r_mac:3",
            "gem:3",
            "gem:1.7",
            "spoc|mac",
        ] {
            let pooling: Pooling = name.parse().unwrap();
            let pooled = pooling.pool(&map);
            assert_eq!(pooled.len(), pooling.dimension(5));
            let gain: Vec<f32> = (0..pooled.len()).map(|i| i as f32 - 1.5).collect();
            let product: f64 = pooled
                .iter()
                .zip(&gain)
                .map(|(&x, &g)| f64::from(x) * f64::from(g))
                .sum();
            let shares = pooling.shares(&map, &gain);
            let sum: f64 = shares.iter().sum();
            assert!(
                (sum - product).abs() < 1e-4 * product.abs(),
                "{name}: {sum} {product}"
            );
        }
    }
}
