//! Robust estimation from correspondences with outliers.
//!
//! RANSAC (Fischler and Bolles 1981) with the truncated cost of MSAC (Torr and Zisserman 2000), local
//! optimisation of every new best (Chum, Matas and Kittler 2003; Lebeda, Matas and Chum 2012), samples tested for
//! degeneracy and orientation before they are scored, and a bound on iterations that falls as the consensus
//! grows. One seed, one result; nothing is shared between threads and nothing is allocated per iteration.

use super::consensus::{Columns, squared_error};
use super::fit::Normalisation;
use super::minimal::{Point, solve};
use super::plane_fit::PlaneFit;
use super::point_set::PointSet;
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
    let transform = search.fit.polish(&search.set, &best?);
    search.finish(&transform, iterations)
}

/// One call of [`estimate`].
struct Search<'a> {
    config: &'a RobustConfig,
    /// Positions in the input of those that can be used.
    index: Vec<u32>,
    set: PointSet,
    from: Normalisation,
    to: Normalisation,
    fit: PlaneFit,
}

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
            fit: PlaneFit::new(config.model, points.len()),
            set: PointSet {
                weights: chosen().map(|c| c.weight).collect(),
                columns: Columns::new(&points),
                points,
                limit: (config.threshold * to.scale).powi(2),
                unequal_scales: (from.scale / to.scale).powi(2),
            },
            from,
            to,
        })
    }

    /// The best transform found, locally optimised, and the number of samples drawn.
    fn sample(&mut self) -> (Option<Transform>, usize) {
        let size = self.config.model.sample_size();
        let count = self.set.points.len() as u32;
        let mut generator = Pcg::new(self.config.seed);
        let (mut best, mut best_cost) = (None, self.set.points.len() as f32);
        let mut bound = self.config.max_iterations;
        let mut iterations = 0;
        let mut sample = [0u32; 4];
        while iterations < bound {
            iterations += 1;
            generator.distinct(count, size, &mut sample);
            let points = sample.map(|i| self.set.points[i as usize]);
            let Some(transform) = solve(self.config.model, &points) else {
                continue;
            };
            let cost = self.set.columns.cost(&transform, self.set.limit, best_cost);
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
            .set
            .points
            .iter()
            .filter(|p| squared_error(transform, p) < self.set.limit)
            .count();
        let size = self.config.model.sample_size();
        let clean: f64 = (0..size)
            .map(|i| inliers.saturating_sub(i) as f64 / (self.set.points.len() - i) as f64)
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
            let reach = self.set.limit * widening;
            let Some(fitted) = self.fit.refit(&self.set, &current, reach, reach) else {
                break;
            };
            let cost = self
                .set
                .columns
                .cost(&fitted, self.set.limit, f32::INFINITY);
            if cost < best_cost {
                (best, best_cost) = (fitted, cost);
            }
            current = fitted;
        }
        (best, best_cost)
    }

    fn finish(&self, transform: &Transform, iterations: usize) -> Option<Estimate> {
        let mut inliers = Vec::new();
        let mut score = 0.0;
        for (point, &index) in self.set.points.iter().zip(&self.index) {
            let relative = squared_error(transform, point) / self.set.limit;
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
