//! The list of all descriptions of whole images.
//!
//! A new one is a file that implements [`Method`], a variant of [`WholeImage`], and a line or more in [`KNOWN`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use vizsla_pixels::Rgb;

use super::cooccurrence::Cooccurrence;
use super::correlogram::Correlogram;
use super::distance::Distance;
use super::edges::EdgeHistogram;
use super::feature_map::{FeatureMap, Form, Spectrum};
use super::gabor::GaborMoments;
use super::hashes::PerceptualHash;
use super::histogram::ColourHistogram;
use super::hog::OrientedGradients;
use super::hu::HuMoments;
use super::layout::ColourLayout;
use super::lbp::BinaryPatterns;
use super::method::Method;
use super::moments::ColourMoments;
use super::phog::GradientPyramid;
use super::picture::Picture;
use super::spec::Spec;
use super::tamura::Tamura;
use crate::extractor::{UnknownName, named};

/// A description of a whole image by one vector, with its parameters.
///
/// Written as `name[:parameters][@COLUMNSxROWS]`, read by [`FromStr`], always valid. [`Display`](fmt::Display) spells
/// out the parameters that were left to their defaults, so that what a collection was made with stays what it is.
///
/// ```
/// use vizsla_features::{Distance, WholeImage};
/// use vizsla_pixels::Rgb;
///
/// let colours: WholeImage = "hsv@2x2".parse()?;
/// assert_eq!(colours.to_string(), "hsv:8x4x4@2x2");
/// let (red, blue) = (Rgb::filled(40, 30, [200, 0, 0])?, Rgb::filled(40, 30, [0, 0, 200])?);
/// let (red, blue) = (colours.describe(&red), colours.describe(&blue));
/// assert_eq!(red.len(), colours.dimension());
/// assert_eq!(colours.between(Distance::Hellinger, &red, &blue), 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum WholeImage {
    /// `rgb`, `hsv`, `lab`: a histogram of colour.
    Histogram(ColourHistogram),
    /// `lbp`, `lbp_ri`, `cs_lbp`: a histogram of local binary patterns.
    Patterns(BinaryPatterns),
    /// `moments`: means, deviations and skews of colour.
    Moments(ColourMoments),
    /// `layout`: low frequencies of where colours are.
    Layout(ColourLayout),
    /// `correlogram`: how colours keep together.
    Correlogram(Correlogram),
    /// `gabor`: strengths of scales and directions.
    Gabor(GaborMoments),
    /// `cooccurrence`: features of neighbouring grey levels.
    Cooccurrence(Cooccurrence),
    /// `tamura`: coarseness, contrast and directionality.
    Tamura(Tamura),
    /// `hog`: histograms of oriented gradients.
    Gradients(OrientedGradients),
    /// `phog`: directions of edges in a pyramid of cells.
    Pyramid(GradientPyramid),
    /// `edges`: shares of kinds of edges.
    Edges(EdgeHistogram),
    /// `hu`: moments that do not change under rotation.
    Hu(HuMoments),
    /// `average_hash`, `difference_hash`, `dct_hash`, `wavelet_hash`: bits that copies share.
    Hash(PerceptualHash),
}

/// A text that describes no description.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WholeImageError {
    /// There is no method of that name, or no distance.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// The parameters are malformed or out of range.
    #[error("'{text}' cannot be used: {name} takes {form}")]
    Parameters {
        /// The whole text.
        text: String,
        /// The name of the method.
        name: &'static str,
        /// What it takes.
        form: &'static str,
    },
    /// A distance that does not suit the description.
    #[error("{whole} cannot be compared by {distance}; choose {known}")]
    Distance {
        /// The description.
        whole: String,
        /// The distance that was wanted.
        distance: Distance,
        /// Those that can be used.
        known: String,
    },
    /// A weight that is not a positive number.
    #[error("'{0}' is no weight: write a number above 0, as in hsv*0.5")]
    Weight(String),
}

/// A name, what may follow it, and what it stands for.
#[derive(Clone, Copy)]
struct Known {
    name: &'static str,
    form: &'static str,
    parse: fn(&Spec) -> Option<WholeImage>,
}

