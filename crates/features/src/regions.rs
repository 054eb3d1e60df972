//! From regions that a detector found to features: the choice within the budget, directions and descriptors, read from
//! patches.

use std::f32::consts::TAU;

use crate::budget::{self, Bid};
use crate::extractor::DescriptorKind;
use crate::keypoint::{Descriptor, Features, Keypoint};
use crate::patch::{Patch, PatchLayout};
use crate::pyramid::Pyramid;
use crate::shape::Shape;

/// How regions are described.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Description {
    /// Largest number of features; 0 keeps all.
    pub(crate) budget: usize,
    /// Where the direction of each comes from.
    pub(crate) direction: Direction,
    /// What describes each.
    pub(crate) kind: DescriptorKind,
}

/// Where the direction of a region comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The gradients of its patch; a region can have several.
    Gradients,
    /// The picture's own vertical.
    Upright,
    /// Its own angle.
    Given,
}

/// Indices of the chosen regions among those that are `fit`, strongest first; see [`budget::choose_fit`].
pub(crate) fn chosen(
    regions: &[Keypoint],
    size: (usize, usize),
    budget: usize,
    spread: bool,
    fit: impl FnMut(usize) -> bool,
) -> Vec<usize> {
    let bid = |region: &Keypoint| Bid {
        x: region.x,
        y: region.y,
        response: region.response,
    };
    let bids: Vec<Bid> = regions.iter().map(bid).collect();
    budget::choose_fit(&bids, size, budget, spread, fit)
}

/// The features of regions in their order, one for each direction of each, within the budget. A region without gradients
/// gives none.
pub(crate) fn describe_regions(
    pyramid: &Pyramid,
    regions: impl IntoIterator<Item = Keypoint>,
    (width, height): (usize, usize),
    description: &Description,
) -> Features {
    let mut features = Features {
        width: width as u32,
        height: height as u32,
        ..Features::default()
    };
    let regions: Vec<Keypoint> = regions.into_iter().collect();
    let mut rest = regions.as_slice();
    while !rest.is_empty() && (description.budget == 0 || features.len() < description.budget) {
        let (batch, after) = rest.split_at(batch(rest.len(), features.len(), description.budget));
        rest = after;
        // As they lie in memory, whatever their strength: much of the time would else go into waiting for pixels.
        let mut visits: Vec<usize> = (0..batch.len()).collect();
        visits.sort_unstable_by_key(|&index| place(pyramid, &batch[index]));
        let mut described = vec![Vec::new(); batch.len()];
        for index in visits {
            described[index] = describe_region(pyramid, &batch[index], description);
        }
        for (keypoint, descriptor) in described.into_iter().flatten() {
            features.keypoints.push(keypoint);
            features.descriptors.push(descriptor);
        }
    }
    if description.budget != 0 {
        features.keypoints.truncate(description.budget);
        features.descriptors.truncate(description.budget);
    }
    features
}

/// How many regions are described next: all without a budget, else few enough that most are still within it when each has more
/// than one direction.
fn batch(left: usize, have: usize, budget: usize) -> usize {
    let wanted = match budget {
        0 => left,
        _ => (budget - have).div_ceil(4) * 3,
    };
    wanted.min(left)
}

/// Where a region lies in memory, roughly.
fn place(pyramid: &Pyramid, region: &Keypoint) -> (u32, u32) {
    let scale = region.scale / region.shape.u.hypot(region.shape.v).exp();
    let level = pyramid.level(scale).map_or(0.0, |level| level.sigma);
    // Of numbers that are not negative the bits are in their order.
    (level.max(0.0).to_bits(), region.y.max(0.0).to_bits())
}

/// The features of one region.
fn describe_region(
    pyramid: &Pyramid,
    region: &Keypoint,
    description: &Description,
) -> Vec<(Keypoint, Descriptor)> {
    // The patch is turned to where it is read soonest.
    let axis = region.shape.long_axis();
    let read = Keypoint {
        angle: axis,
        ..*region
    };
    let Some(patch) = Patch::of(pyramid, &read, &PatchLayout::SIFT) else {
        return Vec::new();
    };
    let mut angles = patch.directions();
    match description.direction {
        _ if angles.is_empty() => {}
        Direction::Gradients => {
            for angle in &mut angles {
                *angle = full_turn(*angle + axis);
            }
        }
        Direction::Upright => angles = vec![upright(region.shape)],
        Direction::Given => angles = vec![region.angle],
    }
    let described = |angle| {
        let turned = Keypoint { angle, ..*region };
        let descriptor = match description.kind {
            DescriptorKind::Sift => patch.sift(angle - axis, false),
            DescriptorKind::RootSift => patch.sift(angle - axis, true),
            kind => kind.describe(pyramid, &turned),
        };
        (turned, descriptor)
    };
    angles.into_iter().map(described).collect()
}

/// The angle under which the vertical of the picture is that of the patch (Perdoch, Chum & Matas, CVPR 2009), in radians
/// `[0, 2π)`; 0 for a circle.
pub(crate) fn upright(shape: Shape) -> f32 {
    // The vertical seen through the inverse, which for a symmetric matrix of determinant 1 is its adjugate.
    let [[a, b], _] = shape.matrix();
    full_turn(b.atan2(a) as f32)
}

/// The same angle in radians `[0, 2π)`.
fn full_turn(angle: f32) -> f32 {
    let angle = angle.rem_euclid(TAU);
    if angle < TAU { angle } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upright_keeps_the_vertical() {
        for (u, v) in [(0.0, 0.0), (0.4, 0.0), (0.2, -0.7), (-0.5, 0.6)] {
            let shape = Shape { u, v };
            let [[a, b], [c, d]] = shape.matrix();
            let (sin, cos) = f64::from(upright(shape)).sin_cos();
            // Down in the patch, as the picture has it.
            let (x, y) = (-a * sin + b * cos, -c * sin + d * cos);
            assert!(x.abs() < 1e-6 && y > 0.0, "{shape:?}: {x} {y}");
        }
        assert_eq!(upright(Shape::CIRCLE), 0.0);
    }
}
