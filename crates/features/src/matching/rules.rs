//! Matching by rules that know more than two distances.
//!
//! The ratio of the nearest to the second nearest distance (Lowe 2004, section 7.1) tells a distinct match from an arbitrary one. Where
//! a detector answers twice to one spot, the second nearest is the same thing again and the ratio throws a good match away; the first
//! geometrically inconsistent neighbour (FGINN: Mishkin, Matas and Perdoch, CVIU 2015) is the nearest that lies elsewhere. Both
//! directions can be asked: the match must be each other's nearest, or pass the ratio from either side as well.

use serde::{Deserialize, Serialize};
use vizsla_vectors::{NearestTwo, l2_squared_u8, nearest_both_u8};

use super::neighbour_search::{NeighbourSearch, nearest_two};
use crate::keypoint::{Descriptor, Features, Keypoint};

/// Which neighbour the nearest one is compared with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondNeighbour {
    /// The second nearest, wherever it is (Lowe 2004).
    #[default]
    Nearest,
    /// The nearest that is at another place (FGINN).
    Inconsistent,
}

/// What is asked of the other direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrossCheck {
    /// Nothing.
    OneWay,
    /// The two are each other's nearest.
    #[default]
    Mutual,
    /// The two are each other's nearest, and the ratio holds both ways.
    Symmetric,
}

crate::named_choice!(
    SecondNeighbour,
    "second neighbour",
    Nearest => "nearest",
    Inconsistent => "inconsistent",
);
crate::named_choice!(
    CrossCheck,
    "cross-check",
    OneWay => "one_way",
    Mutual => "mutual",
    Symmetric => "symmetric",
);

/// When two features count as a match.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MatchRule {
    /// Largest ratio of the nearest distance to the one it is compared with, exclusive, in (0, 1]; 1 or more keeps every
    /// nearest neighbour.
    pub ratio: f32,
    /// Which one it is compared with.
    pub second: SecondNeighbour,
    /// Distance, pixels, from which a neighbour is at another place.
    pub place_radius: f32,
    /// What is asked of the other direction.
    pub check: CrossCheck,
    /// Largest Euclidean distance of two descriptors that match; infinite for any.
    pub max_distance: f32,
}

impl Default for MatchRule {
    fn default() -> Self {
        Self {
            ratio: 0.8,
            second: SecondNeighbour::Nearest,
            place_radius: 10.0,
            check: CrossCheck::Mutual,
            max_distance: f32::INFINITY,
        }
    }
}

/// Two features that match, and how clearly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RatedMatch {
    /// Position in the first list.
    pub a: u32,
    /// Position in the second list.
    pub b: u32,
    /// Squared Euclidean distance of the descriptors.
    pub distance: u32,
    /// Squared distance that it was compared with; `u32::MAX` where there was none.
    pub second: u32,
}

impl RatedMatch {
    /// The ratio of the two distances, in [0, 1]; 0 where there was nothing to compare with, 1 where both are 0. One minus it
    /// is a good order for PROSAC.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        if self.second == u32::MAX {
            return 0.0;
        }
        if self.second == 0 {
            return 1.0;
        }
        (f64::from(self.distance) / f64::from(self.second))
            .sqrt()
            .min(1.0)
    }
}

impl MatchRule {
    /// Whether a squared distance is clearly below another one.
    pub(super) fn is_distinct(&self, distance: u32, second: u32) -> bool {
        let square = f64::from(self.ratio).powi(2);
        self.ratio >= 1.0 || second == u32::MAX || f64::from(distance) < square * f64::from(second)
    }

    /// Whether a squared distance is allowed at all.
    pub(super) fn is_near(&self, distance: u32) -> bool {
        f64::from(distance) <= f64::from(self.max_distance).powi(2)
    }
}

/// Matches every feature of `a` to at most one of `b`, in the order of `a`.
///
/// Only as many features as have both keypoint and descriptor count. With [`CrossCheck::OneWay`] several features of `a` may share one
/// of `b`. Where there is nothing to compare with, the ratio test passes. None where `ratio` or `max_distance` is not a number.
#[must_use]
pub fn match_features(a: &Features, b: &Features, rule: &MatchRule) -> Vec<RatedMatch> {
    match_features_by(a, b, rule, NeighbourSearch::Exact)
}

