//! Two pictures compared without a collection.
//!
//! Their descriptors are matched one to one, where a collection goes by the words of its codebook; what is made of the
//! correspondences is the same: the transform, how much it covers, the verdict.

use vizsla_features::{
    Correspondence, Features, MatchConfig, Transform, TransformModel, VerifyConfig,
    match_descriptors, verify,
};
use vizsla_pixels::{Decoded, Limits, Rgb};

use crate::agreement::{Seen, agreement, verdict};
use crate::describe::local_extractor;
use crate::described_picture::{DescribedPicture, described_by};
use crate::{Agreement, Error, PointPair, Recipe, Region, Source, Verdict, draw_pair};

/// How two pictures are compared.
#[derive(Debug, Clone)]
pub struct MatchOptions {
    /// How they are read and described, and what makes a match; `local.budget` is for each of them.
    pub recipe: Recipe,
    /// The richest transform that is looked for.
    pub model: TransformModel,
    /// Largest distance of an inlier, in pixels of the analysed picture.
    pub threshold: f64,
    /// Largest ratio of the nearest to the second nearest descriptor distance.
    pub ratio: f32,
    /// What a picture may ask for.
    pub limits: Limits,
}

impl Default for MatchOptions {
    fn default() -> Self {
        let mut recipe = Recipe::default();
        recipe.local.budget = 2000;
        Self {
            recipe,
            model: TransformModel::Homography,
            threshold: 5.0,
            ratio: 0.8,
            limits: Limits::default(),
        }
    }
}

/// One of two pictures that were compared.
#[derive(Debug, Clone)]
pub struct ComparedPicture {
    /// The picture as it was analysed.
    pub picture: Rgb,
    /// Its upright full-resolution size.
    pub size: [u32; 2],
    /// How many features it has.
    pub features: usize,
}

/// What two pictures have in common.
#[derive(Debug, Clone)]
pub struct PictureMatch {
    /// The first picture, the query.
    pub left: ComparedPicture,
    /// The second picture.
    pub right: ComparedPicture,
    /// Pairs of features that look alike.
    pub tentative: usize,
    /// Whether they show the same, by the rule of a search in a collection of one image.
    pub verdict: Verdict,
    /// The family of the transform that was found.
    pub model: Option<TransformModel>,
    /// What agrees; `None` where nothing does. In full-resolution pixels.
    pub agreement: Option<Agreement>,
}

/// Compares two pictures: the same features, verification and verdict as a search.
///
/// # Errors
/// As [`describe_picture`](crate::describe_picture).
pub fn match_pictures(
    left: Source<'_>,
    right: Source<'_>,
    options: &MatchOptions,
) -> Result<PictureMatch, Error> {
    options.recipe.check()?;
    let extractor = local_extractor(&options.recipe, 2)?;
    let described = |source| described_by(&*extractor, source, &options.recipe, options.limits);
    let (left, right) = rayon::join(|| described(left), || described(right));
    let (left, right) = (left?, right?);
    let pairs = correspondences(&left.features, &right.features, options.ratio);
    let config = VerifyConfig {
        model: options.model,
        threshold: options.threshold,
        ..VerifyConfig::default()
    };
    let seen = [left.seen(), right.seen()];
    let found = verify(&pairs, seen[0].size, seen[1].size, &config);
    let agreement = found
        .as_ref()
        .map(|found| agreement(&pairs, found, &seen[0], &seen[1]));
    let search = &options.recipe.search;
    Ok(PictureMatch {
        tentative: pairs.len(),
        verdict: agreement
            .as_ref()
            .map_or(Verdict::NoMatch, |agreement| verdict(agreement, search)),
        model: found.map(|found| found.model),
        agreement,
        left: left.compared(),
        right: right.compared(),
    })
}

impl PictureMatch {
    /// Draws both side by side with what agrees joined by lines.
    ///
    /// # Errors
    /// There is no memory for the drawing.
    pub fn draw(&self) -> Result<Rgb, Error> {
        let (pairs, transform) = match &self.agreement {
            Some(agreement) => (&agreement.pairs[..], Some(agreement.transform)),
            None => (&[][..], None),
        };
        draw_agreement(self.left.shown(), self.right.shown(), pairs, transform)
    }
}

impl ComparedPicture {
    fn shown(&self) -> Shown<'_> {
        Shown {
            picture: &self.picture,
            width: self.size[0],
        }
    }
}

