//! Two-view geometry from correspondences with outliers, every part of the search a choice.
//!
//! The frame is RANSAC (Fischler and Bolles 1981) as Raguram, Chum, Pollefeys, Matas and Frahm (USAC, PAMI 2013) put it
//! together: samples ([`Sampling`](super::Sampling)), the geometries that a sample fixes
//! ([`solve_minimal`](super::solve_minimal)), a test that refuses most of them
//! ([`Rejection`]), a score ([`Scoring`](super::Scoring)), degeneracy
//! ([`Degeneracy`]), local optimisation ([`LocalOptimisation`](super::LocalOptimisation))
//! of every new best, and a number of samples that falls as the consensus grows. One seed, one result; one thread.

use super::Correspondence;
use super::a_contrario::{Size, bound, is_size};
use super::affine_matches::AffineMatch;
use super::consensus::Columns;
use super::degensac::Degensac;
use super::eight_points::{EqualScales, undone};
use super::fit::Normalisation;
use super::local_optimisation::LocalOptimiser;
use super::minimal_sample::{LARGEST_SAMPLE, solutions};
use super::point_set::PointSet;
use super::prosac::Prosac;
use super::ransac_config::{Degeneracy, RansacConfig, Rejection, Sampling};
use super::sampling::Pcg;
use super::scorer::Scorer;
use super::two_view::{SampleKind, TwoViewGeometry, TwoViewModel};

/// A two-view geometry and those who agree with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Consensus {
    /// From the first image to the second, in pixels.
    pub geometry: TwoViewGeometry,
    /// Positions in the input of the inliers, ascending.
    pub inliers: Vec<u32>,
    /// Sum over all correspondences of 1 − their cost under the chosen scoring: the number of inliers, discounted for
    /// inaccuracy.
    pub score: f64,
    /// Samples drawn.
    pub iterations: usize,
    /// Decimal logarithm of how often chance would give as much. The lower the surer; correspondences that repeat
    /// each other count singly, so one-to-one matches should be given.
    pub log10_nfa: f64,
}

/// Samples drawn before the first local optimisation, which early ones would waste (Lebeda et al. 2012).
const PATIENCE: usize = 50;

/// Estimates the geometry between two images that most correspondences agree on.
///
/// Sizes are (width, height) in pixels of the images that the frames are given in; only the bound on false alarms
/// needs them. Positions and weights are used, whole frames where `config.sample` says so.
/// Correspondences that are not finite, have no positive weight or, for samples of frames, no usable scale,
/// direction and shape are never inliers, but count as tried.
///
/// `None` when fewer usable ones are left than a least-squares fit needs, when sizes or configuration cannot be
/// used, or when no sample gives a geometry that more than its own points agree with (all coincident; collinear for
/// all but a similarity).
#[must_use]
pub fn ransac(
    correspondences: &[Correspondence],
    from_size: (f64, f64),
    to_size: (f64, f64),
    config: &RansacConfig,
) -> Option<Consensus> {
    if !config.is_usable() || !is_size(from_size) || !is_size(to_size) {
        return None;
    }
    let mut search = Search::new(correspondences, config)?;
    let (best, iterations) = search.sample();
    let best = search.finished(best?);
    search.consensus(correspondences, &best, iterations, (from_size, to_size))
}

/// The best geometry so far.
#[derive(Debug, Clone, Copy)]
struct Best {
    geometry: TwoViewGeometry,
    cost: f32,
}

/// One call of [`ransac`].
struct Search<'a> {
    config: &'a RansacConfig,
    /// Positions in the input of the pairs, which are in random order.
    index: Vec<u32>,
    matches: Vec<AffineMatch>,
    /// Places of the pairs by falling weight.
    order: Vec<u32>,
    from: Normalisation,
    to: Normalisation,
    scorer: Scorer,
    local: LocalOptimiser,
    degensac: Option<Degensac>,
    generator: Pcg,
    size: usize,
    /// The largest share of pairs that agreed with the geometry of a sample alone.
    sampled: f64,
}

/// Time to make the geometries of a sample, in verifications of one pair; of the order of what was measured.
const fn making(model: TwoViewModel) -> f64 {
    match model {
        TwoViewModel::Fundamental => 2000.0,
        _ => 200.0,
    }
}

/// The usable correspondences in random order.
fn usable(correspondences: &[Correspondence], kind: SampleKind, generator: &mut Pcg) -> Vec<u32> {
    let framed = |c: &Correspondence| c.from.is_valid() && c.to.is_valid();
    let mut index: Vec<u32> = (correspondences.iter().enumerate())
        .filter(|(_, c)| c.has_valid_positions() && (kind == SampleKind::Points || framed(c)))
        .map(|(i, _)| i as u32)
        .collect();
    let count = index.len();
    generator.shuffle_front(&mut index, count);
    index
}

