//! The numbers that indexes of points are made of.
//!
//! Descriptors are bytes and global vectors are floats; a search is the same for both. What differs, the distance and how it
//! is ordered, stands here once.

use crate::distance::{l2_squared_f32, l2_squared_u8};

mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for f32 {}
}

/// A number of a point: `u8` or `f32`.
pub trait Element: sealed::Sealed + Copy + Default + PartialEq + Send + Sync + 'static {
    /// A squared Euclidean distance: whole for bytes.
    type Distance: Copy + PartialEq + PartialOrd + Send + Sync + std::fmt::Debug + 'static;

    /// Squared Euclidean distance of two points of one length.
    fn distance(a: &[Self], b: &[Self]) -> Self::Distance;

    /// A number that orders distances as they are.
    fn rank(distance: Self::Distance) -> u32;

    /// The distance that has this rank.
    fn unrank(rank: u32) -> Self::Distance;

    /// The distance as a float, rounded where it must be.
    fn rank_to_f32(rank: u32) -> f32;

    /// The number as a float.
    fn to_f32(self) -> f32;

    /// Whether it is a number and not infinite.
    fn is_finite(self) -> bool;
}

impl Element for u8 {
    type Distance = u32;

    #[inline]
    fn distance(a: &[u8], b: &[u8]) -> u32 {
        l2_squared_u8(a, b)
    }

    #[inline]
    fn rank(distance: u32) -> u32 {
        distance
    }

    #[inline]
    fn unrank(rank: u32) -> u32 {
        rank
    }

    #[inline]
    fn rank_to_f32(rank: u32) -> f32 {
        rank as f32
    }

    #[inline]
    fn to_f32(self) -> f32 {
        f32::from(self)
    }

    #[inline]
    fn is_finite(self) -> bool {
        true
    }
}

impl Element for f32 {
    type Distance = f32;

    #[inline]
    fn distance(a: &[f32], b: &[f32]) -> f32 {
        l2_squared_f32(a, b)
    }

    /// The bits of floats that are not negative are ordered as the floats are.
    #[inline]
    fn rank(distance: f32) -> u32 {
        distance.to_bits()
    }

    #[inline]
    fn unrank(rank: u32) -> f32 {
        f32::from_bits(rank)
    }

    #[inline]
    fn rank_to_f32(rank: u32) -> f32 {
        f32::from_bits(rank)
    }

    #[inline]
    fn to_f32(self) -> f32 {
        self
    }

    #[inline]
    fn is_finite(self) -> bool {
        f32::is_finite(self)
    }
}
