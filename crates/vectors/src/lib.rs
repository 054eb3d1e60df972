//! Numbers without images: SIMD distances, exact nearest neighbours, top-k and k-means.

mod cells;
mod centroids;
mod distance;
mod hierarchy;
mod kmeans;
mod nearest;
mod panel;
mod random;
mod rotation;
mod top_k;

pub use cells::{CellIndex, Neighbour};
pub use distance::{dot_f32, hamming, l2_squared_f32, l2_squared_u8};
pub use hierarchy::{HierarchicalConfig, hierarchical_kmeans};
pub use kmeans::{KMeans, KMeansConfig, kmeans};
pub use nearest::{NearestTwo, nearest_both_u8, nearest_two_u8};
pub use rotation::Rotation;
pub use top_k::TopK;