/// Coordinates of both images; of one scale for epipolar lines, whose errors are in both.
fn normalisations(
    chosen: &[Correspondence],
    model: TwoViewModel,
) -> Option<(Normalisation, Normalisation)> {
    let from = Normalisation::of(chosen.iter().map(|c| (c.from.x, c.from.y)))?;
    let to = Normalisation::of(chosen.iter().map(|c| (c.to.x, c.to.y)))?;
    if model == TwoViewModel::Fundamental {
        let equal = EqualScales::new(from, to);
        return Some((equal.from, equal.to));
    }
    Some((from, to))
}

impl<'a> Search<'a> {
    fn new(correspondences: &[Correspondence], config: &'a RansacConfig) -> Option<Self> {
        if correspondences.len() > u32::MAX as usize {
            return None;
        }
        let model = config.model;
        let mut generator = Pcg::new(config.seed);
        let index = usable(correspondences, config.sample, &mut generator);
        let chosen: Vec<Correspondence> = (index.iter())
            .map(|&i| correspondences[i as usize])
            .collect();
        let size = model.sample_size(config.sample);
        if chosen.len() < model.fit_size().max(size) {
            return None;
        }
        let (from, to) = normalisations(&chosen, model)?;
        let matches: Vec<AffineMatch> = (chosen.iter())
            .map(|c| c.affine_match().normalised(&from, &to))
            .collect();
        let points: Vec<_> = matches.iter().map(|m| m.point).collect();
        let mut order: Vec<u32> = (0..points.len() as u32).collect();
        order.sort_by(|&a, &b| {
            let (first, second) = (&chosen[a as usize], &chosen[b as usize]);
            (second.weight.total_cmp(&first.weight)).then(index[a as usize].cmp(&index[b as usize]))
        });
        let count = points.len();
        let set = PointSet {
            weights: chosen.iter().map(|c| c.weight).collect(),
            columns: Columns::new(&points),
            points,
            limit: (config.threshold * to.scale).powi(2),
            unequal_scales: (from.scale / to.scale).powi(2),
        };
        let seed = config.seed;
        let planes =
            model == TwoViewModel::Fundamental && config.degeneracy == Degeneracy::Degensac;
        // Of three roots the orientation leaves about one.
        let scorer = Scorer::new(set, config.scoring, config.rejection, making(model), 1.0);
        Some(Self {
            config,
            index,
            matches,
            order,
            from,
            to,
            scorer,
            local: LocalOptimiser::new(config.local, model, count, seed),
            degensac: planes.then(|| Degensac::new(count, seed)),
            generator,
            size,
            sampled: 0.0,
        })
    }

    /// The best geometry found and the number of samples drawn.
    fn sample(&mut self) -> (Option<Best>, usize) {
        let count = self.matches.len();
        let mut prosac =
            (self.config.sampling == Sampling::Prosac).then(|| Prosac::new(self.size, count));
        let mut best: Option<Best> = None;
        // The best of a sample alone, and whether it still waits to be optimised.
        let (mut best_sampled, mut waiting) = (count as f32, false);
        let mut bound = self.config.max_iterations;
        let mut iterations = 0;
        let mut sample = [0u32; LARGEST_SAMPLE];
        let mut drawn = [self.matches[0]; LARGEST_SAMPLE];
        while iterations < bound {
            iterations += 1;
            self.draw(prosac.as_mut(), &mut sample);
            if let Some(sprt) = &mut self.scorer.sprt {
                sprt.count_sample();
            }
            for (place, &i) in drawn.iter_mut().zip(&sample[..self.size]) {
                *place = self.matches[i as usize];
            }
            let drawn = &drawn[..self.size];
            for geometry in solutions(self.config.model, self.config.sample, drawn).iter() {
                let judged = self
                    .scorer
                    .judge(geometry, best_sampled, &mut self.generator);
                let Some(cost) = judged else {
                    continue;
                };
                best_sampled = cost;
                self.learn(geometry);
                let found = self.undegenerate(geometry, cost, drawn);
                waiting = iterations < PATIENCE;
                let found = if waiting {
                    found
                } else {
                    self.optimised(&found)
                };
                if best.is_none_or(|b| found.cost < b.cost) {
                    best = Some(found);
                    bound = bound.min(self.needed(&found.geometry, prosac.as_ref()));
                }
            }
            if waiting && (iterations >= PATIENCE || iterations >= bound) {
                waiting = false;
                best = best.map(|b| self.optimised(&b));
                if let Some(b) = best {
                    bound = bound.min(self.needed(&b.geometry, prosac.as_ref()));
                }
            }
        }
        (best, iterations)
    }

