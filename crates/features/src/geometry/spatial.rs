//! Fast spatial matching: every correspondence is a hypothesis.
//!
//! The two frames of one correspondence propose a whole map, so all hypotheses there are can be tried in order, with nothing
//! random, and the best ones optimised on their inliers (Philbin, Chum, Isard, Sivic and Zisserman, CVPR 2007; for features without a
//! direction Perďoch, Chum and Matas, CVPR 2009). [`verify`](crate::verify) is the whole verdict for a search, with clusters,
//! places and plausibility by frames; this is the method of the paper, for any of its families of hypotheses.

use serde::{Deserialize, Serialize};

use super::a_contrario::{bound, is_size};
use super::affine_matches::{self, AffineMatch, through};
use super::consensus::{BLOCK, Columns, Residual};
use super::fit::Normalisation;
use super::plane_fit::PlaneFit;
use super::point_set::PointSet;
use super::ransac::Consensus;
use super::transform::{Plausibility, Transform};
use super::two_view::{TwoViewGeometry, TwoViewModel};
use super::{Correspondence, Frame, TransformModel};

/// What one correspondence proposes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpatialHypothesis {
    /// Shift and uniform scale: 3 degrees of freedom, for upright pictures.
    Scale,
    /// Shift and a scale for each axis: 4.
    Anisotropic,
    /// Any map that keeps the vertical vertical, from the two ellipses: 5.
    Upright,
    /// Shift, scale and turn.
    Similarity,
    /// The map from one ellipse to the other with its turn: 6.
    #[default]
    Affine,
}

crate::named_choice!(
    SpatialHypothesis,
    "spatial hypothesis",
    Scale => "scale",
    Anisotropic => "anisotropic",
    Upright => "upright",
    Similarity => "similarity",
    Affine => "affine",
);

/// How [`spatial_match`] searches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpatialConfig {
    /// What one correspondence proposes.
    pub hypothesis: SpatialHypothesis,
    /// The family that the best hypotheses are optimised in.
    pub model: TransformModel,
    /// Largest distance of an inlier in the second image, pixels; scaled by the ratio of the diagonals it holds in the
    /// first image too.
    pub threshold: f64,
    /// Most hypotheses that are scored, those of the largest weights first.
    pub max_hypotheses: usize,
    /// Most hypotheses that are optimised.
    pub candidates: usize,
    /// What the transform may do to the region its inliers cover.
    pub plausibility: Plausibility,
}

impl Default for SpatialConfig {
    fn default() -> Self {
        Self {
            hypothesis: SpatialHypothesis::Affine,
            model: TransformModel::Homography,
            threshold: 8.0,
            max_hypotheses: 10_000,
            candidates: 10,
            plausibility: Plausibility::default(),
        }
    }
}

/// Squared tolerances of the optimisation, as multiples of the squared threshold.
const NARROWING: [f64; 4] = [4.0, 2.0, 1.0, 1.0];

/// The plane transform that most correspondences agree on, of the hypotheses that single ones propose.
///
/// Sizes are (width, height) in pixels. `iterations` of the answer is the number of hypotheses scored. Correspondences
/// that are not finite or have no scale propose nothing and are never inliers. `None` when sizes or configuration
/// cannot be used, or when no more agree than fix a transform of the family.
#[must_use]
pub fn spatial_match(
    correspondences: &[Correspondence],
    from_size: (f64, f64),
    to_size: (f64, f64),
    config: &SpatialConfig,
) -> Option<Consensus> {
    let usable = config.threshold > 0.0 && config.threshold.is_finite();
    if !usable || !is_size(from_size) || !is_size(to_size) {
        return None;
    }
    let relative = from_size.0.hypot(from_size.1) / to_size.0.hypot(to_size.1);
    let mut search = Search::new(correspondences, config, relative)?;
    let ranked = search.ranked(correspondences);
    let mut best: Option<(Transform, f32)> = None;
    for (hypothesis, cost) in ranked.iter().take(config.candidates.max(1)) {
        let optimised = search.optimise(hypothesis, *cost);
        if let Some(found) = optimised.filter(|o| best.is_none_or(|b| o.1 < b.1)) {
            best = Some(found);
        }
    }
    let (transform, cost) = best?;
    let transform = Normalisation::undo(&search.from, &search.to, &transform)?;
    let inliers = search.inliers(correspondences, &transform, relative);
    if inliers.len() <= config.model.sample_size() {
        return None;
    }
    let geometry = TwoViewGeometry::Plane(transform);
    let family = (TwoViewModel::from(config.model), &geometry);
    let tried = correspondences.len();
    Some(Consensus {
        log10_nfa: bound(
            correspondences,
            &inliers,
            tried,
            family,
            (from_size, to_size),
        ),
        geometry,
        score: f64::from(search.index.len() as f32 - cost),
        inliers,
        iterations: search.scored,
    })
}

struct Search<'a> {
    config: &'a SpatialConfig,
    index: Vec<u32>,
    set: PointSet,
    /// The same pairs the other way round.
    reversed: Columns,
    /// Squared threshold in the first image, normalised.
    reversed_limit: f64,
    from: Normalisation,
    to: Normalisation,
    affine: PlaneFit,
    last: PlaneFit,
    scored: usize,
}

