//! Matches that their neighbours bear out.
//!
//! Around a right match the second image is the first one under nearly its own affine map, so right matches nearby lie where its
//! frames say and have frames like its own; around a wrong match nothing of the kind happens. Counting such neighbours needs no model of
//! the whole (Schmid and Mohr 1997; Tuytelaars and Van Gool 2000; Cavalli, Larsson, Oswald, Sattler and Pollefeys 2020), so it also
//! keeps what is on things that bend or move on their own.

use serde::{Deserialize, Serialize};

use super::Correspondence;
use super::affine_matches::AffineMatch;
use super::plane_tree::PlaneTree;

/// What counts as support.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LocalConsistencyConfig {
    /// Neighbours in the first image that are asked.
    pub neighbours: usize,
    /// Fewest of them that must agree.
    pub min_support: usize,
    /// Distance, pixels of the second image, that a neighbour may be off.
    pub threshold: f64,
    /// How much more it may be off for each pixel that it is away: frames are not exact, and surfaces bend.
    pub slope: f64,
    /// Largest angle between the turns of two frames that agree, radians.
    pub max_angle: f64,
    /// Largest ratio between the scale changes of two frames that agree, > 1.
    pub max_scale_ratio: f64,
    /// Neighbours nearer than this many pixels in either image are the same feature and say nothing.
    pub place_radius: f64,
}

impl Default for LocalConsistencyConfig {
    fn default() -> Self {
        Self {
            neighbours: 10,
            min_support: 2,
            threshold: 4.0,
            slope: 0.25,
            max_angle: 0.5,
            max_scale_ratio: 1.6,
            place_radius: 2.0,
        }
    }
}

/// How many of the nearest neighbours of each correspondence agree with its frames, in input order.
///
/// Two agree when each lies where the other's frames propose and their turns and changes of scale are alike.
/// Correspondences that are not finite or have no scale support nothing and have no support.
#[must_use]
pub fn local_support(
    correspondences: &[Correspondence],
    config: &LocalConsistencyConfig,
) -> Vec<u32> {
    let matches: Vec<Option<AffineMatch>> = (correspondences.iter())
        .map(|c| {
            let usable = c.has_valid_positions() && c.from.is_valid() && c.to.is_valid();
            usable.then(|| c.affine_match())
        })
        .collect();
    let place = |m: &Option<AffineMatch>| match m {
        Some(m) => (m.point[0], m.point[1]),
        None => (f64::NAN, f64::NAN),
    };
    let tree = PlaneTree::new(matches.iter().map(place));
    let mut found = Vec::new();
    (matches.iter())
        .map(|own| {
            let Some(own) = own else {
                return 0;
            };
            let other = |i: u32| {
                matches[i as usize]
                    .as_ref()
                    .is_some_and(|other| are_apart(own, other, config.place_radius))
            };
            let centre = (own.point[0], own.point[1]);
            tree.nearest(centre, config.neighbours, other, &mut found);
            let agreeing = (found.iter())
                .filter_map(|&(_, i)| matches[i as usize].as_ref())
                .filter(|other| agree(own, other, config));
            agreeing.count() as u32
        })
        .collect()
}

/// Positions, ascending, of the correspondences that at least `min_support` of their neighbours agree with.
#[must_use]
pub fn locally_consistent(
    correspondences: &[Correspondence],
    config: &LocalConsistencyConfig,
) -> Vec<u32> {
    let support = local_support(correspondences, config);
    (support.iter().zip(0..))
        .filter(|(support, _)| **support as usize >= config.min_support)
        .map(|(_, i)| i)
        .collect()
}

fn are_apart(a: &AffineMatch, b: &AffineMatch, radius: f64) -> bool {
    let [x, y, u, v] = std::array::from_fn(|i| a.point[i] - b.point[i]);
    x.hypot(y) >= radius && v.hypot(u) >= radius
}

fn agree(a: &AffineMatch, b: &AffineMatch, config: &LocalConsistencyConfig) -> bool {
    frames_alike(a, b, config) && predicts(a, b, config) && predicts(b, a, config)
}

/// Whether `b` is where the frames of `a` propose.
fn predicts(a: &AffineMatch, b: &AffineMatch, config: &LocalConsistencyConfig) -> bool {
    let [x, y, u, v]: [f64; 4] = std::array::from_fn(|i| b.point[i] - a.point[i]);
    let [p, q] = a.local.map(|[s, t]| s * x + t * y);
    (p - u).hypot(q - v) <= config.threshold + config.slope * p.hypot(q)
}

fn frames_alike(a: &AffineMatch, b: &AffineMatch, config: &LocalConsistencyConfig) -> bool {
    let polar = |[[p, q], [r, s]]: [[f64; 2]; 2]| ((r - q).atan2(p + s), p * s - q * r);
    let ((turn, area), (other_turn, other_area)) = (polar(a.local), polar(b.local));
    let gap = (turn - other_turn).abs();
    let gap = gap.min(std::f64::consts::TAU - gap);
    let ratio = (area / other_area).ln().abs() * 0.5;
    gap <= config.max_angle && ratio <= config.max_scale_ratio.ln()
}