    /// The places of the pairs of the next sample.
    fn draw(&mut self, prosac: Option<&mut Prosac>, sample: &mut [u32; LARGEST_SAMPLE]) {
        let sample = &mut sample[..self.size];
        let Some(prosac) = prosac else {
            return self
                .generator
                .fill_distinct(self.matches.len() as u32, sample);
        };
        prosac.draw(&mut self.generator, sample);
        for place in sample {
            *place = self.order[*place as usize];
        }
    }

    /// The geometry, or what its dominant plane and the rest say when that is better.
    fn undegenerate(
        &mut self,
        geometry: &TwoViewGeometry,
        cost: f32,
        drawn: &[AffineMatch],
    ) -> Best {
        let completed = match (geometry, &mut self.degensac) {
            (TwoViewGeometry::Epipolar(f), Some(degensac)) => {
                degensac.complete(&self.scorer, f, drawn, cost)
            }
            _ => None,
        };
        let plain = Best {
            geometry: *geometry,
            cost,
        };
        completed.map_or(plain, |(f, cost)| Best {
            geometry: TwoViewGeometry::Epipolar(f),
            cost,
        })
    }

    fn optimised(&mut self, found: &Best) -> Best {
        let (geometry, cost) = self
            .local
            .improve(&self.scorer, &found.geometry, found.cost);
        Best { geometry, cost }
    }

    /// Tells the sequential test what to expect of good samples: less than of what is optimised afterwards.
    fn learn(&mut self, geometry: &TwoViewGeometry) {
        if self.scorer.sprt.is_none() {
            return;
        }
        let share = self.scorer.inliers(geometry) as f64 / self.matches.len() as f64;
        self.sampled = share.max(self.sampled);
        if let Some(sprt) = &mut self.scorer.sprt {
            sprt.improved(share);
        }
    }

    /// Samples after which a better one was drawn with the wanted confidence, if the inliers of `geometry` are all
    /// there are.
    fn needed(&self, geometry: &TwoViewGeometry, prosac: Option<&Prosac>) -> usize {
        let count = self.matches.len();
        let inliers = self.scorer.inliers(geometry);
        let mut needed = self.needed_for(inliers, count);
        if let Some(prosac) = prosac {
            let agreeing = (self.order.iter()).map(|&i| {
                self.scorer
                    .agrees(geometry, &self.scorer.set.points[i as usize])
            });
            needed = needed.min(prosac.bound(agreeing, |i, n| self.needed_for(i, n)));
        }
        let needed = needed.clamp(1.0, 1e15) as usize;
        needed.max(self.config.min_iterations)
    }

    /// The same for `inliers` among `count` that samples are drawn from.
    fn needed_for(&self, inliers: usize, count: usize) -> f64 {
        let clean: f64 = (0..self.size)
            .map(|i| inliers.saturating_sub(i) as f64 / (count - i.min(count - 1)) as f64)
            .product();
        let share = inliers as f64 / count as f64;
        let confidence = self.config.confidence;
        if let Some(sprt) = &self.scorer.sprt {
            return sprt.needed(clean, self.sampled, confidence);
        }
        let passed = match self.config.rejection {
            Rejection::Tdd => clean * share,
            _ => clean,
        };
        let needed = (1.0 - confidence).ln() / (-passed).ln_1p();
        if needed.is_nan() { 1.0 } else { needed.ceil() }
    }

    /// The last optimisation and the final fit.
    fn finished(&mut self, best: Best) -> TwoViewGeometry {
        self.local.polish(&self.scorer, &best.geometry)
    }

    fn consensus(
        &self,
        correspondences: &[Correspondence],
        geometry: &TwoViewGeometry,
        iterations: usize,
        sizes: (Size, Size),
    ) -> Option<Consensus> {
        let mut inliers: Vec<u32> = (self.scorer.set.points.iter().zip(&self.index))
            .filter(|(point, _)| self.scorer.agrees(geometry, point))
            .map(|(_, &index)| index)
            .collect();
        inliers.sort_unstable();
        let model = self.config.model;
        // As many as a sample of points has agree with anything.
        if inliers.len() <= model.sample_size(SampleKind::Points) {
            return None;
        }
        let cost = self.scorer.cost(geometry, f32::INFINITY);
        let geometry = match geometry {
            TwoViewGeometry::Plane(t) => {
                TwoViewGeometry::Plane(Normalisation::undo(&self.from, &self.to, t)?)
            }
            TwoViewGeometry::Epipolar(f) => {
                TwoViewGeometry::Epipolar(undone(&self.from, &self.to, f)?)
            }
        };
        let tried = correspondences.len();
        let log10_nfa = bound(correspondences, &inliers, tried, (model, &geometry), sizes);
        Some(Consensus {
            geometry,
            score: f64::from(self.matches.len() as f32 - cost),
            inliers,
            iterations,
            log10_nfa,
        })
    }
}