const fn known(
    name: &'static str,
    form: &'static str,
    parse: fn(&Spec) -> Option<WholeImage>,
) -> Known {
    Known { name, form, parse }
}

/// Every name there is.
const KNOWN: [Known; 20] = [
    known("rgb", ColourHistogram::FORM, |spec| {
        ColourHistogram::parse(spec).map(WholeImage::Histogram)
    }),
    known("hsv", ColourHistogram::FORM, |spec| {
        ColourHistogram::parse(spec).map(WholeImage::Histogram)
    }),
    known("lab", ColourHistogram::FORM, |spec| {
        ColourHistogram::parse(spec).map(WholeImage::Histogram)
    }),
    known("moments", ColourMoments::FORM, |spec| {
        ColourMoments::parse(spec).map(WholeImage::Moments)
    }),
    known("layout", ColourLayout::FORM, |spec| {
        ColourLayout::parse(spec).map(WholeImage::Layout)
    }),
    known("correlogram", Correlogram::FORM, |spec| {
        Correlogram::parse(spec).map(WholeImage::Correlogram)
    }),
    known("lbp", BinaryPatterns::FORM, |spec| {
        BinaryPatterns::parse(spec).map(WholeImage::Patterns)
    }),
    known("lbp_ri", BinaryPatterns::FORM, |spec| {
        BinaryPatterns::parse(spec).map(WholeImage::Patterns)
    }),
    known("cs_lbp", BinaryPatterns::FORM, |spec| {
        BinaryPatterns::parse(spec).map(WholeImage::Patterns)
    }),
    known("gabor", GaborMoments::FORM, |spec| {
        GaborMoments::parse(spec).map(WholeImage::Gabor)
    }),
    known("cooccurrence", Cooccurrence::FORM, |spec| {
        Cooccurrence::parse(spec).map(WholeImage::Cooccurrence)
    }),
    known("tamura", Tamura::FORM, |spec| {
        Tamura::parse(spec).map(WholeImage::Tamura)
    }),
    known("hog", OrientedGradients::FORM, |spec| {
        OrientedGradients::parse(spec).map(WholeImage::Gradients)
    }),
    known("phog", GradientPyramid::FORM, |spec| {
        GradientPyramid::parse(spec).map(WholeImage::Pyramid)
    }),
    known("edges", EdgeHistogram::FORM, |spec| {
        EdgeHistogram::parse(spec).map(WholeImage::Edges)
    }),
    known("hu", HuMoments::FORM, |spec| {
        HuMoments::parse(spec).map(WholeImage::Hu)
    }),
    known("average_hash", PerceptualHash::FORM, |spec| {
        PerceptualHash::parse(spec).map(WholeImage::Hash)
    }),
    known("difference_hash", PerceptualHash::FORM, |spec| {
        PerceptualHash::parse(spec).map(WholeImage::Hash)
    }),
    known("dct_hash", PerceptualHash::FORM, |spec| {
        PerceptualHash::parse(spec).map(WholeImage::Hash)
    }),
    known("wavelet_hash", PerceptualHash::FORM, |spec| {
        PerceptualHash::parse(spec).map(WholeImage::Hash)
    }),
];

