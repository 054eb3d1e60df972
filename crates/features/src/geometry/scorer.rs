//! What a geometry costs, with early refusal of hopeless ones.

use super::consensus::{BLOCK, Residual};
use super::loss::Loss;
use super::minimal::Point;
use super::point_set::PointSet;
use super::ransac_config::{Rejection, Scoring};
use super::sampling::Pcg;
use super::sprt::Sprt;
use super::two_view::TwoViewGeometry;

/// How many times the threshold the farthest error of MAGSAC++ is, which takes the threshold for about three
/// standard deviations of what it wants to keep.
const MAGSAC_REACH: f64 = 2.0;

/// Pairs, the loss, and the test that comes first.
pub(crate) struct Scorer {
    pub set: PointSet,
    pub loss: Loss,
    /// Squared error from which the loss is 1, normalised.
    pub farthest: f64,
    rejection: Rejection,
    pub sprt: Option<Sprt>,
}

fn residual_of(geometry: &TwoViewGeometry) -> Residual {
    let mut single = [[0f32; 3]; 3];
    let entries = geometry.matrix().as_flattened().iter();
    for (entry, v) in single.as_flattened_mut().iter_mut().zip(entries) {
        *entry = *v as f32;
    }
    match geometry {
        TwoViewGeometry::Plane(_) => Residual::Transfer(single),
        TwoViewGeometry::Epipolar(_) => Residual::Sampson(single),
    }
}

impl Scorer {
    pub(crate) fn new(
        set: PointSet,
        scoring: Scoring,
        rejection: Rejection,
        making: f64,
        models: f64,
    ) -> Self {
        let reach = match scoring {
            Scoring::Magsac => MAGSAC_REACH * MAGSAC_REACH,
            _ => 1.0,
        };
        Self {
            farthest: set.limit * reach,
            loss: Loss::new(scoring),
            rejection,
            sprt: (rejection == Rejection::Sprt).then(|| Sprt::new(making, models)),
            set,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.set.points.len()
    }

    /// Squared error of one pair in double precision.
    pub(crate) fn error(geometry: &TwoViewGeometry, [x, y, u, v]: &Point) -> f64 {
        geometry.squared_error((*x, *y), (*u, *v))
    }

    /// Whether a pair agrees with a geometry.
    pub(crate) fn agrees(&self, geometry: &TwoViewGeometry, point: &Point) -> bool {
        Self::error(geometry, point) < self.set.limit
    }

    /// How many pairs agree.
    pub(crate) fn inliers(&self, geometry: &TwoViewGeometry) -> usize {
        let points = self.set.points.iter();
        points.filter(|p| self.agrees(geometry, p)).count()
    }

    /// The whole cost, or any value above `enough`.
    pub(crate) fn cost(&self, geometry: &TwoViewGeometry, enough: f32) -> f32 {
        let residual = residual_of(geometry);
        if matches!(self.loss, Loss::Msac) {
            return match geometry {
                TwoViewGeometry::Plane(t) => self.set.columns.cost(t, self.farthest, enough),
                _ => (self.set.columns).truncated(&residual, self.farthest, enough),
            };
        }
        let inverse = (1.0 / self.farthest) as f32;
        let mut errors = [0f32; BLOCK];
        let mut cost = self.padding();
        for block in 0..self.set.columns.blocks() {
            self.set.columns.block_errors(&residual, block, &mut errors);
            cost += self.loss.sum(&errors, inverse);
            if cost > enough {
                break;
            }
        }
        cost
    }

    /// Places behind the last pair cost 1 each.
    fn padding(&self) -> f32 {
        self.len() as f32 - (self.set.columns.blocks() * BLOCK) as f32
    }

    /// The cost of a geometry of a minimal sample, `None` when it is refused or above `enough`. The order of the
    /// pairs must be random.
    pub(crate) fn judge(
        &mut self,
        geometry: &TwoViewGeometry,
        enough: f32,
        generator: &mut Pcg,
    ) -> Option<f32> {
        match self.rejection {
            Rejection::Off => {}
            Rejection::Tdd => {
                let drawn = generator.below(self.len() as u32) as usize;
                if !self.agrees(geometry, &self.set.points[drawn]) {
                    return None;
                }
            }
            Rejection::Sprt => return self.judge_in_sequence(geometry, enough, generator),
        }
        Some(self.cost(geometry, enough)).filter(|&cost| cost < enough)
    }

    fn judge_in_sequence(
        &mut self,
        geometry: &TwoViewGeometry,
        enough: f32,
        generator: &mut Pcg,
    ) -> Option<f32> {
        let residual = residual_of(geometry);
        let (inverse, limit) = ((1.0 / self.farthest) as f32, self.set.limit as f32);
        let blocks = self.set.columns.blocks();
        let first = generator.below(blocks as u32) as usize;
        let mut errors = [0f32; BLOCK];
        let mut cost = self.padding();
        let sprt = self.sprt.as_mut()?;
        let mut ratio = sprt.ratio();
        for block in (first..blocks).chain(0..first) {
            self.set.columns.block_errors(&residual, block, &mut errors);
            let held = (self.set.columns.len() - block * BLOCK).min(BLOCK);
            if !ratio.goes_on(errors[..held].iter().map(|&e| e < limit)) {
                sprt.refused(&ratio);
                return None;
            }
            cost += self.loss.sum(&errors, inverse);
            if cost >= enough {
                return None;
            }
        }
        Some(cost)
    }

    /// Squared errors of all pairs.
    pub(crate) fn errors(&self, geometry: &TwoViewGeometry, errors: &mut Vec<f32>) {
        let residual = residual_of(geometry);
        let mut block_errors = [0f32; BLOCK];
        errors.clear();
        for block in 0..self.set.columns.blocks() {
            self.set
                .columns
                .block_errors(&residual, block, &mut block_errors);
            errors.extend_from_slice(&block_errors);
        }
        errors.truncate(self.len());
    }
}
