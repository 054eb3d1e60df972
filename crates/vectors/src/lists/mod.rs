//! Inverted files of vectors: lists of codes around coarse centroids, of which a search reads the few nearest.
//!
//! Jégou, Douze & Schmid 2011 ("Product quantization for nearest neighbor search") part the vectors by a coarse quantiser and keep in each list
//! the codes of what is left of them after its centroid. Here codes are those of any coder, product
//! codes of four bits that are scanned in blocks ([`fast_scan`](crate::fast_scan)), or those of [`rabitq`](crate::rabitq). Checked against FAISS 1.15.

mod best;
mod bits;
mod blocks;
mod bytes;
mod coding;
mod config;
mod exact;
mod file;
mod grow;
mod index;
mod places;
mod rows;
mod search;
#[cfg(test)]
mod tests;

pub use self::config::{ListSearch, Refinement, VectorListsConfig};
pub use self::exact::{ExactRows, ExactScores};
pub use self::index::VectorLists;
