//! Every geometry that a minimal sample fixes, whatever the family and the kind of sample.

use super::Correspondence;
use super::affine_matches::{self, AffineMatch};
use super::cubic::UpToThree;
use super::eight_points::{EqualScales, undone};
use super::fit::Normalisation;
use super::minimal::{Point, solve};
use super::seven_points::{keeps_orientation, seven_points};
use super::two_view::{SampleKind, TwoViewGeometry, TwoViewModel};

/// The largest sample of any family.
pub(crate) const LARGEST_SAMPLE: usize = 7;

/// The geometries that a minimal sample of correspondences fixes, in pixels.
///
/// Only the first [`sample_size`](TwoViewModel::sample_size) correspondences are used. Frames of circles propose
/// similarities. Empty when there are too few, when they are not finite, degenerate (coincident, collinear where
/// that matters, mirrored) or on different sides of the cameras. Up to three fundamental matrices go through seven
/// points; at most one geometry otherwise.
#[must_use]
pub fn solve_minimal(
    model: TwoViewModel,
    kind: SampleKind,
    correspondences: &[Correspondence],
) -> Vec<TwoViewGeometry> {
    let size = model.sample_size(kind);
    let Some(sample) = correspondences.get(..size) else {
        return Vec::new();
    };
    let framed = |c: &Correspondence| c.from.is_valid() && c.to.is_valid();
    let usable =
        |c: &Correspondence| c.has_valid_positions() && (kind == SampleKind::Points || framed(c));
    if !sample.iter().all(usable) {
        return Vec::new();
    }
    let matches: Vec<AffineMatch> = sample.iter().map(Correspondence::affine_match).collect();
    if kind == SampleKind::Frames {
        return solutions(model, kind, &matches).iter().copied().collect();
    }
    let (Some(from), Some(to)) = (
        Normalisation::of(sample.iter().map(|c| (c.from.x, c.from.y))),
        Normalisation::of(sample.iter().map(|c| (c.to.x, c.to.y))),
    ) else {
        return Vec::new();
    };
    let scales = EqualScales::new(from, to);
    let moved: Vec<AffineMatch> = matches
        .iter()
        .map(|m| m.normalised(&scales.from, &scales.to))
        .collect();
    let undo = |geometry: &TwoViewGeometry| match geometry {
        TwoViewGeometry::Plane(t) => {
            Normalisation::undo(&scales.from, &scales.to, t).map(TwoViewGeometry::Plane)
        }
        TwoViewGeometry::Epipolar(f) => {
            undone(&scales.from, &scales.to, f).map(TwoViewGeometry::Epipolar)
        }
    };
    solutions(model, kind, &moved)
        .iter()
        .filter_map(undo)
        .collect()
}

/// The same in whatever coordinates the sample is in, which for points are of about size 1.
pub(crate) fn solutions(
    model: TwoViewModel,
    kind: SampleKind,
    sample: &[AffineMatch],
) -> UpToThree<TwoViewGeometry> {
    let mut found = UpToThree::default();
    match (model, kind, sample) {
        (TwoViewModel::Similarity, SampleKind::Frames, [m, ..]) => {
            push_plane(&mut found, affine_matches::similarity(m));
        }
        (TwoViewModel::Affine, SampleKind::Frames, [m, ..]) => {
            push_plane(&mut found, affine_matches::affine(m));
        }
        (TwoViewModel::Homography, SampleKind::Frames, [a, b, ..]) => {
            push_plane(&mut found, affine_matches::homography(&[*a, *b]));
        }
        (TwoViewModel::Fundamental, SampleKind::Frames, [a, b, c, ..]) => {
            let points = [a, b, c].map(|m| m.point);
            if let Some(f) = affine_matches::fundamental(&[*a, *b, *c])
                && keeps_orientation(&f, &points)
            {
                found.push(TwoViewGeometry::Epipolar(f));
            }
        }
        (TwoViewModel::Fundamental, SampleKind::Points, [a, b, c, d, e, f, g, ..]) => {
            let points: [Point; 7] = [a, b, c, d, e, f, g].map(|m| m.point);
            for f in seven_points(&points).iter() {
                if keeps_orientation(f, &points) {
                    found.push(TwoViewGeometry::Epipolar(*f));
                }
            }
        }
        (_, SampleKind::Points, _) => {
            let points: [Point; 4] =
                std::array::from_fn(|i| sample.get(i).map_or([0.0; 4], |m| m.point));
            let enough = sample.len() >= model.sample_size(kind);
            if let Some(plane) = model.plane().filter(|_| enough) {
                push_plane(&mut found, solve(plane, &points));
            }
        }
        _ => {}
    }
    found
}

fn push_plane(
    found: &mut UpToThree<TwoViewGeometry>,
    transform: Option<super::transform::Transform>,
) {
    if let Some(transform) = transform.filter(super::transform::Transform::is_finite) {
        found.push(TwoViewGeometry::Plane(transform));
    }
}