impl<'a> Search<'a> {
    fn new(
        correspondences: &[Correspondence],
        config: &'a SpatialConfig,
        relative: f64,
    ) -> Option<Self> {
        if correspondences.len() > u32::MAX as usize {
            return None;
        }
        let usable =
            |c: &Correspondence| c.has_valid_positions() && c.from.is_valid() && c.to.is_valid();
        let index: Vec<u32> = (correspondences.iter().zip(0..))
            .filter(|(c, _)| usable(c))
            .map(|(_, i)| i)
            .collect();
        let chosen = || index.iter().map(|&i| &correspondences[i as usize]);
        if index.len() <= config.model.sample_size() {
            return None;
        }
        let from = Normalisation::of(chosen().map(|c| (c.from.x, c.from.y)))?;
        let to = Normalisation::of(chosen().map(|c| (c.to.x, c.to.y)))?;
        let points: Vec<[f64; 4]> = chosen()
            .map(|c| c.affine_match().normalised(&from, &to).point)
            .collect();
        let turned: Vec<[f64; 4]> = points.iter().map(|&[x, y, u, v]| [u, v, x, y]).collect();
        Some(Self {
            config,
            set: PointSet {
                weights: chosen().map(|c| c.weight).collect(),
                columns: Columns::new(&points),
                limit: (config.threshold * to.scale).powi(2),
                unequal_scales: (from.scale / to.scale).powi(2),
                points,
            },
            reversed: Columns::new(&turned),
            reversed_limit: (config.threshold * relative * from.scale).powi(2),
            from,
            to,
            affine: PlaneFit::new(config.model.min(TransformModel::Affine), index.len()),
            last: PlaneFit::new(config.model, index.len()),
            index,
            scored: 0,
        })
    }

    /// The hypotheses that were scored, the cheapest first.
    fn ranked(&mut self, correspondences: &[Correspondence]) -> Vec<(Transform, f32)> {
        let mut order: Vec<u32> = self.index.clone();
        let weight = |i: u32| correspondences[i as usize].weight;
        order.sort_by(|&a, &b| weight(b).total_cmp(&weight(a)).then(a.cmp(&b)));
        order.truncate(self.config.max_hypotheses);
        let mut ranked: Vec<(Transform, f32)> = (order.iter())
            .filter_map(|&i| {
                let c = &correspondences[i as usize];
                let hypothesis = proposed(c, self.config.hypothesis, &self.from, &self.to)?;
                Some((hypothesis, self.cost(&hypothesis)?))
            })
            .collect();
        self.scored = ranked.len();
        // The sort is stable: of equals the one of larger weight is first.
        ranked.sort_by(|a, b| a.1.total_cmp(&b.1));
        ranked
    }

    /// The truncated squared error, the larger of both directions; `None` where there is no inverse.
    fn cost(&self, transform: &Transform) -> Option<f32> {
        let single = |t: &Transform| Residual::Transfer(t.0.map(|row| row.map(|v| v as f32)));
        let (forward, backward) = (single(transform), single(&transform.inverse()?));
        let to_inverse = (1.0 / self.set.limit) as f32;
        let from_inverse = (1.0 / self.reversed_limit) as f32;
        let (mut to, mut from) = ([0f32; BLOCK], [0f32; BLOCK]);
        let blocks = self.set.columns.blocks();
        let mut cost = self.index.len() as f32 - (blocks * BLOCK) as f32;
        for block in 0..blocks {
            self.set.columns.block_errors(&forward, block, &mut to);
            self.reversed.block_errors(&backward, block, &mut from);
            let relative = to.iter().zip(&from).map(|(a, b)| {
                let larger = (a * to_inverse).max(b * from_inverse);
                if larger < 1.0 { larger } else { 1.0 }
            });
            cost += relative.sum::<f32>();
        }
        cost.is_finite().then_some(cost)
    }

    /// The best of a hypothesis and what least squares make of it; `None` when that is no view of a plane.
    fn optimise(&mut self, hypothesis: &Transform, cost: f32) -> Option<(Transform, f32)> {
        let mut best = (*hypothesis, cost);
        let mut current = *hypothesis;
        for (step, widening) in NARROWING.iter().chain(&[1.0, 1.0]).enumerate() {
            let reach = self.set.limit * widening;
            let fit = if step < NARROWING.len() {
                &mut self.affine
            } else {
                &mut self.last
            };
            let Some(fitted) = fit.refit(&self.set, &current, reach, reach) else {
                break;
            };
            current = fitted;
            if let Some(cost) = self.cost(&fitted).filter(|&cost| cost < best.1) {
                best = (fitted, cost);
            }
        }
        self.is_plausible(&best.0).then_some(best)
    }

