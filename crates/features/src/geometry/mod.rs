//! Plane geometry between two images: transforms, their least-squares and robust estimation, and the
//! verification of matches with a bound on false alarms.

mod consensus;
mod correspondence;
mod fit;
mod linear;
mod minimal;
mod nfa;
mod robust;
mod sampling;
mod sites;
mod tentative;
mod transform;
mod verify;

pub use correspondence::{Correspondence, Frame, TransformModel};
pub use fit::fit;
pub use nfa::{log10_binomial_tail, log10_choose, log10_nfa};
pub use robust::{Estimate, RobustConfig, estimate};
pub(crate) use sampling::Pcg;
pub use transform::{Plausibility, Quad, Transform, is_convex};
pub use verify::{Verification, VerifyConfig, verify};
