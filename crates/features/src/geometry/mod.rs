//! Geometry between two images: transforms of the plane and epipolar lines, their least-squares and robust
//! estimation, and the verification of matches with a bound on false alarms.

mod a_contrario;
mod affine_matches;
mod agreeing;
mod consensus;
mod correspondence;
mod cubic;
mod degensac;
mod eigen;
mod eight_points;
mod fit;
mod fundamental;
mod geometry_choice;
mod geometry_config;
mod geometry_method;
mod hough;
mod independence;
mod linear;
mod local_consistency;
mod local_optimisation;
mod loss;
mod magsac;
mod minimal;
mod minimal_sample;
mod nfa;
mod null_space;
mod plane_fit;
mod plane_tree;
mod point_set;
mod prosac;
mod ransac;
mod ransac_config;
mod refit;
mod robust;
mod sampling;
mod sampson;
mod scorer;
mod sequential;
mod seven_points;
mod sites;
mod spatial;
mod sprt;
mod support;
mod tentative;
mod transform;
mod two_view;
mod verify;

pub use correspondence::{Correspondence, Frame, TransformModel};
pub use eight_points::fit_fundamental;
pub use fit::fit;
pub use fundamental::Fundamental;
pub use geometry_choice::{GeometryChoice, GeometryRefusal};
pub use geometry_config::{GeometryConfig, GeometryFinding};
pub use geometry_method::{GeometryMethod, GeometryOption};
pub use hough::{HoughConfig, HoughPose, hough_poses};
pub use local_consistency::{LocalConsistencyConfig, local_support, locally_consistent};
pub use minimal_sample::solve_minimal;
pub use nfa::{
    log10_binomial_tail, log10_choose, log10_line_probability, log10_nfa, log10_nfa_of_models,
    log10_point_probability,
};
pub(crate) use plane_tree::PlaneTree;
pub use ransac::{Consensus, ransac};
pub use ransac_config::{
    Degeneracy, LocalOptimisation, RansacConfig, Rejection, Sampling, Scoring,
};
pub use robust::{Estimate, RobustConfig, estimate};
pub(crate) use sampling::Pcg;
pub use sequential::{SequentialConfig, sequential_ransac};
pub use spatial::{SpatialConfig, SpatialHypothesis, spatial_match};
pub use transform::{Plausibility, Quad, Transform, is_convex};
pub use two_view::{SampleKind, TwoViewGeometry, TwoViewModel};
pub use verify::{Verification, VerifyConfig, verify};
