//! Weak geometric consistency: the votes for an image must agree on one turn and one change of size (Jégou, Douze & Schmid,
//! "Hamming embedding and weak geometric consistency for large scale image search", ECCV 2008).
//!
//! A vote of a query feature for a posting also says by how much the picture would have been turned and enlarged. For every image
//! two histograms collect the votes by the one and by the other; the score is the smaller of the two peaks, so that votes which
//! contradict each other count no longer. Keeping the histograms apart costs 64 numbers an image in place of 1024 and comes to
//! the same, as the paper shows.
//!
//! Against borders of bins the paper smooths each histogram by a moving average. Here it is a moving sum of three bins: an image
//! whose votes all agree keeps the score that it has without geometry. The paper weights the bins by how often photographs of
//! one thing are turned and enlarged so, and gives the learned weights as a figure only; [`RotationPrior`] and [`ScalePrior`] have
//! its peaks in a closed form. Checked against a float64 computation, `tests/reference/weak_geometry.py`.

use serde::{Deserialize, Serialize};
use vizsla_vectors::Allowed;

use crate::best::best_images;
use crate::scoring::{QueryWord, Scored, ScoringConfig};
use crate::segment::{Contents, List, Segment};
use crate::votes::{Tally, Votes, cast_all};
use crate::{Error, Pose};

/// Bins of a turn.
const ANGLES: usize = 32;
/// Bins of the change of size, each a quarter of an octave; the middle one is no change.
const SCALES: usize = 32;
/// Steps of a [`Pose`] in a bin.
const ANGLE_STEPS: u8 = (256 / ANGLES) as u8;
const SCALE_STEPS: i16 = 4;
/// Weight of what a prior does not expect.
const UNEXPECTED: f64 = 0.5;
/// Standard deviation of a turn around an expected one, in bins: 15°.
const TURN: f64 = 15.0 / 360.0 * ANGLES as f64;
/// Standard deviation of the change of size around none, in bins: one octave.
const ZOOM: f64 = 4.0;

/// Turns of a picture that are likelier than others. Bin *b* weighs ½ + ½ exp(−*d*²/2σ²), with *d* the distance to the nearest
/// expected turn and σ = 15°.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RotationPrior {
    /// All turns are alike.
    #[default]
    Any,
    /// Cameras are held upright.
    Upright,
    /// Cameras are held upright or on a side, or pictures were turned by quarters.
    Quarters,
}

/// Changes of size that are likelier than others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScalePrior {
    /// All are alike.
    #[default]
    Any,
    /// As large as in the query: bins weigh ½ + ½ exp(−*d*²/2σ²), with σ of one octave.
    Same,
}

/// What is expected of the geometry of matches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WeakGeometry {
    /// Likelier turns.
    pub rotation: RotationPrior,
    /// Likelier changes of size.
    pub scale: ScalePrior,
}

vizsla_features::named_choice!(
    RotationPrior,
    "expected rotation",
    Any => "any",
    Upright => "upright",
    Quarters => "quarters",
);

vizsla_features::named_choice!(
    ScalePrior,
    "expected scale",
    Any => "any",
    Same => "same",
);

/// The bins of a vote; `None` where the query feature has no pose.
type Bins = Option<(u8, u8)>;

/// Votes for the images of a segment, one after the other.
struct Consistent<'a> {
    poses: &'a [Pose],
    votes: Vec<(u32, f32, Bins)>,
}

impl Tally for Consistent<'_> {
    type Mark = Bins;
    const APART: bool = true;

    fn mark(&self, feature: u32, list: &List, posting: usize) -> Bins {
        let query = self.poses.get(feature as usize)?;
        Some(bins(*query, list.pose(posting)?))
    }

    fn add(&mut self, image: u32, worth: f32, mark: Bins) {
        self.votes.push((image, worth, mark));
    }
}

/// By how much a posting is turned and enlarged against a query feature.
fn bins(query: Pose, posting: Pose) -> (u8, u8) {
    let turn = posting.angle.wrapping_sub(query.angle);
    let angle = turn.wrapping_add(ANGLE_STEPS / 2) / ANGLE_STEPS;
    let zoom = i16::from(posting.scale) - i16::from(query.scale) + SCALE_STEPS / 2;
    let middle = SCALES as i16 / 2;
    let scale = (zoom.div_euclid(SCALE_STEPS) + middle).clamp(0, SCALES as i16 - 1);
    (angle, scale as u8)
}

/// As [`search`](crate::search()), where the votes for an image must agree on one turn and one change of size. `poses` are those
/// of the query features by their number; votes of features beyond it agree with every geometry.
///
/// # Errors
/// As [`search`](crate::search()); [`Error::OtherContents`] when a segment has no poses.
pub fn search_consistent(
    segments: &[&Segment],
    query: &[QueryWord],
    poses: &[Pose],
    config: &ScoringConfig,
    geometry: &WeakGeometry,
    allowed: &Allowed<'_>,
    top: usize,
) -> Result<Vec<Scored>, Error> {
    segments
        .iter()
        .try_for_each(|segment| segment.expect(Contents::Posed))?;
    let tally = || Consistent {
        poses,
        votes: Vec::new(),
    };
    let mut votes: Vec<Votes<'_, Consistent<'_>>> = segments
        .iter()
        .map(|&segment| Votes {
            segment,
            tally: tally(),
        })
        .collect();
    cast_all(&mut votes, query, config)?;
    let priors = Priors::new(geometry);
    let scores: Vec<(&Segment, Vec<f32>)> = votes
        .into_iter()
        .map(|votes| {
            let images = votes.segment.image_count() as usize;
            (votes.segment, priors.scores(votes.tally.votes, images))
        })
        .collect();
    let scores = scores
        .iter()
        .map(|(segment, scores)| (*segment, &scores[..]));
    let best = best_images(scores, config, allowed, top);
    segments
        .iter()
        .try_for_each(|segment| segment.check_whole())?;
    Ok(best)
}