/// As [`match_features`], with neighbours found by `search`. An approximate search misses some matches, and where it misses a second
/// neighbour lets some through that are not distinct; the neighbour at another place is always looked for among all.
#[must_use]
pub fn match_features_by(
    a: &Features,
    b: &Features,
    rule: &MatchRule,
    search: NeighbourSearch,
) -> Vec<RatedMatch> {
    let (first, second) = (Side::of(a), Side::of(b));
    if rule.ratio.is_nan() || rule.max_distance.is_nan() {
        return Vec::new();
    }
    let (forward, backward) = directions(&first, &second, rule.check, search);
    (forward.iter().zip(0u32..))
        .filter_map(|(n, i)| Some((n.as_ref()?, i)))
        .filter(|(n, _)| rule.is_near(n.distance))
        .filter(|(n, i)| match &backward {
            Backward::Unasked => true,
            Backward::Index(index) => index[n.index as usize] == *i,
            Backward::Two(two) => two[n.index as usize].is_some_and(|back| back.index == *i),
        })
        .filter_map(|(n, i)| {
            let compared = compared(&first.descriptors[i as usize], n, &second, rule)?;
            if let (Backward::Two(two), CrossCheck::Symmetric) = (&backward, rule.check) {
                let descriptor = &second.descriptors[n.index as usize];
                self::compared(descriptor, two[n.index as usize].as_ref()?, &first, rule)?;
            }
            Some(RatedMatch {
                a: i,
                b: n.index,
                distance: n.distance,
                second: compared,
            })
        })
        .collect()
}

/// The features of an image that have both parts.
struct Side<'a> {
    keypoints: &'a [Keypoint],
    descriptors: &'a [Descriptor],
}

impl<'a> Side<'a> {
    fn of(features: &'a Features) -> Self {
        let count = features.keypoints.len().min(features.descriptors.len());
        Self {
            keypoints: &features.keypoints[..count],
            descriptors: &features.descriptors[..count],
        }
    }
}

/// What is known of the nearest neighbours of the second list.
enum Backward {
    Unasked,
    Index(Vec<u32>),
    Two(Vec<Option<NearestTwo>>),
}

fn directions(
    a: &Side<'_>,
    b: &Side<'_>,
    check: CrossCheck,
    search: NeighbourSearch,
) -> (Vec<Option<NearestTwo>>, Backward) {
    let (a, b) = (a.descriptors, b.descriptors);
    match (check, search) {
        (CrossCheck::OneWay, _) => (nearest_two(a, b, search), Backward::Unasked),
        (CrossCheck::Mutual, NeighbourSearch::Exact) => {
            // Both directions come out of one pass.
            let (forward, backward) = nearest_both_u8(a, b);
            let forward = forward.into_iter().map(Some).collect();
            (forward, Backward::Index(backward))
        }
        (CrossCheck::Mutual | CrossCheck::Symmetric, _) => {
            let forward = nearest_two(a, b, search);
            (forward, Backward::Two(nearest_two(b, a, search)))
        }
    }
}

/// The squared distance that the nearest one is compared with; `None` where it is not distinct.
fn compared(
    descriptor: &Descriptor,
    nearest: &NearestTwo,
    side: &Side<'_>,
    rule: &MatchRule,
) -> Option<u32> {
    if rule.second == SecondNeighbour::Nearest || rule.ratio >= 1.0 {
        let distinct = rule.is_distinct(nearest.distance, nearest.second);
        return distinct.then_some(nearest.second);
    }
    let place = &side.keypoints[nearest.index as usize];
    let mut second = u32::MAX;
    for (keypoint, other) in side.keypoints.iter().zip(side.descriptors) {
        if are_near(place, keypoint, rule.place_radius) {
            continue;
        }
        second = second.min(l2_squared_u8(descriptor, other));
        if !rule.is_distinct(nearest.distance, second) {
            return None;
        }
    }
    Some(second)
}

