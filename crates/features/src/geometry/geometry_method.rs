//! The ways to geometry by their names, and what can be chosen of each.

use serde::{Deserialize, Serialize};

use super::two_view::TwoViewModel;

/// The ways from correspondences to what relates two images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GeometryMethod {
    /// The verdict of a search: every correspondence is a hypothesis, judged by place, size and direction.
    #[default]
    Verify,
    /// Random samples, every part of the search a choice.
    Ransac,
    /// Fast spatial matching as its paper has it.
    Spatial,
    /// Every correspondence votes for a pose.
    Hough,
    /// One geometry after another.
    Sequential,
    /// Correspondences that their neighbours bear out, without a model of the whole.
    LocalConsistency,
}

crate::named_choice!(
    GeometryMethod,
    "way to geometry",
    Verify => "verify",
    Ransac => "ransac",
    Spatial => "spatial",
    Hough => "hough",
    Sequential => "sequential",
    LocalConsistency => "local_consistency",
);

/// What can be chosen of a [`GeometryMethod`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GeometryOption {
    /// The family that is looked for.
    Model,
    /// Largest error of an inlier.
    Threshold,
    /// What one correspondence proposes.
    Hypothesis,
    /// What minimal samples are made of.
    Sample,
    /// Which samples are drawn.
    Sampling,
    /// What the best geometry is.
    Scoring,
    /// What is done with every new best.
    LocalOptimisation,
    /// How a hopeless geometry is told early.
    Rejection,
    /// What is done about a dominant plane.
    Degeneracy,
    /// Most geometries that are kept.
    Objects,
    /// Start of the random generator.
    Seed,
    /// Matching again where the geometry allows.
    Guided,
}

crate::named_choice!(
    GeometryOption,
    "option of geometry",
    Model => "model",
    Threshold => "threshold",
    Hypothesis => "hypothesis",
    Sample => "sample",
    Sampling => "sampling",
    Scoring => "scoring",
    LocalOptimisation => "local_optimisation",
    Rejection => "rejection",
    Degeneracy => "degeneracy",
    Objects => "objects",
    Seed => "seed",
    Guided => "guided",
);

/// What random sampling has, [`GeometryOption::Objects`] last.
const OF_SAMPLING: [GeometryOption; 10] = [
    GeometryOption::Model,
    GeometryOption::Threshold,
    GeometryOption::Sample,
    GeometryOption::Sampling,
    GeometryOption::Scoring,
    GeometryOption::LocalOptimisation,
    GeometryOption::Rejection,
    GeometryOption::Degeneracy,
    GeometryOption::Seed,
    GeometryOption::Guided,
];

const OF_SEQUENCE: [GeometryOption; 11] = {
    let mut options = [GeometryOption::Objects; 11];
    let mut at = 0;
    while at < OF_SAMPLING.len() {
        options[at] = OF_SAMPLING[at];
        at += 1;
    }
    options
};

impl GeometryMethod {
    /// What can be chosen of it.
    #[must_use]
    pub const fn options(self) -> &'static [GeometryOption] {
        use GeometryOption::{Guided, Hypothesis, Model, Objects, Threshold};
        match self {
            Self::Verify => &[Model, Threshold, Guided],
            Self::Ransac => &OF_SAMPLING,
            Self::Spatial => &[Model, Threshold, Hypothesis, Guided],
            Self::Hough => &[Model, Objects, Guided],
            Self::Sequential => &OF_SEQUENCE,
            Self::LocalConsistency => &[],
        }
    }

    /// The families of geometry that it can look for; none where it has no model.
    #[must_use]
    pub const fn models(self) -> &'static [TwoViewModel] {
        use TwoViewModel::{Affine, Fundamental, Homography, Similarity};
        match self {
            Self::Verify | Self::Spatial => &[Similarity, Affine, Homography],
            Self::Ransac | Self::Sequential => &[Similarity, Affine, Homography, Fundamental],
            Self::Hough => &[Affine],
            Self::LocalConsistency => &[],
        }
    }

    /// Whether it may find several geometries.
    #[must_use]
    pub const fn is_plural(self) -> bool {
        matches!(self, Self::Hough | Self::Sequential)
    }
}
