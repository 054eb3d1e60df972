//! Two pictures compared without a collection.
//!
//! Their descriptors are matched with each other, where a collection goes by the words of its codebook; what is made of the
//! correspondences is the same where nothing else is chosen: the transform, how much it covers, the verdict. Every other way to geometry
//! that the floor below has can be chosen as well.

mod drawing;
mod object;
mod shown;

use std::time::{Duration, Instant};

use vizsla_features::{
    Correspondence, Features, GeometryConfig, GuidedConfig, MatchRule, NeighbourSearch,
    TwoViewModel, VerifyConfig, match_features_by,
};
use vizsla_pixels::{Limits, Rgb};

use crate::describe::local_extractor;
use crate::described_picture::{DescribedPicture, described_by};
use crate::{Agreement, Error, Recipe, Source, Verdict};

pub use self::drawing::{DrawnObject, draw_objects};
pub use self::object::PairObject;
pub use self::shown::{Shown, draw_agreement};

use self::object::Pair;

/// How two pictures are compared.
#[derive(Debug, Clone)]
pub struct MatchOptions {
    /// How they are read and described, and what makes a match; `local.budget` is for each of them.
    pub recipe: Recipe,
    /// Which of their features may show the same.
    pub rule: MatchRule,
    /// How the nearest descriptors are found.
    pub neighbours: NeighbourSearch,
    /// What they are to agree on, and how that is found; distances are in pixels of the analysed pictures.
    pub geometry: GeometryConfig,
    /// Whether and how the features are matched again where a geometry that was found allows.
    pub guided: Option<GuidedConfig>,
    /// What a picture may ask for.
    pub limits: Limits,
}

impl Default for MatchOptions {
    fn default() -> Self {
        let mut recipe = Recipe::default();
        recipe.local.budget = 2000;
        Self {
            recipe,
            rule: MatchRule::default(),
            neighbours: NeighbourSearch::Exact,
            geometry: GeometryConfig::Verify(VerifyConfig {
                threshold: 5.0,
                ..VerifyConfig::default()
            }),
            guided: None,
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

/// How long the parts of a comparison took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatchTimes {
    /// Reading and describing both pictures.
    pub describing: Duration,
    /// Finding pairs of features that look alike.
    pub matching: Duration,
    /// Finding what they agree on, and matching again where that is asked.
    pub geometry: Duration,
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
    /// Whether they show the same, by the rule of a search in a collection of one image: whether one of the objects does. Of epipolar
    /// lines, which cover everything, by the bound alone. `None` where the method gives no bound.
    pub verdict: Option<Verdict>,
    /// What parts of the pairs agree on, in the order of the method; at most one of all methods but
    /// [`Hough`](vizsla_features::GeometryMethod::Hough) and [`Sequential`](vizsla_features::GeometryMethod::Sequential).
    pub objects: Vec<PairObject>,
    /// How long it took.
    pub times: MatchTimes,
}

/// Compares two pictures. With the usual options: by the same features, verification and verdict as a search.
///
/// # Errors
/// As [`describe_picture`](crate::describe_picture).
pub fn match_pictures(
    left: Source<'_>,
    right: Source<'_>,
    options: &MatchOptions,
) -> Result<PictureMatch, Error> {
    options.recipe.check()?;
    let started = Instant::now();
    let extractor = local_extractor(&options.recipe, 2)?;
    let described = |source| described_by(&*extractor, source, &options.recipe, options.limits);
    let (left, right) = rayon::join(|| described(left), || described(right));
    let (left, right) = (left?, right?);
    let read = Instant::now();
    let correspondences = correspondences(&left.features, &right.features, options);
    let matched = Instant::now();
    let pair = Pair::new(&left, &right, &options.recipe.search);
    let objects = pair.objects(&correspondences, &options.geometry, options.guided.as_ref());
    let times = MatchTimes {
        describing: read - started,
        matching: matched - read,
        geometry: matched.elapsed(),
    };
    Ok(PictureMatch {
        tentative: correspondences.len(),
        verdict: object::verdict(&objects, &options.geometry, &options.recipe.search),
        objects,
        times,
        left: left.compared(),
        right: right.compared(),
    })
}

impl PictureMatch {
    /// What the first object agrees on, where that is a map of the plane.
    pub fn agreement(&self) -> Option<&Agreement> {
        self.objects.first()?.agreement.as_ref()
    }

    /// The family of the first object's geometry.
    pub fn model(&self) -> Option<TwoViewModel> {
        self.objects.first()?.model
    }

    /// Draws both side by side: one object with its pairs joined by lines, several each in its own colour, epipolar lines with the points
    /// that lie on them.
    ///
    /// # Errors
    /// There is no memory for the drawing.
    pub fn draw(&self) -> Result<Rgb, Error> {
        let (left, right) = (self.left.shown(), self.right.shown());
        match &self.objects[..] {
            [] => draw_agreement(left, right, &[], None, &[]),
            [one] if one.fundamental().is_none() => {
                let transform = one.transform().map(|transform| transform.0);
                let ground = one.agreement.as_ref().map_or(&[][..], Agreement::cells);
                draw_agreement(left, right, &one.pairs, transform, ground)
            }
            several => {
                let drawn: Vec<DrawnObject<'_>> = several.iter().map(DrawnObject::from).collect();
                draw_objects(left, right, &drawn)
            }
        }
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

impl DescribedPicture {
    fn compared(self) -> ComparedPicture {
        ComparedPicture {
            size: self.size,
            features: self.features.len(),
            picture: self.picture,
        }
    }
}

/// Pairs of features that look alike.
fn correspondences(
    left: &Features,
    right: &Features,
    options: &MatchOptions,
) -> Vec<Correspondence> {
    let found = match_features_by(left, right, &options.rule, options.neighbours);
    let ordered = options.geometry.is_ordered();
    let pairs = found.iter().map(|pair| Correspondence {
        from: left.keypoints[pair.a as usize].frame(),
        to: right.keypoints[pair.b as usize].frame(),
        weight: match ordered {
            true => (1.0 - pair.ratio()).max(1e-3),
            false => 1.0,
        },
    });
    pairs.collect()
}
