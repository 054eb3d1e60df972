//! Numbers without images: SIMD distances, nearest neighbours, exact and approximate (kd-forest, hashing), top-k,
//! k-means, Gaussian mixtures, PCA and whitening, ranking by neighbours, and the frame of the files that hold numbers.

mod alike;
mod allowed;
mod approximate_kmeans;
mod binary_codes;
mod cells;
mod centroids;
mod conjugate;
mod diffusion;
mod distance;
mod element;
mod error;
mod expansion;
mod files;
mod flat;
mod float_kmeans;
mod gmm;
mod graph;
mod graph_build;
mod group_pairs;
mod hashing;
mod hierarchy;
mod ids;
mod index;
mod kd_forest;
mod kmeans;
mod linear_svm;
mod linking;
mod lsh;
mod mixing;
mod moments;
mod nearest;
mod nearest_few;
mod neighbour;
mod normal;
mod normalise;
mod panel;
mod points;
mod projection;
mod projection_fit;
mod random;
mod reciprocal;
mod regions;
mod residuals;
mod rotation;
mod sample;
mod seen;
mod stored;
mod top_k;

pub use allowed::Allowed;
pub use approximate_kmeans::{ApproximateConfig, approximate_kmeans};
pub use binary_codes::BinaryCodes;
pub use cells::CellIndex;
pub use diffusion::{Diffusion, DiffusionConfig};
pub use distance::{dot_f32, hamming, l2_squared_f32, l2_squared_u8};
pub use element::Element;
pub use error::Error;
pub use expansion::{similarity_weight, widened};
pub use files::{
    AtomicFile, CUT_SHORT, FileFormat, Mapped, content_id, f32_at, f32s, i64_at, u32_at, u32s,
    u64_at,
};
pub use flat::{FlatVectors, FlatWriter};
pub use float_kmeans::{FloatKMeans, float_kmeans};
pub use gmm::Gmm;
pub use graph::{Graph, GraphConfig};
pub use group_pairs::group_pairs;
pub use hashing::{Activation, BinaryHasher, HashLayer, HashMethod};
pub use hierarchy::{HierarchicalConfig, hierarchical_kmeans};
pub use ids::IdSet;
pub use index::{Nearest, VectorIndex};
pub use kd_forest::{KdForest, KdForestConfig, KdSeeker};
pub use kmeans::{KMeans, KMeansConfig, kmeans};
pub use linear_svm::{LinearSvm, SparseRow, SvmConfig};
pub use linking::Linking;
pub use lsh::{BitSamplingConfig, BitSamplingLsh, EuclideanLsh, LshConfig, PStableHash};
pub use moments::Moments;
pub use nearest::{NearestTwo, nearest_both_u8, nearest_two_u8};
pub use neighbour::Neighbour;
pub use normalise::{l2_norm, l2_normalise, power_normalise};
pub use projection::{Projection, ProjectionKind};
pub use reciprocal::{ReciprocalConfig, reciprocal_distances};
pub use regions::{RegionPooling, Regions};
pub use residuals::{fisher_gradient, fisher_vector, vlad};
pub use rotation::Rotation;
pub use sample::{Sample, Sampler};
pub use stored::{
    HashVectors, HashVectorsConfig, HashVectorsWriter, KdVectors, KdVectorsConfig, KdVectorsWriter,
};
pub use top_k::TopK;
