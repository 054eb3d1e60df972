//! Voting for poses (Lowe 2004, sections 7.3 and 7.4).
//!
//! The frames of every correspondence propose a similarity: where the first image's centre goes, its scale, its turn. Each votes for the
//! two nearest bins of all four, sixteen in all, so that nothing is lost at their borders; bins are as wide as similarities
//! of single features are wrong, 30° and a factor of two, and a quarter of the image's size as that scale shows it. The fullest bins are fitted, outliers
//! taken out, whoever else agrees added, and the a-contrario bound says whether it means anything. A few matches in a thousand are
//! enough, which no random sampling finds.

use serde::{Deserialize, Serialize};

use super::a_contrario::{bound, is_size};
use super::affine_matches;
use super::fit::{Pair, fit_pairs};
use super::transform::Transform;
use super::two_view::{TwoViewGeometry, TwoViewModel};
use super::{Correspondence, TransformModel};

/// Turns of a full circle that are told apart.
const TURNS: i32 = 12;

/// How [`hough_poses`] votes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HoughConfig {
    /// Width of a bin of location, as a share of the larger side of the first image as the second shows it.
    pub location_bin: f64,
    /// Fewest votes of a bin that is looked at, ≥ 3.
    pub min_votes: usize,
    /// Most bins that are looked at.
    pub candidates: usize,
    /// Highest log10 of the number of false alarms of a pose that is kept.
    pub max_log10_nfa: f64,
}

impl Default for HoughConfig {
    fn default() -> Self {
        Self {
            location_bin: 0.25,
            min_votes: 3,
            candidates: 200,
            max_log10_nfa: -1.0,
        }
    }
}

/// A pose that several correspondences agree on.
#[derive(Debug, Clone, PartialEq)]
pub struct HoughPose {
    /// An affine map of the first image onto the second.
    pub transform: Transform,
    /// Positions in the input of those that agree, ascending.
    pub inliers: Vec<u32>,
    /// Votes of the bin that it was found in.
    pub votes: usize,
    /// Decimal logarithm of how often chance would give as much.
    pub log10_nfa: f64,
}

/// What one correspondence proposes.
#[derive(Debug, Clone, Copy)]
struct Proposal {
    /// Binary logarithm of the scale.
    octave: f64,
    turn: f64,
    centre: (f64, f64),
}

type Bin = [i32; 4];

/// The poses that the bins of most votes give, the surest first, no correspondence in two of them.
///
/// Sizes are (width, height) in pixels. Correspondences that are not finite or have no scale do not vote. Empty when
/// sizes or configuration cannot be used.
#[must_use]
pub fn hough_poses(
    correspondences: &[Correspondence],
    from_size: (f64, f64),
    to_size: (f64, f64),
    config: &HoughConfig,
) -> Vec<HoughPose> {
    let usable = config.location_bin > 1e-3 && config.location_bin.is_finite();
    let few = correspondences.len() < u32::MAX as usize / 16;
    if !usable || !few || !is_size(from_size) || !is_size(to_size) {
        return Vec::new();
    }
    let vote = Vote {
        correspondences,
        proposals: (correspondences.iter())
            .map(|c| proposal(c, from_size))
            .collect(),
        side: from_size.0.max(from_size.1),
        config,
    };
    let mut poses: Vec<HoughPose> = Vec::new();
    let mut taken = vec![false; correspondences.len()];
    for members in vote.full_bins() {
        let votes = members.len();
        let free: Vec<u32> = (members.into_iter())
            .filter(|&i| !taken[i as usize])
            .collect();
        let Some((transform, inliers)) = vote.settled(free, &taken) else {
            continue;
        };
        let geometry = TwoViewGeometry::Plane(transform);
        let family = (TwoViewModel::Affine, &geometry);
        let tried = correspondences.len();
        let log10_nfa = bound(
            correspondences,
            &inliers,
            tried,
            family,
            (from_size, to_size),
        );
        if log10_nfa.is_nan() || log10_nfa > config.max_log10_nfa {
            continue;
        }
        for &i in &inliers {
            taken[i as usize] = true;
        }
        poses.push(HoughPose {
            transform,
            inliers,
            votes,
            log10_nfa,
        });
    }
    poses.sort_by(|a, b| a.log10_nfa.total_cmp(&b.log10_nfa));
    poses
}

fn proposal(c: &Correspondence, (width, height): (f64, f64)) -> Option<Proposal> {
    if !c.has_valid_positions() || !c.from.is_valid() || !c.to.is_valid() {
        return None;
    }
    let t = affine_matches::similarity(&c.affine_match())?;
    let [[a, _, _], [b, _, _], _] = t.0;
    let proposal = Proposal {
        octave: a.hypot(b).log2(),
        turn: b.atan2(a),
        centre: t.apply(0.5 * (width - 1.0), 0.5 * (height - 1.0))?,
    };
    proposal.octave.is_finite().then_some(proposal)
}

