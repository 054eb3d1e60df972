//! Where was this taken? The places of the images that verifiably show what the query shows, voting by their
//! evidence.
//!
//! Votes are places, so they are not counted but gathered: the place with most evidence within a radius wins, which
//! outvotes replicas, postcards and cameras with a wrong position; within it the weighted geometric median (Weiszfeld
//! 1937, on the sphere's chord distances) is where half of the evidence cannot be moved by the other half.

use std::path::PathBuf;

use serde::Serialize;

use crate::filter::distance;
use crate::{Collection, Error, Query, Remedy, SearchOptions, Verdict};

/// Steps of the iteration for the median; it converges in a few.
const STEPS: usize = 100;
/// Two places closer than this, in radii of the Earth, are one (6 mm).
const ONE: f64 = 1e-9;

/// How a query is located.
#[derive(Debug, Clone)]
pub struct LocateOptions {
    /// Images verified geometrically; `None` takes the recipe's value.
    pub shortlist: Option<usize>,
    /// How far apart, in metres, images of one place may have been taken.
    pub within_m: f64,
}

impl Default for LocateOptions {
    fn default() -> Self {
        Self {
            shortlist: None,
            within_m: 500.0,
        }
    }
}

/// Where a query was taken, as far as the collection knows.
#[derive(Debug, Clone, Serialize)]
pub struct Location {
    /// The place; `None` = unknown.
    pub place: Option<Place>,
    /// The images that voted, best first.
    pub neighbours: Vec<Located>,
    /// Images that verifiably match and have no position.
    pub unplaced: usize,
    /// Whole time in milliseconds.
    pub ms: f64,
}

/// A place that verified images agree on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Place {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Metres around it within which all agreeing images were taken.
    pub radius_m: f64,
    /// The agreeing images' part of the weight of all that voted, 0 to 1.
    pub share: f64,
    /// How many agree.
    pub images: usize,
}

/// An image that voted.
#[derive(Debug, Clone, Serialize)]
pub struct Located {
    /// Identity of the image.
    pub image: i64,
    /// A file that holds it.
    pub path: PathBuf,
    /// Its weight: −log10 of the number of false alarms.
    pub score: f64,
    /// Correspondences that agree.
    pub inliers: usize,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Whether it is one of those that agree on the place.
    pub agrees: bool,
}

impl Collection {
    /// Says where the query was taken: the place that the verified images vote for, each with its score.
    ///
    /// # Errors
    /// As [`Collection::search`]; also when no image of the collection has a position.
    pub fn locate(&self, query: &Query, options: &LocateOptions) -> Result<Location, Error> {
        let positions = self.catalog().positions()?;
        if positions.is_empty() {
            return Err(Error::Lacking {
                what: "no image of the collection has a position".into(),
                remedy: Remedy::GivePositions,
            });
        }
        let search = SearchOptions {
            top: options.shortlist.unwrap_or(self.recipe.search.shortlist),
            shortlist: options.shortlist,
            ..SearchOptions::default()
        };
        let response = self.search(query, &search)?;
        let mut unplaced = 0;
        let mut neighbours = Vec::new();
        for hit in response.hits {
            if hit.verdict != Verdict::Match {
                continue;
            }
            let Some(&[latitude, longitude]) = positions.get(&hit.image) else {
                unplaced += 1;
                continue;
            };
            neighbours.push(Located {
                image: hit.image,
                path: hit.path,
                score: hit.score,
                inliers: hit.agreement.map_or(0, |agreement| agreement.inliers),
                latitude,
                longitude,
                agrees: false,
            });
        }
        Ok(Location {
            place: agree(&mut neighbours, options.within_m),
            neighbours,
            unplaced,
            ms: response.ms,
        })
    }
}

/// Finds the place with most weight around it, and marks those that agree on it.
fn agree(neighbours: &mut [Located], within: f64) -> Option<Place> {
    let place = |located: &Located| [located.latitude, located.longitude];
    let support = |centre: &Located| -> f64 {
        let near = neighbours
            .iter()
            .filter(|n| distance(place(n), place(centre)) <= within);
        near.map(|neighbour| neighbour.score).sum()
    };
    // Neighbours come best first, and the first of equals stays.
    let mut best: Option<(f64, [f64; 2])> = None;
    for centre in neighbours.iter() {
        let weight = support(centre);
        if best.is_none_or(|(most, _)| weight > most) {
            best = Some((weight, place(centre)));
        }
    }
    let (_, centre) = best?;
    for neighbour in neighbours.iter_mut() {
        neighbour.agrees = distance(place(neighbour), centre) <= within;
    }
    let agreeing: Vec<([f64; 2], f64)> = neighbours
        .iter()
        .filter(|n| n.agrees)
        .map(|n| (place(n), n.score))
        .collect();
    let middle = median(&agreeing);
    let total: f64 = neighbours.iter().map(|n| n.score).sum();
    let weight: f64 = agreeing.iter().map(|(_, weight)| weight).sum();
    let far = agreeing.iter().map(|(place, _)| distance(*place, middle));
    Some(Place {
        latitude: middle[0],
        longitude: middle[1],
        radius_m: far.fold(0.0, f64::max),
        share: if total > 0.0 { weight / total } else { 0.0 },
        images: agreeing.len(),
    })
}

