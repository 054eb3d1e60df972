//! Verification of an object's presence from tentative correspondences.
//!
//! Correspondences that share a visual word are mostly wrong, so samples of several of them are hopeless.
//! But each carries two frames, and those propose a whole similarity, or an affine map where the features have shapes: every
//! correspondence is a hypothesis (Philbin, Chum, Isard, Sivic and Zisserman 2007). All are scored on position, scale and direction; the
//! best are refined by least squares while the tolerance narrows (Chum, Matas and Obdržálek 2004), first to
//! an affine map and, with enough support, to a homography. A feature or a place counts once in either
//! image. Models compete by their number of false alarms ([`log10_nfa`](super::log10_nfa)), which also is
//! the verdict's statistic. Nothing is random.

use std::cell::RefCell;

use super::agreeing::Agreeing;
use super::fit::{Pair, fit_pairs};
use super::independence::Independent;
use super::nfa::LeastNfa;
use super::sites::Taken;
use super::tentative::{Tentative, Tolerance};
use super::transform::{Plausibility, Transform};
use super::{Correspondence, TransformModel};

/// How [`verify`] decides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VerifyConfig {
    /// Largest distance of an inlier in the second image, pixels; scaled by the ratio of the diagonals it
    /// holds in the first image too.
    pub threshold: f64,
    /// How many times wider the tolerance is for the similarity that a single pair of frames proposes, at least 1.
    pub widening: f64,
    /// Largest factor between a feature's change of scale and the transform's, > 1.
    pub max_scale_ratio: f64,
    /// Largest angle between a feature's turn and the transform's, radians.
    pub max_angle: f64,
    /// The richest family that the result may come from.
    pub model: TransformModel,
    /// Fewest inliers of a result, ≥ 3.
    pub min_inliers: usize,
    /// Most hypotheses that are refined.
    pub candidates: usize,
    /// Features nearer to each other than this many pixels are at one place.
    pub place_radius: f64,
    /// Inliers nearer to each other than this share of the image's diagonal, in either image, are one piece
    /// of evidence to the bound: their patches overlap, and what fits one fits the other. It also keeps a
    /// small shared mark (a logo, a line of print) from weighing as much as a shared picture.
    pub independence: f64,
    /// What the transform may do to the region its inliers cover.
    pub plausibility: Plausibility,
}

impl Default for VerifyConfig {
    fn default() -> Self {
        Self {
            threshold: 8.0,
            widening: 4.0,
            max_scale_ratio: 2.0,
            max_angle: 0.6,
            model: TransformModel::Homography,
            min_inliers: 4,
            candidates: 8,
            place_radius: 2.0,
            independence: 0.02,
            plausibility: Plausibility::default(),
        }
    }
}

/// A transform that part of the correspondences agree on.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// Maps the first image to the second.
    pub transform: Transform,
    /// Positions in the input of those that agree, ascending. One-to-one: no place of either image occurs
    /// twice.
    pub inliers: Vec<u32>,
    /// Decimal logarithm of how often chance would give as much. The lower the surer; a match should be
    /// well below 0.
    pub log10_nfa: f64,
    /// The family of the transform.
    pub model: TransformModel,
}

/// Fewest inliers from which each family is tried.
const AFFINE_FROM: usize = 5;
const HOMOGRAPHY_FROM: usize = 9;
/// Tolerances of the refinement, as multiples of the threshold; the first is the widening itself.
const NARROWING: [f32; 4] = [2.5, 1.6, 1.0, 1.0];
/// Smallest distance, pixels, that the bound takes as meaningful: positions are no better than this.
const FINEST: f64 = 0.7;

/// Finds the transform from the first image to the second that is least likely to be an accident.
///
/// Sizes are (width, height) in pixels of the images that the frames are given in. `None` when fewer
/// than `min_inliers` agree, or when sizes or configuration cannot be used. Correspondences that are not
/// finite or have no scale are never inliers but count as tried.
pub fn verify(
    correspondences: &[Correspondence],
    from_size: (f64, f64),
    to_size: (f64, f64),
    config: &VerifyConfig,
) -> Option<Verification> {
    let usable = |size: (f64, f64)| size.0 > 0.0 && size.1 > 0.0 && size.0.hypot(size.1) < 1e9;
    let within = |v: f64, low: f64| v > low && v.is_finite();
    if !usable(from_size)
        || !usable(to_size)
        || !within(config.threshold, 0.0)
        || !within(config.max_angle, 0.0)
        || !within(config.max_scale_ratio, 1.0)
        || !within(config.widening, 0.5)
        || correspondences.len() < config.min_inliers.max(3)
    {
        return None;
    }
    let mut scratch = SCRATCH.take().unwrap_or_default();
    let found = Search::new(correspondences, from_size, to_size, config, &mut scratch).run();
    if correspondences.len() <= KEPT {
        SCRATCH.set(Some(scratch));
    }
    found
}

