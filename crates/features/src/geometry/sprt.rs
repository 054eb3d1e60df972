//! Wald's sequential probability ratio test of a geometry.
//!
//! Correspondences are looked at one after another; the likelihood that they are so if the geometry is bad, over
//! that if it is good, is multiplied up, and the geometry is refused when it exceeds A. A is chosen so that the whole
//! search is fastest for the share ε of inliers of a good geometry and δ of a bad one (Matas and Chum, ICCV 2005;
//! Chum and Matas, PAMI 2008). Both are learned: ε from the best geometry so far, δ from the refused ones. Each
//! change begins a new test, and the number of samples that are needed takes account of what every test
//! may have refused wrongly.

/// The first guess of ε: few inliers.
const FIRST_EPSILON: f64 = 0.1;
/// The first guess of δ.
const FIRST_DELTA: f64 = 0.05;
/// How much δ must have changed, relatively, for a new test.
const CHANGE: f64 = 0.05;

/// One test, and how many samples it has been used for.
#[derive(Debug, Clone, Copy)]
struct Test {
    epsilon: f64,
    delta: f64,
    threshold: f64,
    samples: usize,
}

/// The tests of a search so far.
#[derive(Debug, Clone)]
pub(crate) struct Sprt {
    /// Time to make the geometries of a sample, in verifications of one correspondence.
    making: f64,
    /// Geometries a sample gives on the average.
    models: f64,
    tests: Vec<Test>,
    seen: usize,
    agreed: usize,
}

/// How far one geometry has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ratio {
    agreeing: f64,
    disagreeing: f64,
    threshold: f64,
    value: f64,
    seen: usize,
    agreed: usize,
}

impl Ratio {
    /// Takes correspondences in, in order; false as soon as the geometry is refused.
    #[inline]
    pub(crate) fn goes_on(&mut self, agreeing: impl Iterator<Item = bool>) -> bool {
        for agrees in agreeing {
            self.seen += 1;
            self.agreed += usize::from(agrees);
            self.value *= if agrees {
                self.agreeing
            } else {
                self.disagreeing
            };
            if self.value > self.threshold {
                return false;
            }
        }
        true
    }
}

impl Sprt {
    pub(crate) fn new(making: f64, models: f64) -> Self {
        let mut sprt = Self {
            making,
            models,
            tests: Vec::new(),
            seen: 0,
            agreed: 0,
        };
        sprt.begin(FIRST_EPSILON, FIRST_DELTA);
        sprt
    }

    fn current(&self) -> Test {
        // `new` begins the first test.
        self.tests.last().copied().unwrap_or(Test {
            epsilon: FIRST_EPSILON,
            delta: FIRST_DELTA,
            threshold: f64::INFINITY,
            samples: 0,
        })
    }

    fn begin(&mut self, epsilon: f64, delta: f64) {
        let epsilon = epsilon.clamp(1e-4, 0.999);
        // A bad geometry has fewer inliers than a good one.
        let delta = delta.clamp(1e-5, 0.9 * epsilon);
        let test = Test {
            epsilon,
            delta,
            threshold: decision(epsilon, delta, self.making, self.models),
            samples: 0,
        };
        match self.tests.last_mut() {
            Some(last) if last.samples == 0 => *last = test,
            _ => self.tests.push(test),
        }
    }

    /// The beginning of one geometry's test.
    pub(crate) fn ratio(&self) -> Ratio {
        let test = self.current();
        Ratio {
            agreeing: test.delta / test.epsilon,
            disagreeing: (1.0 - test.delta) / (1.0 - test.epsilon),
            threshold: test.threshold,
            value: 1.0,
            seen: 0,
            agreed: 0,
        }
    }

    /// One more sample was drawn.
    pub(crate) fn count_sample(&mut self) {
        if let Some(test) = self.tests.last_mut() {
            test.samples += 1;
        }
    }

    /// A geometry was refused: its agreeing share tells δ.
    pub(crate) fn refused(&mut self, ratio: &Ratio) {
        self.seen += ratio.seen;
        self.agreed += ratio.agreed;
        // Enough for the estimate to mean something.
        if self.seen < 500 {
            return;
        }
        let delta = (self.agreed as f64 / self.seen as f64).max(1e-5);
        let Test {
            epsilon,
            delta: old,
            ..
        } = self.current();
        if (delta - old).abs() > CHANGE * old && delta < 0.9 * epsilon {
            self.begin(epsilon, delta);
        }
        if self.seen > 100_000 {
            // Newer geometries count more.
            (self.seen, self.agreed) = (self.seen / 2, self.agreed / 2);
        }
    }

    /// A new best geometry has this share of inliers.
    pub(crate) fn improved(&mut self, epsilon: f64) {
        let Test {
            epsilon: old,
            delta,
            ..
        } = self.current();
        if epsilon > old {
            self.begin(epsilon, delta);
        }
    }

