//! What is done with a geometry that is the best so far: most of what is near to it agrees with something better.
//!
//! Inner samples of more than the minimum and least squares with a tolerance that narrows (Chum, Matas and Kittler,
//! DAGM 2003), with a bound on the pairs of a fit (Lebeda, Matas and Chum, BMVC 2012).

use super::fit::Pair;
use super::loss::Loss;
use super::ransac_config::LocalOptimisation;
use super::refit::Refitter;
use super::sampling::Pcg;
use super::scorer::Scorer;
use super::two_view::{SampleKind, TwoViewGeometry, TwoViewModel};

/// Squared tolerances of one optimisation, as multiples of the squared threshold.
const NARROWING: [f64; 4] = [4.0, 2.0, 1.0, 1.0];
/// Steps of sigma-consensus++, whose weights need no narrowing.
const CONSENSUS: usize = 5;
/// Inner samples.
const REPEATS: usize = 10;
/// Pairs of a fit over those of a minimal sample, at most (Lebeda et al.).
const LIMIT: usize = 7;

/// Optimises, with the buffers it uses again.
pub(crate) struct LocalOptimiser {
    kind: LocalOptimisation,
    model: TwoViewModel,
    pub refitter: Refitter,
    pub errors: Vec<f32>,
    inliers: Vec<u32>,
    generator: Pcg,
}

impl LocalOptimiser {
    pub(crate) fn new(
        kind: LocalOptimisation,
        model: TwoViewModel,
        count: usize,
        seed: u64,
    ) -> Self {
        Self {
            kind,
            model,
            refitter: Refitter::new(model, count),
            errors: Vec::new(),
            inliers: Vec::new(),
            // A stream of its own, so that samples do not depend on how often something was optimised.
            generator: Pcg::new(seed ^ 0x6c6f_6361_6c21),
        }
    }

    /// The best geometry met from `geometry` on, and its cost; never a worse one.
    pub(crate) fn improve(
        &mut self,
        scorer: &Scorer,
        geometry: &TwoViewGeometry,
        cost: f32,
    ) -> (TwoViewGeometry, f32) {
        let mut best = (*geometry, cost);
        if self.kind == LocalOptimisation::Off {
            return best;
        }
        self.iterate(scorer, geometry, &mut best);
        if self.kind == LocalOptimisation::Iterated {
            return best;
        }
        for _ in 0..REPEATS {
            if let Some(inner) = self.inner_sample(scorer, &best.0) {
                self.iterate(scorer, &inner, &mut best);
            }
        }
        best
    }

    /// A fit to more than the minimum of the inliers, and at most half of them.
    fn inner_sample(
        &mut self,
        scorer: &Scorer,
        geometry: &TwoViewGeometry,
    ) -> Option<TwoViewGeometry> {
        scorer.errors(geometry, &mut self.errors);
        self.inliers.clear();
        let limit = scorer.set.limit as f32;
        let agreeing = (self.errors.iter().enumerate()).filter(|(_, e)| **e < limit);
        self.inliers.extend(agreeing.map(|(i, _)| i as u32));
        let least = self.model.fit_size() + 1;
        let size = (2 * self.model.sample_size(SampleKind::Points))
            .max(12)
            .min(self.inliers.len() / 2);
        if size < least {
            return None;
        }
        self.generator.shuffle_front(&mut self.inliers, size);
        let mut pairs: Vec<Pair> = (self.inliers[..size].iter())
            .map(|&i| {
                let ([x, y, u, v], weight) = (
                    scorer.set.points[i as usize],
                    scorer.set.weights[i as usize],
                );
                Pair { x, y, u, v, weight }
            })
            .collect();
        self.refitter.fit(geometry, &mut pairs)
    }

    /// Least squares with a tolerance that narrows; keeps the best in `best`.
    fn iterate(
        &mut self,
        scorer: &Scorer,
        geometry: &TwoViewGeometry,
        best: &mut (TwoViewGeometry, f32),
    ) {
        let narrowing: &[f64] = match scorer.loss {
            Loss::Magsac(_) => &[1.0; CONSENSUS],
            _ => &NARROWING,
        };
        let most = match self.kind {
            LocalOptimisation::LoPlus => LIMIT * self.model.sample_size(SampleKind::Points),
            _ => usize::MAX,
        };
        let mut current = *geometry;
        for widening in narrowing {
            scorer.errors(&current, &mut self.errors);
            let generator = &mut self.generator;
            let limited = |pairs: &mut Vec<Pair>| {
                if pairs.len() > most {
                    generator.shuffle_front(pairs, most);
                    pairs.truncate(most);
                }
            };
            let reach = (scorer.farthest * widening, &scorer.loss);
            let fitted = (self.refitter).refit(scorer, &current, &self.errors, reach, limited);
            let Some(fitted) = fitted else {
                return;
            };
            let cost = scorer.cost(&fitted, f32::INFINITY);
            if cost < best.1 {
                *best = (fitted, cost);
            }
            current = fitted;
        }
    }

    /// The final fit.
    pub(crate) fn polish(
        &mut self,
        scorer: &Scorer,
        geometry: &TwoViewGeometry,
    ) -> TwoViewGeometry {
        self.refitter.polish(scorer, geometry, &mut self.errors)
    }
}
