//! Reweighted least squares of plane transforms, where some pairs are wrong.

use super::TransformModel;
use super::fit::{Pair, fit_pairs, improve_homography};
use super::minimal::Point;
use super::point_set::PointSet;
use super::transform::Transform;

/// How many thresholds away from the transform a pair may still help the final fit.
const REACH: f64 = 3.0;
/// Standard deviations at which the weight of a pair reaches zero in the final fit.
const CUTOFF: f64 = 6.5;
/// Most steps of the final fit.
const POLISHING: usize = 6;

/// The family, and buffers that are used again from fit to fit.
pub(crate) struct PlaneFit {
    model: TransformModel,
    pairs: Vec<Pair>,
    errors: Vec<f32>,
    spread: Vec<f32>,
}

impl PlaneFit {
    pub(crate) fn new(model: TransformModel, count: usize) -> Self {
        Self {
            model,
            pairs: Vec::with_capacity(count),
            errors: Vec::new(),
            spread: Vec::new(),
        }
    }

    /// One step of weighted least squares on those whose squared error is below `reach`. Weights fall to zero at
    /// `cutoff`, a limit on squared errors in units of a pair's own uncertainty.
    pub(crate) fn refit(
        &mut self,
        set: &PointSet,
        transform: &Transform,
        reach: f64,
        cutoff: f64,
    ) -> Option<Transform> {
        set.columns.errors(transform, &mut self.errors);
        self.refit_measured(set, transform, reach, cutoff)
    }

    /// The same when `errors` are already those of the transform.
    fn refit_measured(
        &mut self,
        set: &PointSet,
        transform: &Transform,
        reach: f64,
        cutoff: f64,
    ) -> Option<Transform> {
        self.pairs.clear();
        for ((point, weight), &error) in set.points.iter().zip(&set.weights).zip(&self.errors) {
            let error = f64::from(error);
            if error >= reach {
                continue;
            }
            let [x, y, u, v] = *point;
            let certainty = self.certainty(set, transform, point);
            let relative = error * certainty / cutoff;
            if relative < 1.0 {
                // Tukey's biweight.
                let weight = weight * certainty * (1.0 - relative).powi(2);
                self.pairs.push(Pair { x, y, u, v, weight });
            }
        }
        self.fit(transform, &self.pairs)
    }

    /// One step of least squares from `transform` on pairs that have their weights.
    pub(crate) fn fit(&self, transform: &Transform, pairs: &[Pair]) -> Option<Transform> {
        if pairs.len() <= self.model.sample_size() {
            return None;
        }
        match self.model {
            TransformModel::Homography => improve_homography(transform, pairs),
            model => fit_pairs(pairs, model),
        }
    }

    /// Inverse variance of a transfer error when both positions are off by the same number of pixels,
    /// 1 where the map keeps the scale. Only a homography's differs from point to point.
    #[inline(always)]
    pub(crate) fn certainty(&self, set: &PointSet, transform: &Transform, point: &Point) -> f64 {
        if self.model != TransformModel::Homography {
            return 1.0;
        }
        let m = &transform.0;
        let [x, y, u, v] = *point;
        let inverse = 1.0 / (m[2][0] * x + m[2][1] * y + m[2][2]);
        let square = (m[0][0] - u * m[2][0]).powi(2)
            + (m[0][1] - u * m[2][1]).powi(2)
            + (m[1][0] - v * m[2][0]).powi(2)
            + (m[1][1] - v * m[2][1]).powi(2);
        2.0 / (1.0 + 0.5 * square * inverse * inverse * set.unequal_scales)
    }

    /// Reweighted least squares until nothing moves. The cut-off follows the spread of the errors, so
    /// that a threshold chosen too tight or too wide does little harm to the accuracy.
    pub(crate) fn polish(&mut self, set: &PointSet, transform: &Transform) -> Transform {
        let mut best = *transform;
        let reach = set.limit * REACH * REACH;
        for _ in 0..POLISHING {
            set.columns.errors(&best, &mut self.errors);
            self.spread.clear();
            for (point, &error) in set.points.iter().zip(&self.errors) {
                if f64::from(error) < reach {
                    let certainty = self.certainty(set, &best, point);
                    self.spread.push(error * certainty as f32);
                }
            }
            if self.spread.is_empty() {
                break;
            }
            let middle = self.spread.len() / 2;
            let (_, median, _) = self.spread.select_nth_unstable_by(middle, f32::total_cmp);
            // The median of a squared error in two dimensions is 2 ln 2 variances.
            let variance = f64::from(*median) / (2.0 * std::f64::consts::LN_2);
            let cutoff = (variance * CUTOFF * CUTOFF).max(set.limit * 1e-4);
            let Some(fitted) = self.refit_measured(set, &best, reach, cutoff) else {
                break;
            };
            let change = |(a, b): (&f64, &f64)| (a - b).abs();
            let (new, old) = (fitted.normalised(), best.normalised());
            let moved: f64 = new
                .0
                .iter()
                .flatten()
                .zip(old.0.iter().flatten())
                .map(change)
                .sum();
            best = fitted;
            if moved < 1e-5 {
                break;
            }
        }
        best
    }
}
