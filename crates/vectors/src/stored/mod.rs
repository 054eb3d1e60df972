//! Approximate indexes of vectors in files.
//!
//! Both keep the vectors themselves, at half precision as [`FlatVectors`](crate::FlatVectors) does, and compare those that
//! they look at exactly, so scores are the same whichever index found them. What they add says where to look: a forest
//! ([`KdVectors`]) or binary codes ([`HashVectors`]). Where so few vectors may be answers that looking around would miss some, all
//! of these are compared.

mod exact;
mod file;
mod hash_vectors;
mod kd_vectors;
mod writer;

pub use self::hash_vectors::{HashVectors, HashVectorsConfig, HashVectorsWriter};
pub use self::kd_vectors::{KdVectors, KdVectorsConfig, KdVectorsWriter};