    /// Samples after which a good one was drawn and not refused with the wanted confidence, when a sample is good
    /// with probability `clean` and a good geometry has the share `epsilon` of inliers.
    pub(crate) fn needed(&self, clean: f64, epsilon: f64, confidence: f64) -> f64 {
        let mut left = (1.0 - confidence).ln();
        let mut samples = 0.0;
        let Some((current, past)) = self.tests.split_last() else {
            return f64::INFINITY;
        };
        for test in past {
            left -= test.samples as f64 * ln_missed(clean, epsilon, test);
            samples += test.samples as f64;
        }
        if left >= 0.0 {
            return samples;
        }
        let each = ln_missed(clean, epsilon, current);
        if each == 0.0 {
            return f64::INFINITY;
        }
        samples + (left / each).ceil()
    }
}

/// ln of the probability that one sample is not good or is refused wrongly; 0 where that is certain.
fn ln_missed(clean: f64, epsilon: f64, test: &Test) -> f64 {
    let refused = test.threshold.powf(-exponent(epsilon, test));
    let found = (clean * (1.0 - refused)).clamp(0.0, 1.0 - 1e-12);
    (-found).ln_1p()
}

/// h with ε (δᵢ/εᵢ)ʰ + (1 − ε) ((1 − δᵢ)/(1 − εᵢ))ʰ = 1: the test refuses a geometry of the share ε with
/// probability A⁻ʰ.
fn exponent(epsilon: f64, test: &Test) -> f64 {
    let good = (test.delta / test.epsilon).ln();
    let bad = ((1.0 - test.delta) / (1.0 - test.epsilon)).ln();
    let excess = |h: f64| epsilon * (h * good).exp() + (1.0 - epsilon) * (h * bad).exp() - 1.0;
    if epsilon * good + (1.0 - epsilon) * bad >= 0.0 {
        // Fewer inliers than the test expects of good geometries: it may refuse any of them.
        return 0.0;
    }
    let (mut low, mut high) = (1e-9, 1.0);
    while excess(high) < 0.0 && high < 1e3 {
        high *= 2.0;
    }
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if excess(middle) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// The threshold A of the fastest test, the fixed point of A = K + 1 + ln A.
fn decision(epsilon: f64, delta: f64, making: f64, models: f64) -> f64 {
    let information =
        (1.0 - delta) * ((1.0 - delta) / (1.0 - epsilon)).ln() + delta * (delta / epsilon).ln();
    let base = making * information / models + 1.0;
    let mut threshold = base;
    for _ in 0..30 {
        threshold = base + threshold.ln();
    }
    threshold
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_geometries_are_refused_early_and_good_ones_pass() {
        let mut sprt = Sprt::new(200.0, 1.0);
        sprt.improved(0.5);
        let mut bad = sprt.ratio();
        // One in twenty agrees.
        assert!(!bad.goes_on((0..200).map(|i| i % 20 == 19)));
        assert!(bad.seen < 40, "{}", bad.seen);
        let mut good = sprt.ratio();
        assert!(good.goes_on((0..1000).map(|i| i % 2 == 0)));
    }

    #[test]
    fn the_threshold_is_a_fixed_point_and_wrong_refusals_cost_samples() {
        let a = decision(0.5, 0.05, 200.0, 1.0);
        let information = 0.95 * (0.95f64 / 0.5).ln() + 0.05 * (0.05f64 / 0.5).ln();
        assert!((a - (200.0 * information + 1.0 + a.ln())).abs() < 1e-9);
        let mut sprt = Sprt::new(200.0, 1.0);
        sprt.improved(0.5);
        // Where the share is what the test was made for, a good one is refused with probability 1/A.
        let h = exponent(0.5, &sprt.current());
        assert!((h - 1.0).abs() < 1e-6, "{h}");
        let plain = (0.001f64.ln() / (1.0 - 0.0625f64).ln()).ceil();
        let needed = sprt.needed(0.0625, 0.5, 0.999);
        assert!(needed >= plain && needed < 1.1 * plain, "{needed} {plain}");
        // Fewer inliers than the test passes: no number of samples is enough.
        assert_eq!(sprt.needed(1e-9, 0.06, 0.999), f64::INFINITY);
        assert_eq!(sprt.needed(0.0, 0.5, 0.999), f64::INFINITY);
    }

    #[test]
    fn the_share_of_bad_geometries_is_learned() {
        let mut sprt = Sprt::new(200.0, 1.0);
        sprt.improved(0.6);
        for _ in 0..200 {
            sprt.count_sample();
            let mut ratio = sprt.ratio();
            if !ratio.goes_on((0..300).map(|i| i % 10 == 5)) {
                sprt.refused(&ratio);
            }
        }
        let delta = sprt.current().delta;
        assert!((0.02..0.2).contains(&delta), "{delta}");
        assert!(sprt.tests.len() < 20);
    }
}
