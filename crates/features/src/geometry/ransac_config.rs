//! The choices of [`ransac`](crate::ransac).

use serde::{Deserialize, Serialize};

use super::two_view::{SampleKind, TwoViewModel};

/// Which samples are drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// All samples alike.
    #[default]
    Uniform,
    /// Samples of the correspondences with the largest weights first, then of more and more of them (PROSAC, Chum
    /// and Matas 2005).
    Prosac,
}

/// What the best geometry is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scoring {
    /// The one with most inliers (Fischler and Bolles 1981).
    InlierCount,
    /// The one of least truncated squared error (Torr and Zisserman 2000).
    #[default]
    Msac,
    /// The one of least error marginalised over the noise's level (MAGSAC++, Barath, Noskova, Ivashechkin and
    /// Matas 2020); the threshold becomes an upper bound.
    Magsac,
}

/// What is done with every new best geometry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LocalOptimisation {
    /// Nothing until the end.
    Off,
    /// Reweighted least squares with a tolerance that narrows; with [`Scoring::Magsac`] its own weights
    /// (sigma-consensus++).
    #[default]
    Iterated,
    /// Samples of more than the minimum drawn from its inliers, each optimised as in `Iterated` (LO-RANSAC, Chum,
    /// Matas and Kittler 2003).
    LoRansac,
    /// The same with at most seven times the minimum of pairs in a fit (LO⁺, Lebeda, Matas and Chum 2012): time
    /// no longer grows with the number of inliers.
    LoPlus,
}

/// How a hopeless geometry is told from few correspondences.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// Only by its cost, when that exceeds the best one's.
    #[default]
    Off,
    /// One correspondence drawn at random must agree (T(d,d) with the best d, 1: Matas and Chum 2004).
    Tdd,
    /// Wald's sequential test, its two probabilities learned on the way (Matas and Chum 2005; Chum and Matas
    /// 2008).
    Sprt,
}

/// What is done about scenes that do not fix a fundamental matrix.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Degeneracy {
    /// Nothing.
    Ignore,
    /// A sample mostly on one plane gives its homography, and two pairs off the plane the rest (DEGENSAC, Chum,
    /// Werner and Matas 2005). Only of a fundamental matrix.
    #[default]
    Degensac,
}

crate::named_choice!(Sampling, "sampling", Uniform => "uniform", Prosac => "prosac");
crate::named_choice!(
    Scoring,
    "scoring",
    InlierCount => "inlier_count",
    Msac => "msac",
    Magsac => "magsac",
);
crate::named_choice!(
    LocalOptimisation,
    "local optimisation",
    Off => "off",
    Iterated => "iterated",
    LoRansac => "lo_ransac",
    LoPlus => "lo_plus",
);
crate::named_choice!(Rejection, "rejection", Off => "off", Tdd => "tdd", Sprt => "sprt");
crate::named_choice!(Degeneracy, "treatment of degeneracy", Ignore => "ignore", Degensac => "degensac");

/// How [`ransac`](crate::ransac) searches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RansacConfig {
    /// The family of the geometry.
    pub model: TwoViewModel,
    /// What minimal samples are made of.
    pub sample: SampleKind,
    /// Which samples are drawn.
    pub sampling: Sampling,
    /// What the best is.
    pub scoring: Scoring,
    /// What is done with every new best.
    pub local: LocalOptimisation,
    /// How a hopeless geometry is told early.
    pub rejection: Rejection,
    /// What is done about a dominant plane.
    pub degeneracy: Degeneracy,
    /// Largest error of an inlier, pixels: transfer error in the second image, or Sampson error. Positive.
    pub threshold: f64,
    /// Probability with which the best consensus should be found, in (0, 1).
    pub confidence: f64,
    /// Most samples drawn.
    pub max_iterations: usize,
    /// Fewest samples drawn, whatever the consensus.
    pub min_iterations: usize,
    /// Start of the random generator.
    pub seed: u64,
}

impl Default for RansacConfig {
    fn default() -> Self {
        Self {
            model: TwoViewModel::Homography,
            sample: SampleKind::Points,
            sampling: Sampling::Uniform,
            scoring: Scoring::Msac,
            local: LocalOptimisation::Iterated,
            rejection: Rejection::Off,
            degeneracy: Degeneracy::Degensac,
            threshold: 3.0,
            confidence: 0.999,
            max_iterations: 10_000,
            min_iterations: 0,
            seed: 0,
        }
    }
}

impl RansacConfig {
    /// Whether the numbers can be used.
    pub(crate) fn is_usable(&self) -> bool {
        self.threshold > 0.0
            && self.threshold.is_finite()
            && self.confidence > 0.0
            && self.confidence < 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_as_they_are_written() {
        fn same<T>(all: &[T])
        where
            T: Copy + PartialEq + std::fmt::Debug + std::fmt::Display + std::str::FromStr,
            T: Serialize,
            T::Err: PartialEq + std::fmt::Debug,
        {
            for &choice in all {
                assert_eq!(choice.to_string().parse(), Ok(choice));
                let json = serde_json::to_string(&choice).unwrap();
                assert_eq!(json, format!("\"{choice}\""));
            }
        }
        same(&Sampling::ALL);
        same(&Scoring::ALL);
        same(&LocalOptimisation::ALL);
        same(&Rejection::ALL);
        same(&Degeneracy::ALL);
        same(&TwoViewModel::ALL);
        same(&SampleKind::ALL);
        assert_eq!(
            "wald".parse::<Rejection>().unwrap_err().to_string(),
            "there is no rejection 'wald'; choose off, tdd or sprt"
        );
    }
}