/// Most correspondences whose memory a thread keeps; some hundred bytes each.
const KEPT: usize = 1 << 15;

thread_local! {
    static SCRATCH: RefCell<Option<Box<Scratch>>> = const { RefCell::new(None) };
}

/// Memory that a thread uses again for its next call.
#[derive(Default)]
struct Scratch {
    tentative: Tentative,
    support: Vec<f32>,
    seeds: Vec<u32>,
    explained: Vec<bool>,
    agreeing: Vec<Agreeing>,
    /// `agreeing` by distance: the bits of the relative one, then the place.
    nearest: Vec<u64>,
    chosen: Vec<Agreeing>,
    pairs: Vec<Pair>,
    from_taken: Taken,
    to_taken: Taken,
    independent: Independent,
    distances: Vec<f64>,
    least_nfa: LeastNfa,
}

/// One call of [`verify`].
struct Search<'a> {
    config: &'a VerifyConfig,
    scratch: &'a mut Scratch,
    tried: usize,
    to_area: f64,
    tight: Tolerance,
    /// Distance in the first and in the second image from which inliers count singly.
    independence: (f32, f32),
}

/// A hypothesis after refinement.
struct Refined {
    transform: Transform,
    model: TransformModel,
    rows: Vec<u32>,
    log10_nfa: f64,
}

impl<'a> Search<'a> {
    fn new(
        correspondences: &[Correspondence],
        from_size: (f64, f64),
        to_size: (f64, f64),
        config: &'a VerifyConfig,
        scratch: &'a mut Scratch,
    ) -> Self {
        let relative = from_size.0.hypot(from_size.1) / to_size.0.hypot(to_size.1);
        let radius = config.place_radius.max(0.0);
        let t = &mut scratch.tentative;
        t.fill(correspondences, (radius * relative) as f32, radius as f32);
        scratch.from_taken.reset(t.from.count());
        scratch.to_taken.reset(t.to.count());
        let tight = Tolerance {
            to: config.threshold as f32,
            from: (config.threshold * relative) as f32,
            angle: config.max_angle as f32,
            log_scale: config.max_scale_ratio.ln() as f32,
        };
        Self {
            config,
            tried: correspondences.len(),
            to_area: to_size.0 * to_size.1,
            tight,
            independence: (
                (config.independence * from_size.0.hypot(from_size.1)) as f32,
                (config.independence * to_size.0.hypot(to_size.1)) as f32,
            ),
            scratch,
        }
    }

    fn widened(&self, factor: f32) -> Tolerance {
        Tolerance {
            to: self.tight.to * factor,
            from: self.tight.from * factor,
            ..self.tight
        }
    }

    fn run(mut self) -> Option<Verification> {
        let count = self.scratch.tentative.len;
        if count < self.config.min_inliers.max(3) {
            return None;
        }
        self.rank();
        self.scratch.explained.clear();
        self.scratch.explained.resize(count, false);
        let mut best: Option<Refined> = None;
        let mut refined_count = 0;
        for place in 0..count {
            let seed = self.scratch.seeds[place] as usize;
            let support = self.scratch.support[seed];
            // Most of the support survives refinement; much less cannot win any more.
            let hopeless = best
                .as_ref()
                .is_some_and(|b| support < 0.3 * b.rows.len() as f32);
            if refined_count == self.config.candidates
                || hopeless
                || support <= 1.5 * self.scratch.tentative.share[seed]
            {
                break;
            }
            if self.scratch.explained[seed] {
                continue;
            }
            refined_count += 1;
            self.scratch.explained[seed] = true;
            let Some(refined) = self.refine(seed) else {
                continue;
            };
            self.explain(&refined);
            if best
                .as_ref()
                .is_none_or(|b| refined.log10_nfa < b.log10_nfa)
            {
                best = Some(refined);
            }
        }
        let best = best?;
        let index = &self.scratch.tentative.index;
        let mut inliers: Vec<u32> = best.rows.iter().map(|&r| index[r as usize]).collect();
        inliers.sort_unstable();
        Some(Verification {
            transform: best.transform,
            inliers,
            log10_nfa: best.log10_nfa,
            model: best.model,
        })
    }

