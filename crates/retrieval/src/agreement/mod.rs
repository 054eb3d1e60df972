//! What the geometry that two pictures have in common says: one account and one verdict for all who compare pictures.

mod coverage;
mod extent;
mod sameness;

use vizsla_features::{
    Correspondence, Features, GroundSource, Keypoint, Transform, Verification, compare_ground,
};
use vizsla_pixels::Rgb;

pub(crate) use self::extent::Place;
pub(crate) use self::sameness::{Figures, figures};

use self::coverage::{coverage, projected};
use self::extent::extent;
use crate::{Agreement, PointPair, Region, SearchRecipe, Verdict};

/// A picture as it was analysed: a part of the whole, made smaller.
pub(crate) struct Seen {
    /// The part, in full-resolution pixels.
    pub region: Region,
    /// Its size as it was analysed.
    pub size: (f64, f64),
    /// Full-resolution pixels for each analysed pixel.
    pub zoom: f64,
    /// Where it has features, as shares of its sides.
    pub places: Vec<Place>,
}

impl Seen {
    /// A part of a picture, by the features that were found in it.
    pub(crate) fn of(features: &Features, region: Region, zoom: f64) -> Self {
        let mut seen = Self {
            region,
            size: (
                f64::from(features.width.max(1)),
                f64::from(features.height.max(1)),
            ),
            zoom,
            places: Vec::new(),
        };
        let points = features.keypoints.iter();
        let place = |point: &Keypoint| seen.place(f64::from(point.x), f64::from(point.y));
        seen.places = points.map(place).collect();
        seen
    }

    /// A point of the analysed picture in full-resolution pixels of the whole.
    pub(crate) fn full(&self, x: f64, y: f64) -> [f32; 2] {
        [
            ((x + 0.5) * self.zoom + self.region.x - 0.5) as f32,
            ((y + 0.5) * self.zoom + self.region.y - 0.5) as f32,
        ]
    }

    fn place(&self, x: f64, y: f64) -> Place {
        [(x + 0.5) / self.size.0, (y + 0.5) / self.size.1]
    }
}

/// What a verified transform says of two pictures. The gallery picture is seen whole.
pub(crate) fn agreement(
    correspondences: &[Correspondence],
    found: &Verification,
    query: &Seen,
    gallery: &Seen,
) -> Agreement {
    let agreeing = found.inliers.iter();
    let agreeing = agreeing.filter_map(|&at| correspondences.get(at as usize));
    let agreeing: Vec<&Correspondence> = agreeing.collect();
    let pairs = agreeing.iter().map(|c| PointPair {
        query: query.full(c.from.x, c.from.y),
        gallery: gallery.full(c.to.x, c.to.y),
    });
    let pairs: Vec<PointPair> = pairs.collect();
    let transform = full_resolution(&found.transform, query, gallery.zoom);
    let points: Vec<_> = pairs
        .iter()
        .map(|pair| pair.gallery.map(f64::from))
        .collect();
    let (width, height) = (gallery.size.0 * gallery.zoom, gallery.size.1 * gallery.zoom);
    let frame = projected(&transform, &query.region);
    let of_query = extent(
        query.places.iter().copied(),
        agreeing.iter().map(|c| query.place(c.from.x, c.from.y)),
    );
    let of_gallery = extent(
        gallery.places.iter().copied(),
        agreeing.iter().map(|c| gallery.place(c.to.x, c.to.y)),
    );
    Agreement {
        part: 0,
        coverage: coverage(&points, &frame, width, height),
        extent: of_query.min(of_gallery),
        tentative: correspondences.len(),
        inliers: pairs.len(),
        log10_nfa: found.log10_nfa,
        outline: outline(&transform, &query.region),
        transform: transform.0,
        gallery_box: bounds(pairs.iter().map(|pair| pair.gallery)),
        query_box: bounds(pairs.iter().map(|pair| pair.query)),
        ground: None,
        sameness: None,
        rival: None,
        mirrored: false,
        pairs,
    }
}

