//! Robust estimation from correspondences with outliers.
//!
//! RANSAC (Fischler and Bolles 1981) with the truncated cost of MSAC (Torr and Zisserman 2000), local
//! optimisation of every new best (Chum, Matas and Kittler 2003; Lebeda, Matas and Chum 2012), samples tested for
//! degeneracy and orientation before they are scored, and a bound on iterations that falls as the consensus
//! grows. One seed, one result; nothing is shared between threads and nothing is allocated per iteration.

use super::consensus::{Columns, squared_error};
use super::fit::{Normalisation, Pair, fit_pairs, improve_homography};
use super::minimal::{Point, solve};
use super::sampling::Pcg;
use super::transform::Transform;
use super::{Correspondence, TransformModel};

/// How [`estimate`] searches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RobustConfig {
    /// The family of the transform.
    pub model: TransformModel,
    /// Largest transfer error of an inlier, pixels of the second image.
    pub threshold: f64,
    /// Probability with which the best consensus should be found, in (0, 1).
    pub confidence: f64,
    /// Most samples drawn.
    pub max_iterations: usize,
    /// Start of the random generator.
    pub seed: u64,
}

impl Default for RobustConfig {
    fn default() -> Self {
        Self {
            model: TransformModel::Homography,
            threshold: 3.0,
            confidence: 0.999,
            max_iterations: 10_000,
            seed: 0,
        }
    }
}

/// A transform and those who agree with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Maps the first image to the second.
    pub transform: Transform,
    /// Positions in the input of the inliers, ascending.
    pub inliers: Vec<u32>,
    /// Sum over inliers of 1 − (error / threshold)²: their number, discounted for inaccuracy.
    pub score: f64,
    /// Samples drawn.
    pub iterations: usize,
}

/// Estimates the transform from the first image to the second that most correspondences agree on.
///
/// Only positions and weights are used. Correspondences that are not finite or have no positive weight
/// are never inliers. `None` when too few are left, when the configuration cannot be used, or when no
/// sample gives a transform that more than its own points agree with.
pub fn estimate(correspondences: &[Correspondence], config: &RobustConfig) -> Option<Estimate> {
    let usable = config.threshold > 0.0
        && config.threshold.is_finite()
        && config.confidence > 0.0
        && config.confidence < 1.0;
    if !usable {
        return None;
    }
    let mut search = Search::new(correspondences, config)?;
    let (best, iterations) = search.sample();
    let transform = search.polish(&best?);
    search.finish(&transform, iterations)
}

/// One call of [`estimate`].
struct Search<'a> {
    config: &'a RobustConfig,
    /// Positions in the input of those that can be used.
    index: Vec<u32>,
    points: Vec<Point>,
    weights: Vec<f64>,
    columns: Columns,
    from: Normalisation,
    to: Normalisation,
    /// Squared threshold in normalised coordinates.
    limit: f64,
    /// Square of how much larger a pixel is, normalised, in the first image than in the second.
    unequal_scales: f64,
    pairs: Vec<Pair>,
    errors: Vec<f32>,
    spread: Vec<f32>,
}

/// How many thresholds away from the transform a pair may still help the final fit.
const REACH: f64 = 3.0;
/// Standard deviations at which the weight of a pair reaches zero in the final fit.
const CUTOFF: f64 = 6.5;
/// Most steps of the final fit.
const POLISHING: usize = 6;

impl<'a> Search<'a> {
    fn new(correspondences: &[Correspondence], config: &'a RobustConfig) -> Option<Self> {
        let chosen = || correspondences.iter().filter(|c| c.has_valid_positions());
        if chosen().count() < config.model.sample_size()
            || correspondences.len() > u32::MAX as usize
        {
            return None;
        }
        let from = Normalisation::of(chosen().map(|c| (c.from.x, c.from.y)))?;
        let to = Normalisation::of(chosen().map(|c| (c.to.x, c.to.y)))?;
        let points: Vec<Point> = chosen()
            .map(|c| {
                let ((x, y), (u, v)) = (from.apply(c.from.x, c.from.y), to.apply(c.to.x, c.to.y));
                [x, y, u, v]
            })
            .collect();
        Some(Self {
            config,
            index: (0..correspondences.len() as u32)
                .filter(|&i| correspondences[i as usize].has_valid_positions())
                .collect(),
            weights: chosen().map(|c| c.weight).collect(),
            columns: Columns::new(&points),
            pairs: Vec::with_capacity(points.len()),
            points,
            from,
            to,
            limit: (config.threshold * to.scale).powi(2),
            unequal_scales: (from.scale / to.scale).powi(2),
            errors: Vec::new(),
            spread: Vec::new(),
        })
    }

    /// The best transform found, locally optimised, and the number of samples drawn.
    fn sample(&mut self) -> (Option<Transform>, usize) {
        let size = self.config.model.sample_size();
        let count = self.points.len() as u32;
        let mut generator = Pcg::new(self.config.seed);
        let (mut best, mut best_cost) = (None, self.points.len() as f32);
        let mut bound = self.config.max_iterations;
        let mut iterations = 0;
        let mut sample = [0u32; 4];
        while iterations < bound {
            iterations += 1;
            generator.distinct(count, size, &mut sample);
            let points = sample.map(|i| self.points[i as usize]);
            let Some(transform) = solve(self.config.model, &points) else {
                continue;
            };
            let cost = self.columns.cost(&transform, self.limit, best_cost);
            if cost >= best_cost {
                continue;
            }
            let (transform, cost) = self.optimise(transform, cost);
            best_cost = cost;
            bound = bound.min(self.needed(&transform));
            best = Some(transform);
        }
        (best, iterations)
    }

