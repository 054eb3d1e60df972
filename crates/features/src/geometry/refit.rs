//! Weighted least squares of any family, from a geometry that is nearly right.

use super::eight_points::eight_points;
use super::fit::Pair;
use super::loss::Loss;
use super::plane_fit::PlaneFit;
use super::sampson;
use super::scorer::Scorer;
use super::two_view::{TwoViewGeometry, TwoViewModel};

/// How many thresholds away from the geometry a pair may still help the final fit.
const REACH: f64 = 3.0;
/// Standard deviations at which the weight of a pair reaches zero in the final fit of epipolar lines.
const CUTOFF: f64 = 5.0;
/// Most steps of the final fit.
const POLISHING: usize = 5;
/// The median of the square of a normally distributed number, in variances.
const MEDIAN_OF_SQUARE: f64 = 0.454_936;

/// Fits, with the buffers they use again.
pub(crate) struct Refitter {
    model: TwoViewModel,
    plane: Option<PlaneFit>,
    pairs: Vec<Pair>,
    spread: Vec<f32>,
}

impl Refitter {
    pub(crate) fn new(model: TwoViewModel, count: usize) -> Self {
        Self {
            model,
            plane: model.plane().map(|plane| PlaneFit::new(plane, count)),
            pairs: Vec::with_capacity(count),
            spread: Vec::new(),
        }
    }

    /// A pair's weight apart from its error: its own, and how certain its error is.
    fn certainty(&self, scorer: &Scorer, geometry: &TwoViewGeometry, at: usize) -> f64 {
        let point = &scorer.set.points[at];
        match (geometry, &self.plane) {
            (TwoViewGeometry::Plane(t), Some(plane)) => plane.certainty(&scorer.set, t, point),
            _ => 1.0,
        }
    }

    /// One step of least squares on the pairs whose squared error is below `reach`, weighted by `loss` with nothing
    /// left at `reach`. `errors` are those of `geometry`; `limited` may leave some pairs out.
    pub(crate) fn refit(
        &mut self,
        scorer: &Scorer,
        geometry: &TwoViewGeometry,
        errors: &[f32],
        (reach, loss): (f64, &Loss),
        mut limited: impl FnMut(&mut Vec<Pair>),
    ) -> Option<TwoViewGeometry> {
        let mut pairs = std::mem::take(&mut self.pairs);
        pairs.clear();
        for (at, &error) in errors.iter().enumerate() {
            let error = f64::from(error);
            if error >= reach {
                continue;
            }
            let certainty = self.certainty(scorer, geometry, at);
            let weight =
                scorer.set.weights[at] * certainty * loss.weight(error * certainty / reach);
            if weight > 0.0 {
                let [x, y, u, v] = scorer.set.points[at];
                pairs.push(Pair { x, y, u, v, weight });
            }
        }
        limited(&mut pairs);
        let fitted = self.fit(geometry, &mut pairs);
        self.pairs = pairs;
        fitted
    }

    /// One step of least squares from `geometry` on pairs that have their weights.
    pub(crate) fn fit(
        &self,
        geometry: &TwoViewGeometry,
        pairs: &mut [Pair],
    ) -> Option<TwoViewGeometry> {
        match (geometry, &self.plane) {
            (TwoViewGeometry::Plane(t), Some(plane)) => {
                plane.fit(t, pairs).map(TwoViewGeometry::Plane)
            }
            (TwoViewGeometry::Epipolar(f), _) => {
                if pairs.len() < self.model.fit_size() {
                    return None;
                }
                // An algebraic error divided by its gradient is Sampson's.
                for p in pairs.iter_mut() {
                    let gradient = f.incidence([p.x, p.y, p.u, p.v]).gradient();
                    p.weight = if gradient > 0.0 {
                        p.weight / gradient
                    } else {
                        0.0
                    };
                }
                eight_points(pairs).map(TwoViewGeometry::Epipolar)
            }
            (TwoViewGeometry::Plane(_), None) => None,
        }
    }

    /// Reweighted least squares until little moves, with a cut-off that follows the spread of the errors.
    pub(crate) fn polish(
        &mut self,
        scorer: &Scorer,
        geometry: &TwoViewGeometry,
        errors: &mut Vec<f32>,
    ) -> TwoViewGeometry {
        if let (TwoViewGeometry::Plane(t), Some(plane)) = (geometry, &mut self.plane) {
            return TwoViewGeometry::Plane(plane.polish(&scorer.set, t));
        }
        let mut best = *geometry;
        let reach = scorer.set.limit * REACH * REACH;
        for _ in 0..POLISHING {
            scorer.errors(&best, errors);
            self.spread.clear();
            let near = errors.iter().filter(|&&e| f64::from(e) < reach);
            self.spread.extend(near);
            if self.spread.len() < self.model.fit_size() {
                break;
            }
            let middle = self.spread.len() / 2;
            let (_, median, _) = self.spread.select_nth_unstable_by(middle, f32::total_cmp);
            let variance = f64::from(*median) / MEDIAN_OF_SQUARE;
            let cutoff = (variance * CUTOFF * CUTOFF).clamp(scorer.set.limit * 1e-4, reach);
            let Some(next) = self.polished_lines(scorer, &best, errors, cutoff) else {
                break;
            };
            let moved: f64 = (next.matrix().iter().flatten())
                .zip(best.matrix().iter().flatten())
                .map(|(a, b)| (a - b).abs())
                .sum();
            best = next;
            if moved < 1e-5 {
                break;
            }
        }
        best
    }

    fn polished_lines(
        &mut self,
        scorer: &Scorer,
        geometry: &TwoViewGeometry,
        errors: &[f32],
        cutoff: f64,
    ) -> Option<TwoViewGeometry> {
        let f = geometry.fundamental()?.normalised()?;
        self.pairs.clear();
        for (at, &error) in errors.iter().enumerate() {
            let relative = f64::from(error) / cutoff;
            if relative < 1.0 {
                let [x, y, u, v] = scorer.set.points[at];
                let weight = scorer.set.weights[at] * (1.0 - relative).powi(2);
                self.pairs.push(Pair { x, y, u, v, weight });
            }
        }
        (self.pairs.len() >= self.model.fit_size())
            .then(|| TwoViewGeometry::Epipolar(sampson::refine(&f, &self.pairs, 5)))
    }
}