/// The weighted geometric median of places in degrees.
fn median(places: &[([f64; 2], f64)]) -> [f64; 2] {
    let points: Vec<([f64; 3], f64)> = places.iter().map(|(p, w)| (on_sphere(*p), *w)).collect();
    let mut middle = mean(points.iter().copied());
    for _ in 0..STEPS {
        let apart = |p: &[f64; 3]| {
            let square: f64 = (0..3).map(|axis| (p[axis] - middle[axis]).powi(2)).sum();
            square.sqrt().max(ONE)
        };
        let next = mean(points.iter().map(|(p, w)| (*p, w / apart(p))));
        let step: f64 = (0..3).map(|axis| (next[axis] - middle[axis]).abs()).sum();
        middle = next;
        if step < ONE {
            break;
        }
    }
    let [x, y, z] = middle;
    [z.atan2(x.hypot(y)).to_degrees(), y.atan2(x).to_degrees()]
}

/// Weighted mean; of weights that are all zero, the plain one.
fn mean(points: impl Iterator<Item = ([f64; 3], f64)>) -> [f64; 3] {
    let mut sum = [0.0; 3];
    let mut total = 0.0;
    for (point, weight) in points {
        let weight = weight.max(f64::MIN_POSITIVE);
        total += weight;
        for axis in 0..3 {
            sum[axis] += weight * point[axis];
        }
    }
    sum.map(|v| v / total)
}

fn on_sphere([north, east]: [f64; 2]) -> [f64; 3] {
    let (north, east) = (north.to_radians(), east.to_radians());
    [
        north.cos() * east.cos(),
        north.cos() * east.sin(),
        north.sin(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voters(votes: &[(f64, f64, f64)]) -> Vec<Located> {
        votes
            .iter()
            .map(|&(latitude, longitude, score)| Located {
                image: 1,
                path: PathBuf::new(),
                score,
                inliers: 0,
                latitude,
                longitude,
                agrees: false,
            })
            .collect()
    }

    #[test]
    fn the_place_with_most_evidence_wins_and_strangers_do_not_move_it() {
        let mut votes = voters(&[
            (36.1, -115.17, 50.0), // a replica in a desert
            (48.8584, 2.2945, 40.0),
            (48.8586, 2.2948, 30.0),
            (48.8583, 2.2944, 20.0),
        ]);
        let place = agree(&mut votes, 500.0).unwrap();
        assert!(
            distance([place.latitude, place.longitude], [48.8584, 2.2945]) < 20.0,
            "{place:?}"
        );
        assert_eq!((place.images, votes[0].agrees), (3, false));
        assert!((place.share - 90.0 / 140.0).abs() < 1e-9);
        assert!(place.radius_m < 50.0);
        assert_eq!(agree(&mut [], 500.0), None);
    }

    #[test]
    fn a_place_on_the_date_line_or_at_a_pole_is_found() {
        let mut votes = voters(&[
            (10.0, 179.9999, 5.0),
            (10.0, -179.9999, 5.0),
            (10.0, 180.0, 5.0),
        ]);
        let place = agree(&mut votes, 500.0).unwrap();
        assert!(
            distance([place.latitude, place.longitude], [10.0, 180.0]) < 1.0,
            "{place:?}"
        );
        let mut votes = voters(&[
            (89.9999, 0.0, 1.0),
            (89.9999, 120.0, 1.0),
            (89.9999, -120.0, 1.0),
        ]);
        let place = agree(&mut votes, 500.0).unwrap();
        assert!(place.latitude > 89.99999, "{place:?}");
    }

    #[test]
    fn the_median_holds_against_a_third() {
        let place = median(&[([0.0, 0.0], 1.0), ([0.0, 0.0], 1.0), ([0.0, 0.01], 1.0)]);
        assert!(distance(place, [0.0, 0.0]) < 1.0, "{place:?}");
    }
}
