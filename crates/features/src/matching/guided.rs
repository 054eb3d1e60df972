//! Matching again once the geometry is known.
//!
//! A known geometry says where the partner of a feature can be: near one place for a plane transform, near a line for a
//! fundamental matrix. Among so few a ratio test throws little away, and matches are found that were not distinct among all (Hartley and
//! Zisserman 2004, section 4.8, step v).

use serde::{Deserialize, Serialize};
use vizsla_vectors::l2_squared_u8;

use super::rules::{CrossCheck, MatchRule, RatedMatch, SecondNeighbour, are_near};
use crate::geometry::{PlaneTree, TwoViewGeometry};
use crate::keypoint::{Features, Keypoint};

/// Where and what [`match_guided`] takes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuidedConfig {
    /// Largest transfer error in the second image, or largest distance from the epipolar line in both, pixels, exclusive.
    pub radius: f64,
    /// When the nearest of those counts.
    pub rule: MatchRule,
}

impl Default for GuidedConfig {
    fn default() -> Self {
        Self {
            radius: 5.0,
            rule: MatchRule {
                ratio: 0.9,
                second: SecondNeighbour::Inconsistent,
                place_radius: 2.0,
                ..MatchRule::default()
            },
        }
    }
}

/// The best and the second distance to one feature so far.
#[derive(Debug, Clone, Copy)]
struct Nearest {
    distance: u32,
    index: u32,
    second: u32,
}

/// Matches every feature of `a` to at most one of `b` where `geometry` allows, in the order of `a`.
///
/// The rule's ratio, place, direction and distance are those of [`match_features`](crate::match_features), all among the candidates
/// that the geometry leaves. Only as many features as have both keypoint and descriptor count. Empty where the radius or the
/// rule is not a number, or the radius is not positive.
#[must_use]
pub fn match_guided(
    a: &Features,
    b: &Features,
    geometry: &TwoViewGeometry,
    config: &GuidedConfig,
) -> Vec<RatedMatch> {
    let rule = &config.rule;
    let usable = config.radius > 0.0 && !rule.ratio.is_nan() && !rule.max_distance.is_nan();
    if !usable {
        return Vec::new();
    }
    let candidates = candidates(a, b, geometry, config.radius);
    let forward: Vec<Option<Nearest>> = (candidates.iter())
        .map(|near| nearest(near, &b.keypoints, rule))
        .collect();
    let asked = rule.check != CrossCheck::OneWay;
    let backward: Vec<Option<Nearest>> = if asked {
        let mut turned = vec![Vec::new(); b.len()];
        for (near, i) in candidates.iter().zip(0..) {
            for &(j, distance) in near {
                turned[j as usize].push((i, distance));
            }
        }
        (turned.iter())
            .map(|near| nearest(near, &a.keypoints, rule))
            .collect()
    } else {
        Vec::new()
    };
    (forward.iter().zip(0..))
        .filter_map(|(found, i)| found.map(|found| (found, i)))
        .filter(|(found, _)| {
            rule.is_near(found.distance) && rule.is_distinct(found.distance, found.second)
        })
        .filter(|(found, i)| {
            let other = backward.get(found.index as usize).copied().flatten();
            let back = other.filter(|other| other.index == *i);
            match rule.check {
                CrossCheck::OneWay => true,
                CrossCheck::Mutual => back.is_some(),
                CrossCheck::Symmetric => {
                    back.is_some_and(|other| rule.is_distinct(other.distance, other.second))
                }
            }
        })
        .map(|(found, a)| RatedMatch {
            a,
            b: found.index,
            distance: found.distance,
            second: found.second,
        })
        .collect()
}

/// For each feature of `a` those of `b` that the geometry allows, and the squared distances of their descriptors.
fn candidates(
    a: &Features,
    b: &Features,
    geometry: &TwoViewGeometry,
    radius: f64,
) -> Vec<Vec<(u32, u32)>> {
    let count = b.keypoints.len().min(b.descriptors.len());
    let place = |k: &Keypoint| (f64::from(k.x), f64::from(k.y));
    let places: Vec<(f64, f64)> = b.keypoints[..count].iter().map(place).collect();
    let tree = match geometry {
        TwoViewGeometry::Plane(_) => Some(PlaneTree::new(places.iter().copied())),
        TwoViewGeometry::Epipolar(_) => None,
    };
    let mut near = Vec::new();
    (a.keypoints.iter().zip(&a.descriptors))
        .map(|(keypoint, descriptor)| {
            let from = place(keypoint);
            near.clear();
            match (geometry, &tree) {
                (TwoViewGeometry::Plane(t), Some(tree)) => {
                    if let Some(mapped) = t.apply(from.0, from.1) {
                        tree.within(mapped, radius, &mut near);
                    }
                }
                (TwoViewGeometry::Epipolar(f), _) => {
                    let on_line = places.iter().zip(0u32..).filter(|(to, _)| {
                        let (first, second) = f.line_distances(from, **to);
                        first.max(second) < radius
                    });
                    near.extend(on_line.map(|(_, j)| j));
                }
                (TwoViewGeometry::Plane(_), None) => {}
            }
            let distance = |&j: &u32| (j, l2_squared_u8(descriptor, &b.descriptors[j as usize]));
            near.iter().map(distance).collect()
        })
        .collect()
}