    /// Samples after which one without outliers was drawn with the wanted confidence, if the inliers of
    /// `transform` are all there are.
    fn needed(&self, transform: &Transform) -> usize {
        let inliers = self
            .points
            .iter()
            .filter(|p| squared_error(transform, p) < self.limit)
            .count();
        let size = self.config.model.sample_size();
        let clean: f64 = (0..size)
            .map(|i| inliers.saturating_sub(i) as f64 / (self.points.len() - i) as f64)
            .product();
        let needed = (1.0 - self.config.confidence).ln() / (-clean).ln_1p();
        if needed.is_nan() {
            1
        } else {
            needed.ceil().clamp(1.0, 1e15) as usize
        }
    }

    /// Refits to the inliers with a threshold that narrows to the wanted one, and keeps the best.
    fn optimise(&mut self, transform: Transform, cost: f32) -> (Transform, f32) {
        let (mut best, mut best_cost) = (transform, cost);
        let mut current = transform;
        for widening in [4.0, 2.0, 1.0, 1.0] {
            self.columns.errors(&current, &mut self.errors);
            let Some(fitted) = self.refit(&current, self.limit * widening, self.limit * widening)
            else {
                break;
            };
            let cost = self.columns.cost(&fitted, self.limit, f32::INFINITY);
            if cost < best_cost {
                (best, best_cost) = (fitted, cost);
            }
            current = fitted;
        }
        (best, best_cost)
    }

    /// One step of weighted least squares on those whose squared error, already in `errors`, is below
    /// `reach`. Weights fall to zero at `cutoff`, a limit on squared errors in units of a pair's own
    /// uncertainty.
    fn refit(&mut self, transform: &Transform, reach: f64, cutoff: f64) -> Option<Transform> {
        self.pairs.clear();
        for ((point, weight), &error) in self.points.iter().zip(&self.weights).zip(&self.errors) {
            let error = f64::from(error);
            if error >= reach {
                continue;
            }
            let [x, y, u, v] = *point;
            let certainty = self.certainty(transform, point);
            let relative = error * certainty / cutoff;
            if relative < 1.0 {
                // Tukey's biweight.
                let weight = weight * certainty * (1.0 - relative).powi(2);
                self.pairs.push(Pair { x, y, u, v, weight });
            }
        }
        if self.pairs.len() <= self.config.model.sample_size() {
            return None;
        }
        match self.config.model {
            TransformModel::Homography => improve_homography(transform, &self.pairs),
            model => fit_pairs(&self.pairs, model),
        }
    }

    /// Inverse variance of a transfer error when both positions are off by the same number of pixels,
    /// 1 where the map keeps the scale. Only a homography's differs from point to point.
    #[inline(always)]
    fn certainty(&self, transform: &Transform, point: &Point) -> f64 {
        if self.config.model != TransformModel::Homography {
            return 1.0;
        }
        let m = &transform.0;
        let [x, y, u, v] = *point;
        let inverse = 1.0 / (m[2][0] * x + m[2][1] * y + m[2][2]);
        let square = (m[0][0] - u * m[2][0]).powi(2)
            + (m[0][1] - u * m[2][1]).powi(2)
            + (m[1][0] - v * m[2][0]).powi(2)
            + (m[1][1] - v * m[2][1]).powi(2);
        2.0 / (1.0 + 0.5 * square * inverse * inverse * self.unequal_scales)
    }

    /// Reweighted least squares until nothing moves. The cut-off follows the spread of the errors, so
    /// that a threshold chosen too tight or too wide does little harm to the accuracy.
    fn polish(&mut self, transform: &Transform) -> Transform {
        let mut best = *transform;
        let reach = self.limit * REACH * REACH;
        for _ in 0..POLISHING {
            self.columns.errors(&best, &mut self.errors);
            self.spread.clear();
            for (point, &error) in self.points.iter().zip(&self.errors) {
                if f64::from(error) < reach {
                    self.spread
                        .push(error * self.certainty(&best, point) as f32);
                }
            }
            if self.spread.is_empty() {
                break;
            }
            let middle = self.spread.len() / 2;
            let (_, median, _) = self.spread.select_nth_unstable_by(middle, f32::total_cmp);
            // The median of a squared error in two dimensions is 2 ln 2 variances.
            let variance = f64::from(*median) / (2.0 * std::f64::consts::LN_2);
            let cutoff = (variance * CUTOFF * CUTOFF).max(self.limit * 1e-4);
            let Some(fitted) = self.refit(&best, reach, cutoff) else {
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

    fn finish(&self, transform: &Transform, iterations: usize) -> Option<Estimate> {
        let mut inliers = Vec::new();
        let mut score = 0.0;
        for (point, &index) in self.points.iter().zip(&self.index) {
            let relative = squared_error(transform, point) / self.limit;
            if relative < 1.0 {
                inliers.push(index);
                score += 1.0 - relative;
            }
        }
        let transform = Normalisation::undo(&self.from, &self.to, transform)?;
        (inliers.len() > self.config.model.sample_size()).then_some(Estimate {
            transform,
            inliers,
            score,
            iterations,
        })
    }
}