/// A picture that is drawn, perhaps smaller than it is.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// The picture as it is drawn.
    pub picture: &'a Rgb,
    /// Its full-resolution width, in whose pixels points are given.
    pub width: u32,
}

impl<'a> From<&'a Decoded<Rgb>> for Shown<'a> {
    fn from(decoded: &'a Decoded<Rgb>) -> Self {
        Self {
            picture: &decoded.image,
            width: decoded.full_width,
        }
    }
}

impl Shown<'_> {
    /// Full-resolution pixels for each pixel that is drawn.
    fn zoom(&self) -> f64 {
        f64::from(self.width.max(1)) / self.picture.width().max(1) as f64
    }
}

/// As [`draw_pair`], of pictures that were read smaller than they are; pairs and transform are in full-resolution pixels.
///
/// # Errors
/// As [`draw_pair`].
pub fn draw_agreement(
    left: Shown<'_>,
    right: Shown<'_>,
    pairs: &[PointPair],
    transform: Option<[[f64; 3]; 3]>,
) -> Result<Rgb, Error> {
    let shrunk = |point: [f32; 2], zoom: f64| point.map(|v| (f64::from(v) / zoom) as f32);
    let pairs = pairs.iter().map(|pair| PointPair {
        query: shrunk(pair.query, left.zoom()),
        gallery: shrunk(pair.gallery, right.zoom()),
    });
    let pairs: Vec<PointPair> = pairs.collect();
    let transform = transform.and_then(|whole| between(&Transform(whole), left, right));
    draw_pair(
        left.picture,
        right.picture,
        &pairs,
        transform.map(|small| small.0),
    )
}

/// A transform between whole pictures as one between them as they are drawn.
fn between(whole: &Transform, left: Shown<'_>, right: Shown<'_>) -> Option<Transform> {
    let shrink = Transform::enlargement(right.zoom()).inverse()?;
    let enlarge = Transform::enlargement(left.zoom());
    Some(shrink.compose(whole).compose(&enlarge))
}

impl DescribedPicture {
    fn seen(&self) -> Seen {
        let (width, height) = (
            f64::from(self.features.width),
            f64::from(self.features.height),
        );
        let points = self.features.keypoints.iter();
        let place = |x: f32, y: f32| {
            [
                (f64::from(x) + 0.5) / width.max(1.0),
                (f64::from(y) + 0.5) / height.max(1.0),
            ]
        };
        let [full_width, full_height] = self.size;
        Seen {
            region: Region {
                x: 0.0,
                y: 0.0,
                width: f64::from(full_width),
                height: f64::from(full_height),
            },
            size: (width, height),
            zoom: self.zoom(),
            places: points.map(|point| place(point.x, point.y)).collect(),
        }
    }

    fn compared(self) -> ComparedPicture {
        ComparedPicture {
            size: self.size,
            features: self.features.len(),
            picture: self.picture,
        }
    }
}

/// Pairs of features that look alike, each way the nearest.
fn correspondences(left: &Features, right: &Features, ratio: f32) -> Vec<Correspondence> {
    let config = MatchConfig {
        ratio,
        mutual: true,
    };
    let found = match_descriptors(&left.descriptors, &right.descriptors, &config);
    let pairs = found.iter().map(|pair| Correspondence {
        from: left.keypoints[pair.a as usize].frame(),
        to: right.keypoints[pair.b as usize].frame(),
        weight: 1.0,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transform_between_shrunk_pictures_moves_shrunk_points() {
        let whole = Transform([[2.0, 0.5, 30.0], [-0.3, 1.5, 8.0], [1e-3, 2e-3, 1.0]]);
        let picture = Rgb::filled(50, 40, [0; 3]).unwrap();
        let shown = |width| Shown {
            picture: &picture,
            width,
        };
        let (left, right) = (shown(100), shown(200));
        let small = between(&whole, left, right).unwrap();
        // Centres of pixels have whole coordinates.
        let shrunk = |v: f64, zoom: f64| (v + 0.5) / zoom - 0.5;
        let (x, y) = whole.apply(40.0, 60.0).unwrap();
        let near = small.apply(shrunk(40.0, 2.0), shrunk(60.0, 2.0)).unwrap();
        assert!((shrunk(x, 4.0) - near.0).abs() < 1e-9 && (shrunk(y, 4.0) - near.1).abs() < 1e-9);
    }
}