/// The nearest of the candidates, and the one it is compared with.
fn nearest(near: &[(u32, u32)], keypoints: &[Keypoint], rule: &MatchRule) -> Option<Nearest> {
    let &(index, distance) = near.iter().min_by_key(|(j, distance)| (*distance, *j))?;
    let place = &keypoints[index as usize];
    let second = (near.iter())
        .filter(|(j, _)| {
            *j != index
                && (rule.second == SecondNeighbour::Nearest
                    || !are_near(place, &keypoints[*j as usize], rule.place_radius))
        })
        .map(|(_, distance)| *distance)
        .min();
    Some(Nearest {
        distance,
        index,
        second: second.unwrap_or(u32::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Fundamental, Transform};
    use crate::shape::Shape;

    fn features(places: &[(f32, f32, u8)]) -> Features {
        let keypoint = |&(x, y, _): &(f32, f32, u8)| Keypoint {
            x,
            y,
            scale: 2.0,
            angle: 0.0,
            shape: Shape::CIRCLE,
            response: 1.0,
        };
        Features {
            width: 500,
            height: 500,
            keypoints: places.iter().map(keypoint).collect(),
            descriptors: places.iter().map(|&(_, _, v)| [v; 128]).collect(),
        }
    }

    fn pairs(
        a: &Features,
        b: &Features,
        geometry: &TwoViewGeometry,
        config: &GuidedConfig,
    ) -> Vec<(u32, u32)> {
        let found = match_guided(a, b, geometry, config);
        found.iter().map(|m| (m.a, m.b)).collect()
    }

    #[test]
    fn a_plane_leaves_what_is_near_to_the_place() {
        let shift = TwoViewGeometry::Plane(Transform::similarity(1.0, 0.0, 100.0, 0.0));
        // The same look twice: only its place tells which one it is.
        let a = features(&[(10.0, 10.0, 50), (200.0, 10.0, 50)]);
        let b = features(&[(300.0, 11.0, 50), (111.0, 10.0, 50), (400.0, 400.0, 50)]);
        let found = pairs(&a, &b, &shift, &GuidedConfig::default());
        assert_eq!(found, [(0, 1), (1, 0)]);
        let narrow = GuidedConfig {
            radius: 0.5,
            ..GuidedConfig::default()
        };
        assert!(pairs(&a, &b, &shift, &narrow).is_empty());
    }

    #[test]
    fn a_line_leaves_what_is_on_it_and_the_ratio_chooses() {
        // Lines are rows.
        let rows = TwoViewGeometry::Epipolar(Fundamental([
            [0.0, 0.0, 0.0],
            [0.0, 0.0, -1.0],
            [0.0, 1.0, 0.0],
        ]));
        let a = features(&[(10.0, 10.0, 50), (10.0, 80.0, 50)]);
        let b = features(&[
            (300.0, 11.0, 53),
            (90.0, 12.0, 70),
            (5.0, 81.0, 53),
            (450.0, 79.0, 47),
        ]);
        let found = pairs(&a, &b, &rows, &GuidedConfig::default());
        // On the second row two are equally near.
        assert_eq!(found, [(0, 0)]);
    }

    #[test]
    fn odd_input_is_defined() {
        let shift = TwoViewGeometry::Plane(Transform([[f64::NAN; 3]; 3]));
        let a = features(&[(10.0, 10.0, 50)]);
        let config = GuidedConfig::default();
        assert!(pairs(&a, &a, &shift, &config).is_empty());
        let zero = TwoViewGeometry::Epipolar(Fundamental([[0.0; 3]; 3]));
        assert!(pairs(&a, &a, &zero, &config).is_empty());
        let same = TwoViewGeometry::Plane(Transform::IDENTITY);
        for radius in [0.0, -1.0, f64::NAN] {
            let config = GuidedConfig { radius, ..config };
            assert!(pairs(&a, &a, &same, &config).is_empty());
        }
        assert_eq!(pairs(&a, &a, &same, &config), [(0, 0)]);
        assert!(pairs(&a, &Features::default(), &same, &config).is_empty());
    }
}
