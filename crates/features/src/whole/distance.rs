//! How far apart two descriptions are.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::earth_movers::earth_movers_1d;
use crate::extractor::{UnknownName, named};

/// A distance of two vectors of one length; 0 for equal ones.
///
/// Chi-squared, intersection and Hellinger are distances of histograms: negative values count as 0, and both vectors
/// are brought to the sum 1 first. Of two vectors without any mass the distance is 0, of one with and one without it
/// is the largest there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distance {
    /// Sum of the absolute differences.
    L1,
    /// Euclidean distance.
    L2,
    /// 1 less the cosine of the angle, `[0, 2]`: half the squared Euclidean distance of the vectors brought to length
    /// 1.
    Cosine,
    /// Half the sum of `(a - b)² / (a + b)`, `[0, 1]`.
    ChiSquared,
    /// 1 less the sum of the smaller ones, `[0, 1]` (Swain & Ballard 1991); half of [`Distance::L1`] for histograms of
    /// the sum 1.
    Intersection,
    /// Root of 1 less the sum of `√(ab)`, `[0, 1]`.
    Hellinger,
    /// The least work that turns one histogram into the other (Rubner, Tomasi & Guibas, IJCV 2000). Here the bins lie on
    /// a line, one apart; a histogram of colour knows where its bins lie, see
    /// [`WholeImage::between`](crate::WholeImage::between).
    EarthMovers,
    /// The number of components of which one is above a half and the other is not.
    Hamming,
    /// That of the colour layout of MPEG-7: the sum of the Euclidean distances of luma and the two chromas. Only
    /// `layout` knows where these begin; elsewhere it is [`Distance::L2`].
    Layout,
}

impl Distance {
    /// All of them.
    pub const ALL: [Distance; 9] = [
        Distance::L1,
        Distance::L2,
        Distance::Cosine,
        Distance::ChiSquared,
        Distance::Intersection,
        Distance::Hellinger,
        Distance::EarthMovers,
        Distance::Hamming,
        Distance::Layout,
    ];

    /// The name as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Distance::L1 => "l1",
            Distance::L2 => "l2",
            Distance::Cosine => "cosine",
            Distance::ChiSquared => "chi_squared",
            Distance::Intersection => "intersection",
            Distance::Hellinger => "hellinger",
            Distance::EarthMovers => "earth_movers",
            Distance::Hamming => "hamming",
            Distance::Layout => "layout",
        }
    }

    /// The distance of two vectors; of different lengths, that of their common part. Summed in double precision.
    ///
    /// ```
    /// use vizsla_features::Distance;
    ///
    /// let (a, b) = ([0.5, 0.5, 0.0], [0.5, 0.0, 0.5]);
    /// assert_eq!(Distance::L1.between(&a, &b), 1.0);
    /// assert_eq!(Distance::Intersection.between(&a, &b), 0.5);
    /// assert_eq!(Distance::EarthMovers.between(&a, &b), 0.5);
    /// ```
    pub fn between(self, a: &[f32], b: &[f32]) -> f32 {
        let pairs = || a.iter().zip(b).map(|(&a, &b)| (f64::from(a), f64::from(b)));
        let distance = match self {
            Distance::L1 => pairs().map(|(a, b)| (a - b).abs()).sum(),
            Distance::L2 | Distance::Layout => {
                pairs().map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
            }
            Distance::Cosine => cosine(pairs()),
            Distance::ChiSquared => 1.0 - kernel(pairs, |a, b| 2.0 * a * b / (a + b)),
            Distance::Intersection => 1.0 - kernel(pairs, f64::min),
            Distance::Hellinger => (1.0 - kernel(pairs, |a, b| (a * b).sqrt())).max(0.0).sqrt(),
            Distance::EarthMovers => earth_movers_1d(a, b),
            Distance::Hamming => pairs().filter(|(a, b)| (*a > 0.5) != (*b > 0.5)).count() as f64,
        };
        distance.max(0.0) as f32
    }
}

fn cosine(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for (a, b) in pairs {
        aa += a * a;
        bb += b * b;
        ab += a * b;
    }
    if aa > 0.0 && bb > 0.0 {
        1.0 - ab / (aa * bb).sqrt()
    } else if aa == bb {
        0.0
    } else {
        1.0
    }
}

/// The sum of an additive kernel over two histograms brought to the sum 1; `one` is 1 for two equal histograms.
fn kernel<I: Iterator<Item = (f64, f64)>>(
    pairs: impl Fn() -> I,
    one: impl Fn(f64, f64) -> f64,
) -> f64 {
    let mass = pairs().fold((0.0, 0.0), |sum, (a, b)| {
        (sum.0 + a.max(0.0), sum.1 + b.max(0.0))
    });
    if mass.0 == 0.0 || mass.1 == 0.0 {
        return if mass.0 == mass.1 { 1.0 } else { 0.0 };
    }
    let both = pairs().filter(|&(a, b)| a > 0.0 && b > 0.0);
    both.map(|(a, b)| one(a / mass.0, b / mass.1)).sum()
}

impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Distance {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        named("distance", text, &Self::ALL, Self::name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for distance in Distance::ALL {
            assert_eq!(distance.to_string().parse(), Ok(distance));
            let json = serde_json::to_string(&distance).unwrap();
            assert_eq!(json, format!("\"{distance}\""));
        }
        let error = "l3".parse::<Distance>().unwrap_err().to_string();
        assert!(error.starts_with("there is no distance 'l3'; choose l1, l2"));
    }

    #[test]
    fn equal_vectors_are_at_distance_zero_and_nothing_is_far_from_something() {
        let (a, zero) = ([0.25f32, 0.5, 0.0, 1.0], [0.0f32; 4]);
        for distance in Distance::ALL {
            assert!(distance.between(&a, &a) < 1e-6, "{distance}");
            assert_eq!(distance.between(&zero, &zero), 0.0, "{distance}");
            assert!(distance.between(&a, &zero) >= 1.0, "{distance}");
            assert!(distance.between(&zero, &a) >= 1.0, "{distance}");
        }
    }
}