impl WholeImage {
    /// The names of all methods.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KNOWN.iter().map(|known| known.name)
    }

    fn method(&self) -> &dyn Method {
        match self {
            WholeImage::Histogram(method) => method,
            WholeImage::Moments(method) => method,
            WholeImage::Layout(method) => method,
            WholeImage::Correlogram(method) => method,
            WholeImage::Patterns(method) => method,
            WholeImage::Gabor(method) => method,
            WholeImage::Cooccurrence(method) => method,
            WholeImage::Tamura(method) => method,
            WholeImage::Gradients(method) => method,
            WholeImage::Pyramid(method) => method,
            WholeImage::Edges(method) => method,
            WholeImage::Hu(method) => method,
            WholeImage::Hash(method) => method,
        }
    }

    /// Length of the descriptions.
    pub fn dimension(&self) -> usize {
        self.method().dimension()
    }

    /// Describes an image, of which it looks at a version of at most 256 pixels a side. Finite for any image.
    pub fn describe(&self, image: &Rgb) -> Vec<f32> {
        self.describe_picture(&Picture::new(image))
    }

    pub(super) fn describe_picture(&self, picture: &Picture) -> Vec<f32> {
        self.method().describe(picture)
    }

    /// The distances that suit its descriptions, the one that is used where none is named first.
    pub fn distances(&self) -> &'static [Distance] {
        self.method().distances()
    }

    /// The distance that is used where none is named.
    pub fn default_distance(&self) -> Distance {
        self.distances().first().copied().unwrap_or(Distance::L2)
    }

    /// The distance of two of its descriptions, exactly. Components of unlike units are weighed first.
    pub fn between(&self, distance: Distance, a: &[f32], b: &[f32]) -> f32 {
        if let (WholeImage::Histogram(histogram), Distance::EarthMovers) = (self, distance) {
            return histogram.earth_movers(a, b);
        }
        let weights = self.method().weights();
        if weights.is_empty() {
            return distance.between(a, b);
        }
        let weighed = |v: &[f32]| -> Vec<f32> {
            let pairs = v.iter().zip(&weights);
            pairs.map(|(value, weight)| value * weight).collect()
        };
        let (a, b) = (weighed(a), weighed(b));
        match (self, distance) {
            (WholeImage::Layout(layout), Distance::Layout) => layout.between(&a, &b),
            _ => distance.between(&a, &b),
        }
    }

    /// The map under which inner products compare as a distance does: exactly for cosine, Hellinger and Hamming; within
    /// 0.064 of the kernel for chi-squared; within 0.15 for the intersection and for L1 of histograms, which have the
    /// sum 1. `None` where there is none, so that candidates found by another one are to be ranked by
    /// [`WholeImage::between`], and where the distance does not suit.
    pub fn feature_map(&self, distance: Distance) -> Option<FeatureMap> {
        if !self.distances().contains(&distance) {
            return None;
        }
        let form = match distance {
            Distance::Cosine => Form::Unit,
            Distance::Hellinger => Form::Root,
            Distance::Hamming => Form::Signs,
            Distance::ChiSquared => Form::Homogeneous(Spectrum::CHI_SQUARED),
            Distance::Intersection => Form::Homogeneous(Spectrum::INTERSECTION),
            Distance::L1 if self.method().has_unit_sum() => {
                Form::Homogeneous(Spectrum::INTERSECTION)
            }
            Distance::L1 | Distance::L2 | Distance::EarthMovers | Distance::Layout => return None,
        };
        Some(FeatureMap::new(
            form,
            self.method().weights(),
            self.dimension(),
        ))
    }
}

impl fmt::Display for WholeImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WholeImage::Histogram(method) => method.fmt(f),
            WholeImage::Moments(method) => method.fmt(f),
            WholeImage::Layout(method) => method.fmt(f),
            WholeImage::Correlogram(method) => method.fmt(f),
            WholeImage::Patterns(method) => method.fmt(f),
            WholeImage::Gabor(method) => method.fmt(f),
            WholeImage::Cooccurrence(method) => method.fmt(f),
            WholeImage::Tamura(method) => method.fmt(f),
            WholeImage::Gradients(method) => method.fmt(f),
            WholeImage::Pyramid(method) => method.fmt(f),
            WholeImage::Edges(method) => method.fmt(f),
            WholeImage::Hu(method) => method.fmt(f),
            WholeImage::Hash(method) => method.fmt(f),
        }
    }
}

impl FromStr for WholeImage {
    type Err = WholeImageError;

    fn from_str(text: &str) -> Result<Self, WholeImageError> {
        let spec = Spec::of(text);
        let known = named("whole-image descriptor", spec.name, &KNOWN, |known| {
            known.name
        })?;
        (known.parse)(&spec).ok_or_else(|| WholeImageError::Parameters {
            text: text.to_owned(),
            name: known.name,
            form: known.form,
        })
    }
}

impl From<WholeImage> for String {
    fn from(whole: WholeImage) -> String {
        whole.to_string()
    }
}

impl TryFrom<String> for WholeImage {
    type Error = WholeImageError;

    fn try_from(text: String) -> Result<Self, WholeImageError> {
        text.parse()
    }
}