/// Whether two keypoints are at one place. Those that are nowhere are at none.
pub(super) fn are_near(a: &Keypoint, b: &Keypoint, radius: f32) -> bool {
    (a.x - b.x).hypot(a.y - b.y) < radius
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::nearest::{MatchConfig, match_descriptors};
    use crate::shape::Shape;

    /// Features at x = 100 i whose descriptors are zero but for the last byte.
    fn features(last: &[(f32, u8)]) -> Features {
        Features {
            width: 1000,
            height: 100,
            keypoints: (last.iter())
                .map(|&(x, _)| Keypoint {
                    x,
                    y: 5.0,
                    scale: 2.0,
                    angle: 0.0,
                    shape: Shape::CIRCLE,
                    response: 1.0,
                })
                .collect(),
            descriptors: (last.iter())
                .map(|&(_, value)| {
                    let mut descriptor = [0; 128];
                    descriptor[127] = value;
                    descriptor
                })
                .collect(),
        }
    }

    fn pairs(a: &Features, b: &Features, rule: &MatchRule) -> Vec<(u32, u32)> {
        let found = match_features(a, b, rule);
        found.iter().map(|m| (m.a, m.b)).collect()
    }

    #[test]
    fn the_default_is_that_of_descriptors_alone() {
        let mut state = 1u32;
        let mut random = |count: usize| -> Features {
            let mut f = features(&vec![(0.0, 0); count]);
            for (k, d) in f.keypoints.iter_mut().zip(&mut f.descriptors) {
                for value in d.iter_mut() {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    *value = (state >> 24) as u8 / 4;
                }
                k.x = (state >> 20) as f32;
            }
            f
        };
        let (a, b) = (random(60), random(70));
        for (check, mutual) in [(CrossCheck::Mutual, true), (CrossCheck::OneWay, false)] {
            for ratio in [0.8, 0.97, 1.0] {
                let rule = MatchRule {
                    ratio,
                    check,
                    ..MatchRule::default()
                };
                let config = MatchConfig { ratio, mutual };
                let plain = match_descriptors(&a.descriptors, &b.descriptors, &config);
                let plain: Vec<_> = plain.iter().map(|m| (m.a, m.b)).collect();
                assert_eq!(pairs(&a, &b, &rule), plain);
            }
        }
    }

    #[test]
    fn a_second_answer_from_one_place_does_not_count() {
        let a = features(&[(10.0, 10)]);
        // Nearest 2 away, next 3 away at the same place, then 20 away.
        let b = features(&[(500.0, 12), (504.0, 13), (100.0, 30)]);
        let lowe = MatchRule {
            check: CrossCheck::OneWay,
            ratio: 0.6,
            ..MatchRule::default()
        };
        let fginn = MatchRule {
            second: SecondNeighbour::Inconsistent,
            ..lowe
        };
        assert!(pairs(&a, &b, &lowe).is_empty());
        assert_eq!(pairs(&a, &b, &fginn), [(0, 0)]);
        let rated = match_features(&a, &b, &fginn)[0];
        assert_eq!((rated.distance, rated.second), (4, 400));
        assert!((rated.ratio() - 0.1).abs() < 1e-12);
        let small = MatchRule {
            place_radius: 3.0,
            ..fginn
        };
        assert!(pairs(&a, &b, &small).is_empty());
    }

    #[test]
    fn the_symmetric_check_asks_both_ways() {
        // From a, 10 to 11 is clear; from b, 11 has 10 and 13 about equally near.
        let a = features(&[(0.0, 10), (100.0, 13)]);
        let b = features(&[(0.0, 11), (100.0, 60)]);
        let mutual = MatchRule::default();
        let symmetric = MatchRule {
            check: CrossCheck::Symmetric,
            ratio: 0.4,
            ..mutual
        };
        let looser = MatchRule {
            ratio: 0.6,
            ..symmetric
        };
        assert_eq!(pairs(&a, &b, &mutual), [(0, 0)]);
        assert!(pairs(&a, &b, &symmetric).is_empty());
        assert_eq!(pairs(&a, &b, &looser), [(0, 0)]);
    }

    #[test]
    fn distances_are_bounded_and_odd_input_is_defined() {
        let (a, b) = (features(&[(0.0, 10)]), features(&[(0.0, 15)]));
        let rule = |max_distance| MatchRule {
            max_distance,
            ..MatchRule::default()
        };
        assert_eq!(pairs(&a, &b, &rule(5.0)), [(0, 0)]);
        assert!(pairs(&a, &b, &rule(4.9)).is_empty());
        assert!(pairs(&a, &b, &rule(f32::NAN)).is_empty());
        assert!(pairs(&a, &Features::default(), &rule(9.0)).is_empty());
        assert!(pairs(&Features::default(), &b, &rule(9.0)).is_empty());
        let mut short = b.clone();
        short.keypoints.clear();
        assert!(pairs(&a, &short, &rule(9.0)).is_empty());
        let mut nowhere = b;
        nowhere.keypoints[0].x = f32::NAN;
        let fginn = MatchRule {
            second: SecondNeighbour::Inconsistent,
            ..rule(9.0)
        };
        // Its own place is nowhere, so it is compared with itself.
        assert!(pairs(&a, &nowhere, &fginn).is_empty());
        assert_eq!(
            "mutal".parse::<CrossCheck>().unwrap_err().to_string(),
            "there is no cross-check 'mutal'; choose one_way, mutual or symmetric"
        );
    }
}
