//! Numbers without images: SIMD distances, exact nearest neighbours, top-k and k-means.

mod distance;
mod nearest;

pub use distance::{dot_f32, hamming, l2_squared_f32, l2_squared_u8};
pub use nearest::{NearestTwo, nearest_both_u8, nearest_two_u8};