/// Weights of the bins.
struct Priors {
    angles: [f32; ANGLES],
    scales: [f32; SCALES],
}

impl Priors {
    fn new(geometry: &WeakGeometry) -> Self {
        let weight = |distance: f64, deviation: f64| {
            let bell = (-0.5 * (distance / deviation).powi(2)).exp();
            (UNEXPECTED + (1.0 - UNEXPECTED) * bell) as f32
        };
        // Bins between two turns that are expected.
        let apart = match geometry.rotation {
            RotationPrior::Any => 1,
            RotationPrior::Upright => ANGLES,
            RotationPrior::Quarters => ANGLES / 4,
        };
        let angles = std::array::from_fn(|bin| {
            let beyond = bin % apart;
            weight(
                beyond.min(apart - beyond) as f64 * f64::from(apart > 1),
                TURN,
            )
        });
        let scales = std::array::from_fn(|bin| match geometry.scale {
            ScalePrior::Any => 1.0,
            ScalePrior::Same => weight(bin as f64 - (SCALES / 2) as f64, ZOOM),
        });
        Self { angles, scales }
    }

    /// Scores of all images of a segment.
    fn scores(&self, mut votes: Vec<(u32, f32, Bins)>, images: usize) -> Vec<f32> {
        let mut scores = vec![0.0; images];
        // Stable: those of an image stay in the order of features, and sums of floats depend on it.
        votes.sort_by_key(|&(image, ..)| image);
        for votes in votes.chunk_by(|a, b| a.0 == b.0) {
            let Some(score) = votes.first().and_then(|v| scores.get_mut(v.0 as usize)) else {
                continue;
            };
            *score = self.score(votes);
        }
        scores
    }

    fn score(&self, votes: &[(u32, f32, Bins)]) -> f32 {
        let (mut angles, mut scales) = ([0f32; ANGLES], [0f32; SCALES]);
        let mut anywhere = 0f32;
        for &(_, worth, bins) in votes {
            match bins {
                Some((angle, scale)) => {
                    angles[usize::from(angle) % ANGLES] += worth;
                    scales[usize::from(scale) % SCALES] += worth;
                }
                None => anywhere += worth,
            }
        }
        let turned = |bin: usize, by: usize| angles[(bin + ANGLES + by - 1) % ANGLES];
        let angle = (0..ANGLES).map(|bin| {
            let sum: f32 = (0..3).map(|by| turned(bin, by)).sum();
            self.angles[bin] * sum
        });
        let zoomed =
            |bin: usize, by: usize| (bin + by).checked_sub(1).and_then(|at| scales.get(at));
        let scale = (0..SCALES).map(|bin| {
            let sum: f32 = (0..3).filter_map(|by| zoomed(bin, by)).sum();
            self.scales[bin] * sum
        });
        anywhere + angle.fold(0f32, f32::max).min(scale.fold(0f32, f32::max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_centred_on_no_change() {
        let at = |angle, scale| Pose { angle, scale };
        assert_eq!(bins(at(10, 40), at(10, 40)), (0, 16));
        assert_eq!(bins(at(10, 40), at(13, 41)), (0, 16));
        assert_eq!(bins(at(10, 40), at(6, 38)), (0, 16));
        assert_eq!(bins(at(10, 40), at(5, 37)), (31, 15));
        assert_eq!(bins(at(250, 40), at(58, 56)), (8, 20));
        assert_eq!(bins(at(0, 0), at(128, 255)), (16, 31));
        assert_eq!(bins(at(0, 255), at(0, 0)), (0, 0));
    }

    #[test]
    fn priors_peak_where_they_are_said_to() {
        let priors = |rotation, scale| Priors::new(&WeakGeometry { rotation, scale });
        let any = priors(RotationPrior::Any, ScalePrior::Any);
        assert!(any.angles.iter().chain(&any.scales).all(|&w| w == 1.0));
        let quarters = priors(RotationPrior::Quarters, ScalePrior::Same);
        let peaks = |weights: &[f32]| {
            let full = weights.iter().enumerate().filter(|(_, w)| **w == 1.0);
            full.map(|(bin, _)| bin).collect::<Vec<_>>()
        };
        assert_eq!(peaks(&quarters.angles), [0, 8, 16, 24]);
        assert_eq!(peaks(&quarters.scales), [16]);
        assert_eq!(quarters.angles[1], quarters.angles[31]);
        let upright = priors(RotationPrior::Upright, ScalePrior::Any);
        assert_eq!(peaks(&upright.angles), [0]);
        assert!(upright.angles.iter().all(|w| (0.5..=1.0).contains(w)));
    }

    #[test]
    fn names_come_back() {
        for prior in RotationPrior::ALL {
            assert_eq!(prior.to_string().parse::<RotationPrior>().unwrap(), prior);
        }
        for prior in ScalePrior::ALL {
            assert_eq!(prior.to_string().parse::<ScalePrior>().unwrap(), prior);
        }
        let unknown = "sideways".parse::<RotationPrior>().unwrap_err().to_string();
        assert!(unknown.contains("quarters"), "{unknown}");
    }
}