    /// The support of every proposal, and the proposals from the best supported down.
    fn rank(&mut self) {
        let widened = self.widened(self.config.widening as f32);
        let Scratch {
            tentative,
            support,
            seeds,
            ..
        } = &mut *self.scratch;
        tentative.support(&widened, support);
        seeds.clear();
        seeds.extend(0..tentative.len as u32);
        seeds.sort_unstable_by(|&i, &j| {
            support[j as usize]
                .total_cmp(&support[i as usize])
                .then(i.cmp(&j))
        });
    }

    /// Marks what agrees with a refined hypothesis, inlier or not: one at a place that is taken by another would
    /// propose the same transform again.
    fn explain(&mut self, refined: &Refined) {
        let Scratch {
            tentative,
            agreeing,
            explained,
            ..
        } = &mut *self.scratch;
        tentative.collect(&refined.transform, &self.tight, agreeing);
        let agreeing = agreeing.iter().map(|a| a.row);
        for row in agreeing.chain(refined.rows.iter().copied()) {
            explained[row as usize] = true;
        }
    }

    /// Fills `chosen` with a one-to-one selection of those that agree, nearest first.
    fn choose(&mut self, transform: &Transform, tolerance: &Tolerance) {
        let Scratch {
            tentative,
            agreeing,
            nearest,
            chosen,
            from_taken,
            to_taken,
            ..
        } = &mut *self.scratch;
        tentative.collect(transform, tolerance, agreeing);
        // Bits of values that are not negative ascend as the values do.
        let key = |(a, place): (&Agreeing, u64)| u64::from(a.relative.to_bits()) << 32 | place;
        nearest.clear();
        nearest.extend(agreeing.iter().zip(0..).map(key));
        nearest.sort_unstable();
        from_taken.clear();
        to_taken.clear();
        chosen.clear();
        for &key in nearest.iter() {
            let candidate = agreeing[key as u32 as usize];
            let row = candidate.row as usize;
            let (from, to) = (tentative.from.of(row), tentative.to.of(row));
            if !from_taken.holds(from) && !to_taken.holds(to) {
                from_taken.take(from);
                to_taken.take(to);
                chosen.push(candidate);
            }
        }
    }

    /// Weighted least squares on `chosen`, the nearer the heavier.
    fn fit_chosen(&mut self, model: TransformModel) -> Option<Transform> {
        let Scratch {
            tentative: t,
            chosen,
            pairs,
            ..
        } = &mut *self.scratch;
        pairs.clear();
        pairs.extend(chosen.iter().map(|c| {
            let row = c.row as usize;
            let [x, y, u, v] = [t.x[row], t.y[row], t.u[row], t.v[row]].map(f64::from);
            // Tukey's biweight, kept off zero.
            let weight = f64::from(1.0 - 0.9 * c.relative).powi(2);
            Pair { x, y, u, v, weight }
        }));
        fit_pairs(&self.scratch.pairs, model).filter(|fitted| self.is_plausible(fitted))
    }

    /// Plausible over the box of the points last fitted.
    fn is_plausible(&self, transform: &Transform) -> bool {
        let (mut low, mut high) = ((f64::MAX, f64::MAX), (f64::MIN, f64::MIN));
        for p in &self.scratch.pairs {
            low = (low.0.min(p.x), low.1.min(p.y));
            high = (high.0.max(p.x), high.1.max(p.y));
        }
        let (width, height) = ((high.0 - low.0).max(1.0), (high.1 - low.1).max(1.0));
        transform.is_plausible(low.0, low.1, width, height, &self.config.plausibility)
    }

