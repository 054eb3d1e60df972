//! The bound on false alarms of an estimated geometry.
//!
//! Background: the second points are uniform in the second image (for a plane transform), or each point is uniform in its
//! image (for epipolar lines), independently. Every tolerance that an inlier's own distance gives is tried, and the lowest
//! bound taken; their number is paid for (Moisan and Stival 2004; Moulon, Monasse and Marlet 2012). A minimal sample is
//! counted as one of points whatever it was made of, since least squares had all points to choose from.

use super::Correspondence;
use super::nfa::{log10_line_probability, log10_nfa_of_models, log10_point_probability};
use super::two_view::{SampleKind, TwoViewGeometry, TwoViewModel};

/// Smallest distance, pixels, that the bound takes as meaningful: positions are no better than this.
const FINEST: f64 = 0.7;

/// A width and a height in pixels.
pub(crate) type Size = (f64, f64);

/// Whether a size is one of an image.
pub(crate) fn is_size((width, height): Size) -> bool {
    width > 0.0 && height > 0.0 && width.hypot(height) < 1e9
}

/// log10 of the number of false alarms of a geometry that `inliers`, positions in `correspondences`, agree with;
/// `tried` correspondences could have. Positive infinity when there are no more inliers than the sample.
pub(crate) fn bound(
    correspondences: &[Correspondence],
    inliers: &[u32],
    tried: usize,
    (model, geometry): (TwoViewModel, &TwoViewGeometry),
    (from_size, to_size): (Size, Size),
) -> f64 {
    let mut probabilities: Vec<f64> = inliers
        .iter()
        .filter_map(|&i| correspondences.get(i as usize))
        .map(|c| probability(geometry, c, from_size, to_size))
        .collect();
    probabilities.sort_unstable_by(f64::total_cmp);
    let sample = model.sample_size(SampleKind::Points);
    let tolerances = (probabilities.len().max(1) as f64).log10();
    (probabilities.iter().enumerate())
        .skip(sample)
        .map(|(i, &log10_probability)| {
            let sample = (sample, model.solutions());
            log10_nfa_of_models(tried, i + 1, sample, log10_probability, tolerances)
        })
        .fold(f64::INFINITY, f64::min)
}

/// log10 of the chance that an unrelated correspondence agrees as well as this one does.
fn probability(geometry: &TwoViewGeometry, c: &Correspondence, from: Size, to: Size) -> f64 {
    let (p, q) = ((c.from.x, c.from.y), (c.to.x, c.to.y));
    match geometry {
        TwoViewGeometry::Plane(_) => {
            let distance = geometry.squared_error(p, q).sqrt().max(FINEST);
            log10_point_probability(distance, to)
        }
        TwoViewGeometry::Epipolar(f) => {
            // Both distances are below their bands; the wider band bounds the chance of that.
            let (a, b) = f.line_distances(p, q);
            log10_line_probability(a.max(FINEST), from)
                .max(log10_line_probability(b.max(FINEST), to))
        }
    }
}
