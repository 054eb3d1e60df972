//! What is seen in one image or in a pair of images.
//!
//! [`Sift`] finds blobs of the difference of Gaussians and describes them (Lowe, "Distinctive image features from
//! scale-invariant keypoints", IJCV 2004), as SIFT or RootSIFT (Arandjelović & Zisserman, CVPR 2012). Points,
//! scales, directions and descriptors are checked against OpenCV 5 and against Lowe's own program; see
//! `tests/reference`.
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
mod descriptor;
mod dog;
mod extractor;
mod extractor_config;
mod geometry;
mod gradient;
mod keypoint;
mod matching;
mod orientation;
mod shape;
mod sift;

pub use extractor::{DescriptorKind, Detector, Extractor, UnknownName};
pub use extractor_config::ExtractorConfig;
pub use geometry::{
    Correspondence, Estimate, Frame, Plausibility, Quad, RobustConfig, Transform, TransformModel,
    Verification, VerifyConfig, estimate, fit, is_convex, log10_binomial_tail, log10_choose,
    log10_nfa, verify,
};
pub use keypoint::{Descriptor, Features, Keypoint};
pub use matching::{Match, MatchConfig, match_descriptors};
pub use shape::Shape;
pub use sift::{Sift, SiftConfig, StageTimes};
