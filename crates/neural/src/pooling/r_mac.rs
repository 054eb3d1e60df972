//! Regional maximum activations of convolutions (Tolias, Sicre & Jégou 2016).
//!
//! Regions are squares. Along the shorter side level l has l of them; along the longer side so many more that
//! neighbours of the first level overlap by as near to 40 % as can be. As in the authors' later code the MAC of
//! the whole map is one of the vectors summed, which for a square map counts the first level twice. The region
//! vectors are summed without whitening them first; whitening comes after pooling.

use vizsla_vectors::l2_norm;

use crate::feature_map::FeatureMap;

/// Overlap of neighbouring regions that is aimed at.
const OVERLAP: f64 = 0.4;

/// A rectangle of a feature map, in places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// First row.
    pub top: usize,
    /// First column.
    pub left: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// Place of the largest response of a plane, the first of equals, and the response.
pub fn largest(plane: &[f32]) -> (usize, f32) {
    let mut best = (0, f32::NEG_INFINITY);
    for (place, &x) in plane.iter().enumerate() {
        if x > best.1 {
            best = (place, x);
        }
    }
    best
}

pub fn pool(map: &FeatureMap, levels: usize) -> Vec<f32> {
    let mut sum = vec![0f64; map.channels];
    for region in regions(map.height, map.width, levels) {
        let (_, vector) = region_mac(map, region);
        let norm = l2_norm(&vector);
        if norm > 0.0 {
            for (sum, &x) in sum.iter_mut().zip(&vector) {
                *sum += f64::from(x) / norm;
            }
        }
    }
    sum.into_iter().map(|x| x as f32).collect()
}

pub fn shares(map: &FeatureMap, levels: usize, gain: &[f32]) -> Vec<f64> {
    let mut shares = vec![0f64; map.places()];
    for region in regions(map.height, map.width, levels) {
        let (places, vector) = region_mac(map, region);
        let norm = l2_norm(&vector);
        if norm > 0.0 {
            for ((place, &x), &gain) in places.into_iter().zip(&vector).zip(gain) {
                shares[place] += f64::from(gain) * f64::from(x) / norm;
            }
        }
    }
    shares
}

/// Largest response of each channel in a region, and where it lies in the map.
fn region_mac(map: &FeatureMap, region: Region) -> (Vec<usize>, Vec<f32>) {
    let of_plane = |plane: &[f32]| {
        let mut best = (region.top * map.width + region.left, f32::NEG_INFINITY);
        for y in region.top..region.top + region.height {
            let start = y * map.width + region.left;
            let (place, x) = largest(&plane[start..start + region.width]);
            if x > best.1 {
                best = (start + place, x);
            }
        }
        best
    };
    map.planes().map(of_plane).unzip()
}

/// The regions of R-MAC for a map of this size: the whole map and the squares of all levels.
pub fn regions(height: usize, width: usize, levels: usize) -> Vec<Region> {
    let mut regions = vec![Region {
        top: 0,
        left: 0,
        height,
        width,
    }];
    let side = height.min(width);
    let more = additional(height.max(width), side);
    let (more_down, more_across) = match height.cmp(&width) {
        std::cmp::Ordering::Less => (0, more),
        std::cmp::Ordering::Equal => (0, 0),
        std::cmp::Ordering::Greater => (more, 0),
    };
    for level in 1..=levels {
        let side = 2 * side / (level + 1);
        if side == 0 {
            break;
        }
        for top in starts(height, side, level + more_down) {
            regions.extend(starts(width, side, level + more_across).map(|left| Region {
                top,
                left,
                height: side,
                width: side,
            }));
        }
    }
    regions
}

/// How many more regions than one the first level has along the longer side: of 2 to 7 in all the number whose overlap
/// is nearest to the one aimed at, the first of equals.
fn additional(longer: usize, shorter: usize) -> usize {
    let (longer, shorter) = (longer as f64, shorter as f64);
    let off = |more: usize| {
        let step = (longer - shorter) / more as f64;
        ((shorter - step) / shorter - OVERLAP).abs()
    };
    (1..=6)
        .min_by(|&a, &b| off(a).total_cmp(&off(b)))
        .unwrap_or(1)
}

/// First places of `count` regions of `side` spread over `length`.
fn starts(length: usize, side: usize, count: usize) -> impl Iterator<Item = usize> {
    let step = match count {
        1 => 0.0,
        _ => (length - side) as f64 / (count - 1) as f64,
    };
    // The reference counts from the middle of the region, rounded down, and back again.
    let half = (side as f64 / 2.0 - 1.0).floor();
    (0..count).map(move |i| ((half + i as f64 * step).floor() - half) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_stay_inside_and_cover_the_map() {
        for (height, width) in [(8, 8), (6, 8), (9, 4), (1, 1), (1, 9), (2, 40), (7, 7)] {
            let found = regions(height, width, 4);
            let mut seen = vec![false; height * width];
            for region in &found[1..] {
                assert!(region.top + region.height <= height);
                assert!(region.left + region.width <= width);
                for y in region.top..region.top + region.height {
                    for x in region.left..region.left + region.width {
                        seen[y * width + x] = true;
                    }
                }
            }
            let longest_that_is_covered = 7 * height.min(width);
            if height.max(width) <= longest_that_is_covered {
                assert!(seen.iter().all(|&s| s), "{height} {width}");
            }
        }
        // One whole, then 1, 4 and 9 squares.
        assert_eq!(regions(8, 8, 3).len(), 15);
    }
}