/// Whether an agreement covers enough of what two pictures share to say anything of them: one logo on two covers does not.
pub(crate) fn covers_enough(agreement: &Agreement, recipe: &SearchRecipe) -> bool {
    agreement.coverage >= recipe.verdict_coverage
}

/// Whether an agreement is too good to be chance.
pub(crate) fn is_proven(agreement: &Agreement, recipe: &SearchRecipe) -> bool {
    agreement.log10_nfa <= recipe.verdict_log10_nfa
}

/// The verdict on two pictures. Where nothing is known of their ground, what the inliers cover decides between match and part.
pub(crate) fn verdict(agreement: &Agreement, recipe: &SearchRecipe) -> Verdict {
    let same = match agreement.sameness {
        Some(probability) => probability >= recipe.verdict_sameness,
        None => covers_enough(agreement, recipe),
    };
    match (is_proven(agreement, recipe), same) {
        (false, _) => Verdict::NoMatch,
        (true, true) => Verdict::Match,
        (true, false) => Verdict::Part,
    }
}

/// Compares the ground that an agreement lays over each other: of the query, and of a gallery picture of `size` (width, height) in
/// little.
pub(crate) fn compare(
    agreement: &mut Agreement,
    query: &GroundSource,
    region: &Region,
    little: &Rgb,
    size: (f64, f64),
) {
    let into = Transform([[1.0, 0.0, region.x], [0.0, 1.0, region.y], [0.0, 0.0, 1.0]]);
    let b = &agreement.gallery_box;
    let inliers = [b.x, b.y, b.x + b.width, b.y + b.height];
    let transform = Transform(agreement.transform).compose(&into);
    agreement.ground = compare_ground(query, little, size, &transform, inliers);
}

/// What agrees with the mirror image of a region, told of the region itself.
pub(crate) fn unmirrored(agreement: Agreement, region: &Region) -> Agreement {
    // Centres of pixels: the first and the last change over.
    let both = 2.0 * region.x + region.width - 1.0;
    let turn = Transform([[-1.0, 0.0, both], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
    let transform = Transform(agreement.transform).compose(&turn);
    let pairs = agreement.pairs.iter().map(|pair| PointPair {
        query: [(both - f64::from(pair.query[0])) as f32, pair.query[1]],
        gallery: pair.gallery,
    });
    let pairs: Vec<PointPair> = pairs.collect();
    Agreement {
        outline: outline(&transform, region),
        transform: transform.0,
        query_box: bounds(pairs.iter().map(|pair| pair.query)),
        mirrored: true,
        pairs,
        ..agreement
    }
}

/// The transform between analysed pictures, as one between full-resolution pixels.
fn full_resolution(transform: &Transform, query: &Seen, zoom: f64) -> Transform {
    let shrink = 1.0 / query.zoom;
    let into = Transform([
        [shrink, 0.0, (0.5 - query.region.x) * shrink - 0.5],
        [0.0, shrink, (0.5 - query.region.y) * shrink - 0.5],
        [0.0, 0.0, 1.0],
    ]);
    Transform::enlargement(zoom)
        .compose(transform)
        .compose(&into)
}

/// Where the corners of the region land; `None` when one of them goes beyond the horizon.
fn outline(transform: &Transform, region: &Region) -> Option<[[f64; 2]; 4]> {
    let corners = transform.project_box(region.x, region.y, region.width, region.height)?;
    Some(corners.map(|(x, y)| [x, y]))
}

fn bounds(points: impl Iterator<Item = [f32; 2]>) -> Region {
    let mut low = [f32::INFINITY; 2];
    let mut high = [f32::NEG_INFINITY; 2];
    for point in points {
        for axis in 0..2 {
            low[axis] = low[axis].min(point[axis]);
            high[axis] = high[axis].max(point[axis]);
        }
    }
    if low[0] > high[0] {
        return Region {
            x: 0.0,
            y: 0.0,
            width: 0.0,
            height: 0.0,
        };
    }
    Region {
        x: f64::from(low[0]),
        y: f64::from(low[1]),
        width: f64::from(high[0] - low[0]),
        height: f64::from(high[1] - low[1]),
    }
}