    /// Whether the box around the inliers stays one of the same thing.
    fn is_plausible(&self, transform: &Transform) -> bool {
        let mut low = (f64::INFINITY, f64::INFINITY);
        let mut high = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        let agreeing = (self.set.points.iter()).filter(|&&[x, y, u, v]| {
            TwoViewGeometry::Plane(*transform).squared_error((x, y), (u, v)) < self.set.limit
        });
        for &[x, y, _, _] in agreeing {
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x), high.1.max(y));
        }
        let least = self.from.scale;
        let (width, height) = ((high.0 - low.0).max(least), (high.1 - low.1).max(least));
        let zoom = self.from.scale / self.to.scale;
        // Scales are judged in pixels.
        let pixels = Transform(std::array::from_fn(|r| {
            transform.0[r].map(|v| if r < 2 { v * zoom } else { v })
        }));
        let limits = &self.config.plausibility;
        low.0.is_finite() && pixels.is_plausible(low.0, low.1, width, height, limits)
    }

    fn inliers(
        &self,
        correspondences: &[Correspondence],
        transform: &Transform,
        relative: f64,
    ) -> Vec<u32> {
        let Some(inverse) = transform.inverse() else {
            return Vec::new();
        };
        let (forward, backward) = (
            TwoViewGeometry::Plane(*transform),
            TwoViewGeometry::Plane(inverse),
        );
        let limit = self.config.threshold.powi(2);
        let agrees = |c: &Correspondence| {
            let (p, q) = ((c.from.x, c.from.y), (c.to.x, c.to.y));
            forward.squared_error(p, q) < limit
                && backward.squared_error(q, p) < limit * relative * relative
        };
        (self.index.iter().copied())
            .filter(|&i| agrees(&correspondences[i as usize]))
            .collect()
    }
}

/// The covariance of the ellipse: xx, xy, yy.
fn ellipse(frame: &Frame) -> [f64; 3] {
    let [[a, b], [_, d]] = frame.shape.matrix();
    let size = frame.scale * frame.scale;
    [
        (a * a + b * b) * size,
        b * (a + d) * size,
        (b * b + d * d) * size,
    ]
}

/// The map that one correspondence proposes, between normalised coordinates.
fn proposed(
    c: &Correspondence,
    hypothesis: SpatialHypothesis,
    from: &Normalisation,
    to: &Normalisation,
) -> Option<Transform> {
    let own = c.affine_match();
    let ([xx, xy, yy], [uu, uv, vv]) = (ellipse(&c.from), ellipse(&c.to));
    let local = match hypothesis {
        SpatialHypothesis::Scale => {
            let scale = c.to.scale / c.from.scale;
            [[scale, 0.0], [0.0, scale]]
        }
        SpatialHypothesis::Anisotropic => [[(uu / xx).sqrt(), 0.0], [0.0, (vv / yy).sqrt()]],
        SpatialHypothesis::Upright => {
            // Cholesky factors map the vertical to itself: A = L' L⁻¹.
            let lower = |xx: f64, xy: f64, yy: f64| {
                let a = xx.sqrt();
                let b = xy / a;
                (a, b, (yy - b * b).sqrt())
            };
            let ((a, b, d), (p, q, s)) = (lower(xx, xy, yy), lower(uu, uv, vv));
            [[p / a, 0.0], [(q - s * b / d) / a, s / d]]
        }
        SpatialHypothesis::Similarity | SpatialHypothesis::Affine => own.local,
    };
    let matched = AffineMatch { local, ..own }.normalised(from, to);
    match hypothesis {
        SpatialHypothesis::Similarity => affine_matches::similarity(&matched),
        _ => through(matched.point, matched.local),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Shape;

    #[test]
    fn hypotheses_keep_what_they_should() {
        let frame = |scale: f64, u: f32, v: f32| Frame {
            x: 10.0,
            y: 20.0,
            scale,
            angle: 0.3,
            shape: Shape { u, v },
        };
        let c = Correspondence {
            from: frame(2.0, 0.2, -0.1),
            to: frame(3.0, -0.3, 0.4),
            weight: 1.0,
        };
        let same = Normalisation {
            shift: (0.0, 0.0),
            scale: 1.0,
        };
        for hypothesis in SpatialHypothesis::ALL {
            let t = proposed(&c, hypothesis, &same, &same).unwrap();
            let (u, v) = t.apply(10.0, 20.0).unwrap();
            assert!((u - 10.0).abs() < 1e-9 && (v - 20.0).abs() < 1e-9);
            let [[a, b, _], [e, d, _], _] = t.0;
            if matches!(
                hypothesis,
                SpatialHypothesis::Upright | SpatialHypothesis::Affine
            ) {
                // The first ellipse becomes the second.
                let [xx, xy, yy] = ellipse(&c.from);
                let [uu, uv, vv] = ellipse(&c.to);
                assert!((a * a * xx + 2.0 * a * b * xy + b * b * yy - uu).abs() < 1e-9);
                assert!((a * e * xx + (a * d + b * e) * xy + b * d * yy - uv).abs() < 1e-9);
                assert!((e * e * xx + 2.0 * e * d * xy + d * d * yy - vv).abs() < 1e-9);
            }
            if hypothesis == SpatialHypothesis::Upright {
                assert_eq!(b, 0.0);
            }
            assert_eq!(hypothesis.to_string().parse(), Ok(hypothesis));
        }
    }
}
