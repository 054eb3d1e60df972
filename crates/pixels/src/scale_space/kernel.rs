//! Sampled Gaussian kernels and the mirror that continues an image beyond its border.

/// Half of a symmetric, normalised Gaussian kernel: `half[0]` is the centre, `half[i]` the weight at distance `i`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kernel {
    half: Vec<f32>,
}

impl Kernel {
    /// Samples a Gaussian of `sigma` pixels up to `truncate · sigma`, and normalises the sum to one.
    pub(crate) fn gaussian(sigma: f32, truncate: f32) -> Self {
        let sigma = f64::from(sigma.max(1e-3));
        let radius = ((sigma * f64::from(truncate)).round() as usize).max(1);
        let raw: Vec<f64> = (0..=radius)
            .map(|i| (-0.5 * (i as f64 / sigma).powi(2)).exp())
            .collect();
        let sum = raw[0] + 2.0 * raw[1..].iter().sum::<f64>();
        Self {
            half: raw.iter().map(|w| (w / sum) as f32).collect(),
        }
    }

    /// Distance of the outermost tap from the centre.
    pub(crate) fn radius(&self) -> usize {
        self.half.len() - 1
    }

    /// Centre first.
    pub(crate) fn half(&self) -> &[f32] {
        &self.half
    }
}

/// Continues `0..len` by mirroring without repeating the border: `… 2 1 | 0 1 2 …`. `len` is at least 1.
pub(crate) fn mirror(index: isize, len: usize) -> usize {
    if len == 1 {
        return 0;
    }
    let period = 2 * (len as isize - 1);
    let folded = index.rem_euclid(period);
    folded.min(period - folded) as usize
}