    fn refine(&mut self, seed: usize) -> Option<Refined> {
        let mut transform = self.scratch.tentative.proposed(seed);
        self.choose(&transform, &self.widened(self.config.widening as f32));
        for factor in NARROWING {
            if self.scratch.chosen.len() < self.config.min_inliers.max(3) {
                return None;
            }
            let affine = (self.scratch.chosen.len() >= AFFINE_FROM
                && self.config.model >= TransformModel::Affine)
                .then(|| self.fit_chosen(TransformModel::Affine))
                .flatten();
            transform = match affine {
                Some(fitted) => fitted,
                None => self.fit_chosen(TransformModel::Similarity)?,
            };
            self.choose(&transform, &self.widened(factor));
        }
        let model =
            if transform.0[0][0] == transform.0[1][1] && transform.0[0][1] == -transform.0[1][0] {
                TransformModel::Similarity
            } else {
                TransformModel::Affine
            };
        let mut best = self.judged(transform, model);
        for other in [TransformModel::Similarity, TransformModel::Homography] {
            let enough = other == TransformModel::Similarity
                || best
                    .as_ref()
                    .is_some_and(|b| b.rows.len() >= HOMOGRAPHY_FROM);
            if other == model || other > self.config.model || !enough {
                continue;
            }
            if let Some(rival) = self.rival(&transform, other)
                && best.as_ref().is_none_or(|b| rival.log10_nfa < b.log10_nfa)
            {
                best = Some(rival);
            }
        }
        best
    }

    /// The same hypothesis in another family.
    fn rival(&mut self, transform: &Transform, model: TransformModel) -> Option<Refined> {
        self.choose(transform, &self.widened(1.6));
        let mut fitted = *transform;
        for factor in [1.3, 1.0] {
            if self.scratch.chosen.len() < self.config.min_inliers.max(3) {
                return None;
            }
            fitted = self.fit_chosen(model)?;
            self.choose(&fitted, &self.widened(factor));
        }
        self.judged(fitted, model)
    }

    /// `chosen` as a result, with its number of false alarms.
    fn judged(&mut self, transform: Transform, model: TransformModel) -> Option<Refined> {
        if self.scratch.chosen.len() < self.config.min_inliers.max(3) {
            return None;
        }
        let log10_nfa = self.bound(&transform, model)?;
        let rows = self.scratch.chosen.iter().map(|c| c.row).collect();
        Some(Refined {
            transform,
            model,
            rows,
            log10_nfa,
        })
    }

    /// The lowest bound over all tolerances that the inliers' own distances give.
    fn bound(&mut self, transform: &Transform, model: TransformModel) -> Option<f64> {
        let Scratch {
            tentative: t,
            chosen,
            independent,
            distances,
            least_nfa,
            ..
        } = &mut *self.scratch;
        let count = chosen.len() as f64;
        let centre = chosen.iter().fold((0.0, 0.0), |sum, c| {
            let row = c.row as usize;
            (
                sum.0 + f64::from(t.x[row]) / count,
                sum.1 + f64::from(t.y[row]) / count,
            )
        });
        let scale = transform.scale_at(centre.0, centre.1)?;
        let turn = transform.rotation_at(centre.0, centre.1)?;
        let alike = t.count_frames(turn as f32, scale.ln() as f32, &self.tight);
        let others = t.len.saturating_sub(chosen.len()) as f64;
        let alike = alike.saturating_sub(chosen.len()) as f64;
        // What the correspondences that disagree say, with ten of the uniform model beside them.
        let uniform = self.config.max_angle / std::f64::consts::PI * 0.5;
        let frames = (alike + 10.0 * uniform) / (others + 10.0);
        let finest = FINEST * scale.min(1.0);
        distances.clear();
        independent.clear();
        for c in chosen.iter() {
            let row = c.row as usize;
            if independent.keep([t.x[row], t.y[row], t.u[row], t.v[row]], self.independence) {
                distances.push(f64::from(c.to_squared).sqrt().max(finest));
            }
        }
        distances.sort_unstable_by(f64::total_cmp);
        let tolerances = (distances.len().max(1) as f64).log10();
        let probability = |n: usize| {
            let distance: f64 = distances[n - 1];
            let area = std::f64::consts::PI * distance * distance / self.to_area;
            (area * frames).min(1.0).log10()
        };
        let sample = model.sample_size();
        least_nfa.of(self.tried, distances.len(), sample, probability, tolerances)
    }
}
