//! Several objects between two images, one after another.
//!
//! The geometry that most agree on is taken out with its inliers, and the rest is searched again (sequential RANSAC: Vincent
//! and Laganière 2001). What remains in the end agrees on something as well, by chance, so the search stops at the first
//! geometry whose a-contrario bound is not low enough: the bound, not a number of objects or of inliers, says when
//! nothing is left (Moisan and Stival 2004).

use serde::{Deserialize, Serialize};

use super::Correspondence;
use super::ransac::{Consensus, ransac};
use super::ransac_config::RansacConfig;

/// When [`sequential_ransac`] stops.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SequentialConfig {
    /// Most geometries.
    pub max_objects: usize,
    /// Highest log10 of the number of false alarms of a geometry that is kept.
    pub max_log10_nfa: f64,
    /// Thresholds within which correspondences are taken out with a geometry, at least 1: those just outside would
    /// make a copy of it.
    pub removal: f64,
}

impl Default for SequentialConfig {
    fn default() -> Self {
        Self {
            max_objects: 16,
            max_log10_nfa: -3.0,
            removal: 2.0,
        }
    }
}

/// Geometries that disjoint parts of the correspondences agree on, in the order they were found.
///
/// Sizes, usable correspondences and configuration are those of [`ransac`]. Round r searches with seed + r. Inliers are
/// positions in the whole input; what is near to an earlier geometry is in no later one. Empty when nothing is
/// found, or when a configuration cannot be used.
#[must_use]
pub fn sequential_ransac(
    correspondences: &[Correspondence],
    from_size: (f64, f64),
    to_size: (f64, f64),
    config: &RansacConfig,
    stop: &SequentialConfig,
) -> Vec<Consensus> {
    let mut found = Vec::new();
    if stop.max_log10_nfa.is_nan() || !(1.0..1e6).contains(&stop.removal) {
        return found;
    }
    let mut index: Vec<u32> = (0..correspondences.len().min(u32::MAX as usize) as u32).collect();
    let mut left = correspondences.to_vec();
    let removal = (config.threshold * stop.removal).powi(2);
    for round in 0..stop.max_objects {
        let config = RansacConfig {
            seed: config.seed.wrapping_add(round as u64),
            ..*config
        };
        let Some(mut object) = ransac(&left, from_size, to_size, &config) else {
            break;
        };
        if object.log10_nfa > stop.max_log10_nfa {
            break;
        }
        for inlier in &mut object.inliers {
            *inlier = index[*inlier as usize];
        }
        let keep = |c: &Correspondence| {
            let error = object
                .geometry
                .squared_error((c.from.x, c.from.y), (c.to.x, c.to.y));
            // What cannot be used stays, never to be an inlier.
            error.is_nan() || error >= removal
        };
        let kept: Vec<bool> = left.iter().map(keep).collect();
        let mut flags = kept.iter();
        index.retain(|_| flags.next().copied().unwrap_or(false));
        let mut flags = kept.iter();
        left.retain(|_| flags.next().copied().unwrap_or(false));
        found.push(object);
    }
    found
}
