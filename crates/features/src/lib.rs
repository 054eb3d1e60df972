//! What is seen in one image or in a pair of images.
//!
//! [`Sift`] finds blobs of the difference of Gaussians and describes them (Lowe, "Distinctive image features from
//! scale-invariant keypoints", IJCV 2004), as SIFT or RootSIFT (Arandjelović & Zisserman, CVPR 2012). Points,
//! scales, directions and descriptors are checked against OpenCV 5 and against Lowe's own program; see
//! `tests/reference`.
//!
//! [`WholeImage`] describes an image as a whole by one vector: colour, texture, shape, or a hash that finds copies. A
//! [`FeatureMap`] makes of it a vector that an index compares by inner products, and [`Combined`] one of several.
//!
//! [`Covariant`] finds blobs and corners that choose their scale and, with `affine`, their shape (Mikolajczyk & Schmid,
//! IJCV 2004), and describes them on a [`Patch`] in which the shape is undone. [`ExtractorConfig`] makes either by name.
//!
//! [`Xfeat`] is what goes before and after the network of XFeat (Potje et al., CVPR 2024), which a floor above brings.
//!
//! ```
//! use vizsla_features::{Sift, SiftConfig};
//! use vizsla_pixels::Gray;
//!
//! let mut data = vec![0u8; 64 * 64];
//! for y in 24..40 {
//!     data[y * 64 + 24..y * 64 + 40].fill(255);
//! }
//! let image = Gray::new(64, 64, data)?;
//! let features = Sift::new(SiftConfig { budget: 100, ..SiftConfig::default() }).extract(&image);
//! assert!(!features.is_empty());
//! assert_eq!(features.keypoints.len(), features.descriptors.len());
//! # Ok::<(), vizsla_pixels::Error>(())
//! ```

mod budget;
mod covariant;
mod dense;
mod descriptor;
mod detectors;
mod dog;
mod extractor;
mod extractor_config;
mod fast;
mod fast_hessian;
mod geometry;
mod gradient;
mod ground;
mod integral;
mod keypoint;
mod matching;
mod mser;
mod named_choice;
mod orientation;
mod pairing;
mod patch;
mod patch_descriptor;
mod pyramid;
mod quadratic;
mod regional;
mod regions;
mod row_test;
mod sampling;
mod shape;
mod sift;
mod whole;
mod xfeat;

pub use covariant::{Covariant, CovariantConfig, Measure};
pub use dense::{DenseConfig, detect as detect_dense};
pub use detectors::{Detectors, NotDetectors};
pub use extractor::{DescriptorKind, Detector, ExtractError, Extractor, UnknownName, named};
pub use extractor_config::ExtractorConfig;
pub use fast::orb::{OrbConfig, detect as detect_orb};
pub use fast::{FastConfig, detect as detect_fast};
pub use fast_hessian::{
    FastHessianConfig, HessianBlob, blobs as hessian_blobs, detect as detect_fast_hessian,
};
pub use geometry::{
    Consensus, Correspondence, Degeneracy, Estimate, Frame, Fundamental, GeometryChoice,
    GeometryConfig, GeometryFinding, GeometryMethod, GeometryOption, GeometryRefusal, HoughConfig,
    HoughPose, LocalConsistencyConfig, LocalOptimisation, Plausibility, Quad, RansacConfig,
    Rejection, RobustConfig, SampleKind, Sampling, Scoring, SequentialConfig, SpatialConfig,
    SpatialHypothesis, Transform, TransformModel, TwoViewGeometry, TwoViewModel, Verification,
    VerifyConfig, estimate, fit, fit_fundamental, hough_poses, is_convex, local_support,
    locally_consistent, log10_binomial_tail, log10_choose, log10_line_probability, log10_nfa,
    log10_nfa_of_models, log10_point_probability, ransac, sequential_ransac, solve_minimal,
    spatial_match, verify,
};
pub use ground::{CellVerdict, Ground, GroundCell, GroundSource, compare_ground};
pub use keypoint::{Descriptor, Features, Keypoint};
pub use matching::{
    CrossCheck, GuidedConfig, Match, MatchConfig, MatchRule, NeighbourSearch, RatedMatch,
    SecondNeighbour, match_descriptors, match_features, match_features_by, match_guided,
};
pub use mser::{MserConfig, MserRegion, Polarity, detect as detect_mser, regions as mser_regions};
pub use pairing::{NotPaired, check_pair};
pub use patch::{Patch, PatchLayout};
pub use patch_descriptor::brief::{describe as describe_brief, steered as describe_steered_brief};
pub use patch_descriptor::cs_lbp::{CsLbpConfig, CsLbpPoints, describe as describe_cs_lbp};
pub use patch_descriptor::direction::direction as surf_direction;
pub use patch_descriptor::lbp::{LbpConfig, LbpPatterns, describe as describe_lbp};
pub use patch_descriptor::pooling::{DspConfig, describe_pooled, pool, pool_histograms};
pub use patch_descriptor::surf::{SURF_EXTENT, describe as describe_surf};
pub use pyramid::Pyramid;
pub use shape::Shape;
pub use sift::{Sift, SiftConfig, StageTimes};
pub use whole::{
    Combined, Distance, FeatureMap, WholeImage, WholeImageError, earth_movers, earth_movers_1d,
};
pub use xfeat::{Xfeat, XfeatConfig, XfeatInput, XfeatMaps};