/// The two bins of width 1 whose centres are nearest to a number.
fn two_nearest(value: f64) -> [i32; 2] {
    let low = (value - 0.5).floor() as i32;
    [low, low.saturating_add(1)]
}

struct Vote<'a> {
    correspondences: &'a [Correspondence],
    proposals: Vec<Option<Proposal>>,
    side: f64,
    config: &'a HoughConfig,
}

impl Vote<'_> {
    /// Width of a bin of location where the scale is 2^`octave`.
    fn width(&self, octave: f64) -> f64 {
        self.config.location_bin * self.side * octave.exp2()
    }

    fn bins(&self, p: &Proposal) -> impl Iterator<Item = Bin> {
        let turns = two_nearest(p.turn / std::f64::consts::TAU * f64::from(TURNS));
        let octaves = two_nearest(p.octave).map(|octave| {
            let width = self.width(f64::from(octave) + 0.5);
            let places = [
                two_nearest(p.centre.0 / width),
                two_nearest(p.centre.1 / width),
            ];
            (octave, places)
        });
        octaves.into_iter().flat_map(move |(octave, [xs, ys])| {
            turns.into_iter().flat_map(move |turn| {
                let turn = turn.rem_euclid(TURNS);
                let rows = move |x| ys.into_iter().map(move |y| [octave, turn, x, y]);
                xs.into_iter().flat_map(rows)
            })
        })
    }

    /// Who voted for each bin of enough votes, the fullest first.
    fn full_bins(&self) -> Vec<Vec<u32>> {
        let mut votes: Vec<(Bin, u32)> = (self.proposals.iter().zip(0..))
            .filter_map(|(p, i)| p.as_ref().map(|p| (p, i)))
            .flat_map(|(p, i)| self.bins(p).map(move |bin| (bin, i)))
            .collect();
        votes.sort_unstable();
        let least = self.config.min_votes.max(3);
        let mut bins: Vec<&[(Bin, u32)]> = (votes.chunk_by(|a, b| a.0 == b.0))
            .filter(|bin| bin.len() >= least)
            .collect();
        bins.sort_by(|a, b| b.len().cmp(&a.len()).then(a[0].0.cmp(&b[0].0)));
        bins.truncate(self.config.candidates);
        (bins.into_iter())
            .map(|bin| bin.iter().map(|vote| vote.1).collect())
            .collect()
    }

    /// Whether a correspondence agrees with a map within half the widths of the bins.
    fn agrees(&self, t: &Transform, i: usize) -> bool {
        let (Some(p), c) = (&self.proposals[i], &self.correspondences[i]) else {
            return false;
        };
        let (Some(scale), Some(turn)) = (
            t.scale_at(c.from.x, c.from.y),
            t.rotation_at(c.from.x, c.from.y),
        ) else {
            return false;
        };
        let gap = (p.turn - turn).abs();
        let gap = gap.min((gap - std::f64::consts::TAU).abs());
        let error = TwoViewGeometry::Plane(*t)
            .squared_error((c.from.x, c.from.y), (c.to.x, c.to.y))
            .sqrt();
        error < 0.5 * self.width(scale.log2())
            && gap < std::f64::consts::PI / f64::from(TURNS)
            && (p.octave - scale.log2()).abs() < 0.5
    }

    /// Fits the members, takes out who does not agree until all do, then adds whoever else agrees.
    fn settled(&self, mut members: Vec<u32>, taken: &[bool]) -> Option<(Transform, Vec<u32>)> {
        let mut transform;
        loop {
            if members.len() < 3 {
                return None;
            }
            transform = self.fitted(&members)?;
            let before = members.len();
            members.retain(|&i| self.agrees(&transform, i as usize));
            if members.len() == before {
                break;
            }
        }
        let everybody = (0..self.proposals.len() as u32).filter(|&i| !taken[i as usize]);
        let all: Vec<u32> = everybody
            .filter(|&i| self.agrees(&transform, i as usize))
            .collect();
        let Some(wider) = self.fitted(&all) else {
            return Some((transform, members));
        };
        let inliers: Vec<u32> = (all.iter().copied())
            .filter(|&i| self.agrees(&wider, i as usize))
            .collect();
        if inliers.len() >= members.len() {
            Some((wider, inliers))
        } else {
            members.sort_unstable();
            Some((transform, members))
        }
    }

    /// The affine map of least squares, of fewer than four or where they are collinear the similarity.
    fn fitted(&self, members: &[u32]) -> Option<Transform> {
        let pairs: Vec<Pair> = (members.iter())
            .map(|&i| Pair::of(&self.correspondences[i as usize]))
            .collect();
        let affine = (pairs.len() > 3)
            .then(|| fit_pairs(&pairs, TransformModel::Affine))
            .flatten();
        affine.or_else(|| fit_pairs(&pairs, TransformModel::Similarity))
    }
}
