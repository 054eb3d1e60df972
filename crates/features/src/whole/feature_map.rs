//! Vectors whose inner products are kernels.
//!
//! An index compares by inner products of vectors of length 1. For some distances there is a map under which that is
//! the same comparison: square roots for Hellinger, signs for Hamming, both exact. The kernels of chi-squared and of
//! the intersection are homogeneous, so that `k(x, y) = √(xy) K(log(y / x))`, and sampling the spectrum of `K` gives a
//! short map (Vedaldi & Zisserman, "Efficient additive kernels via explicit feature maps", PAMI 2012), checked against
//! scikit-learn's `AdditiveChi2Sampler`. For L1 in general, L2 of vectors of any length, and the earth mover's distance
//! there is none.

use std::f32::consts::PI;

use vizsla_vectors::l2_normalise;

/// Turns descriptions into vectors of length 1 whose inner product is the kernel of a distance: the cosine, the sum of
/// `√(ab)`, `2ab / (a + b)` or `min(a, b)`, or 1 less twice the share of differing bits.
#[derive(Clone, Debug)]
pub struct FeatureMap {
    form: Form,
    /// What each component is multiplied by first; empty for ones.
    weights: Vec<f32>,
    dimension: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Unit,
    Root,
    Signs,
    Homogeneous(Spectrum),
}

/// Samples of a spectrum: at 0 and at `order` multiples of `interval`. The intervals are those with the least largest
/// error, searched in hundredths over `log(y / x)` from -20 to 20, for maps that are brought to length 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spectrum {
    density: fn(f32) -> f32,
    order: usize,
    interval: f32,
}

impl Spectrum {
    /// Of `2xy / (x + y)`; three values for each one. Sums over histograms are off by at most 0.064.
    pub const CHI_SQUARED: Spectrum = Spectrum {
        density: |frequency| 1.0 / (PI * frequency).cosh(),
        order: 1,
        interval: 0.73,
    };
    /// Of `min(x, y)`; five values for each one, as its spectrum falls slowly. Sums are off by at most 0.15.
    pub const INTERSECTION: Spectrum = Spectrum {
        density: |frequency| 2.0 / (PI * (1.0 + 4.0 * frequency * frequency)),
        order: 2,
        interval: 1.17,
    };
}

impl FeatureMap {
    pub(super) fn new(form: Form, weights: Vec<f32>, dimension: usize) -> Self {
        FeatureMap {
            form,
            weights,
            dimension,
        }
    }

    /// Length of the vectors it makes.
    pub fn dimension(&self) -> usize {
        self.dimension * self.values_each()
    }

    fn values_each(&self) -> usize {
        match self.form {
            Form::Homogeneous(spectrum) => 2 * spectrum.order + 1,
            _ => 1,
        }
    }

    /// The vector of a description, of length 1. One without any mass (a flat image has no edges) becomes the zero
    /// vector, as similar to anything as unrelated images are. Of a longer description than the map is for the rest is
    /// left out; a shorter one is taken to end in zeros.
    pub fn map(&self, description: &[f32]) -> Vec<f32> {
        let weights = self.weights.iter().copied().chain(std::iter::repeat(1.0));
        let values = description
            .iter()
            .copied()
            .chain(std::iter::repeat(0.0))
            .zip(weights)
            .map(|(value, weight)| value * weight)
            .take(self.dimension);
        let mut out: Vec<f32> = match self.form {
            Form::Unit => values.collect(),
            Form::Root => values.map(|value| value.max(0.0).sqrt()).collect(),
            Form::Signs => values
                .map(|value| if value > 0.5 { 1.0 } else { -1.0 })
                .collect(),
            Form::Homogeneous(spectrum) => homogeneous(spectrum, values),
        };
        l2_normalise(&mut out);
        out
    }
}

/// The samples of each value, one after the other: the root, then a cosine and a sine for each frequency.
fn homogeneous(spectrum: Spectrum, values: impl Iterator<Item = f32>) -> Vec<f32> {
    let step = spectrum.interval;
    let sizes: Vec<f32> = (0..=spectrum.order)
        .map(|sample| {
            let share = if sample == 0 { 1.0 } else { 2.0 };
            (share * step * (spectrum.density)(sample as f32 * step)).sqrt()
        })
        .collect();
    let mut out = Vec::new();
    for value in values {
        if value <= 0.0 {
            out.resize(out.len() + 2 * spectrum.order + 1, 0.0);
            continue;
        }
        let (root, log) = (value.sqrt(), value.ln());
        out.push(root * sizes[0]);
        for (sample, size) in sizes.iter().enumerate().skip(1) {
            let (sin, cos) = (sample as f32 * step * log).sin_cos();
            out.push(root * size * cos);
            out.push(root * size * sin);
        }
    }
    out
}
