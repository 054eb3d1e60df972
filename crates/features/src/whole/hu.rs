//! The seven moments that shifts, scalings and rotations leave as they are (Hu, "Visual pattern recognition by moment
//! invariants", 1962), of grey values in `[0, 1]`. Checked against OpenCV.

use std::fmt;

use vizsla_pixels::Gray;

use super::distance::Distance;
use super::method::Method;
use super::picture::Picture;
use super::spec::Spec;

/// Orders of magnitude below 1 at which a moment counts as zero.
const ORDERS: f64 = 12.0;

/// Hu's moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HuMoments;

impl HuMoments {
    pub(super) const FORM: &str = "no parameters";

    pub(super) fn parse(spec: &Spec) -> Option<Self> {
        (spec.parameters().is_none() && spec.has_no_grid()).then_some(HuMoments)
    }
}

impl Method for HuMoments {
    fn dimension(&self) -> usize {
        7
    }

    /// The orders of magnitude by which each moment is above 10⁻¹², with its sign: `sign(h) · max(0, 12 + log10 |h|)`,
    /// which passes through zero without a step. All zero for a black image.
    fn describe(&self, picture: &Picture) -> Vec<f32> {
        let moments = invariants(central(&picture.gray));
        let scaled = moments.map(|h| {
            let size = (ORDERS + h.abs().log10()).max(0.0);
            size.copysign(h) as f32
        });
        scaled.to_vec()
    }

    fn distances(&self) -> &'static [Distance] {
        &[Distance::L1, Distance::L2, Distance::Cosine]
    }
}

impl fmt::Display for HuMoments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hu")
    }
}

/// Central moments `[x power][y power]`, brought to scale 1.
fn central(image: &Gray) -> [[f64; 4]; 4] {
    let mut raw = [[0.0f64; 4]; 4];
    for y in 0..image.height() {
        let mut sums = [0.0f64; 4];
        for (x, &value) in image.row(y).iter().enumerate() {
            let mut term = f64::from(value) / 255.0;
            for sum in &mut sums {
                *sum += term;
                term *= x as f64;
            }
        }
        for (p, sum) in sums.into_iter().enumerate() {
            let mut term = sum;
            for moment in &mut raw[p] {
                *moment += term;
                term *= y as f64;
            }
        }
    }
    let mass = raw[0][0];
    let mut central = [[0.0; 4]; 4];
    if mass == 0.0 {
        return central;
    }
    let (x, y) = (raw[1][0] / mass, raw[0][1] / mass);
    let binomial = [
        [1.0, 0.0, 0.0, 0.0],
        [1.0, 1.0, 0.0, 0.0],
        [1.0, 2.0, 1.0, 0.0],
        [1.0, 3.0, 3.0, 1.0],
    ];
    for p in 0..4usize {
        for q in 0..4 - p {
            let mut sum = 0.0;
            for i in 0..=p {
                for j in 0..=q {
                    let shift = (-x).powi((p - i) as i32) * (-y).powi((q - j) as i32);
                    sum += binomial[p][i] * binomial[q][j] * shift * raw[i][j];
                }
            }
            central[p][q] = sum / mass.powf((p + q) as f64 / 2.0 + 1.0);
        }
    }
    central
}

fn invariants(n: [[f64; 4]; 4]) -> [f64; 7] {
    let (sum, difference, mixed) = (n[2][0] + n[0][2], n[2][0] - n[0][2], n[1][1]);
    let (a, b) = (n[3][0] + n[1][2], n[2][1] + n[0][3]);
    let (c, d) = (n[3][0] - 3.0 * n[1][2], 3.0 * n[2][1] - n[0][3]);
    let (aa, bb) = (a * a, b * b);
    let (e, g) = (a * (aa - 3.0 * bb), b * (3.0 * aa - bb));
    [
        sum,
        difference * difference + 4.0 * mixed * mixed,
        c * c + d * d,
        aa + bb,
        c * e + d * g,
        difference * (aa - bb) + 4.0 * mixed * a * b,
        d * e - c * g,
    ]
}
