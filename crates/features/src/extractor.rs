//! What finds and describes local features, by name.
//!
//! A new method is a file that implements [`Extractor`], a name in [`Detector`] or [`DescriptorKind`], and a line in
//! [`ExtractorConfig::extractor`](crate::ExtractorConfig::extractor); nobody above asks which one it is. Learned features
//! ([`Detector::is_learned`]) are computed by a network, which a floor above this one brings.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use vizsla_pixels::Gray;

use crate::keypoint::Features;

/// Finds keypoints in a grey image and describes them. One value serves any number of threads.
pub trait Extractor: Send + Sync {
    /// What its descriptors are. Only descriptors of one kind can be compared.
    fn kind(&self) -> DescriptorKind;

    /// The features of an image, strongest first, found on the calling thread. An image without texture or too small
    /// has none.
    ///
    /// # Errors
    /// A network could not run; what needs none never fails.
    fn extract(&self, image: &Gray) -> Result<Features, ExtractError>;
}

/// Why a picture could not be described: what the network said. Its message is that of the cause.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ExtractError(#[from] Box<dyn std::error::Error + Send + Sync>);

impl ExtractError {
    /// From what a network said.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// What finds keypoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detector {
    /// Extrema of the difference of Gaussians (Lowe 2004).
    #[default]
    Dog,
    /// Corners of the Harris measure at extrema of the Laplacian over scale (Mikolajczyk & Schmid 2004).
    HarrisLaplace,
    /// Maxima of the determinant of the Hessian in position and scale (Lindeberg 1998; Mikolajczyk & Schmid 2004).
    HessianLaplace,
    /// Harris-Laplace with affine shapes (Mikolajczyk & Schmid 2004).
    HarrisAffine,
    /// Hessian-Laplace with affine shapes (Mikolajczyk & Schmid 2004).
    HessianAffine,
    /// Maximally stable extremal regions, as ellipses (Matas, Chum, Urban & Pajdla 2002; Nistér & Stewénius 2008).
    Mser,
    /// Maxima of SURF's determinant of box filters (Bay, Ess, Tuytelaars & Van Gool 2008).
    FastHessian,
    /// Corners of FAST-9, of one size (Rosten & Drummond 2006).
    Fast,
    /// Corners of FAST on a pyramid, ranked by Harris' measure, turned by their centroid (Rublee et al. 2011).
    Orb,
    /// A grid of places in several sizes, upright.
    Dense,
    /// Keypoints of the network XFeat, of one size and upright (Potje et al. 2024). It describes them as well.
    Xfeat,
}

/// What a descriptor is. A codebook and all features that are compared are of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DescriptorKind {
    /// SIFT: 128 unsigned bytes (Lowe 2004).
    Sift,
    /// RootSIFT: 128 unsigned bytes, the square roots of SIFT's shares (Arandjelović & Zisserman 2012).
    #[default]
    RootSift,
    /// SURF, 64 numbers (Bay et al. 2008).
    Surf,
    /// SURF, 128 numbers.
    SurfExtended,
    /// Histograms of uniform local binary patterns (Ojala, Pietikäinen & Mäenpää 2002).
    Lbp,
    /// Histograms of centre-symmetric local binary patterns (Heikkilä, Pietikäinen & Schmid 2009).
    CsLbp,
    /// 128 comparisons of blurred pixels (Calonder, Lepetit, Strecha & Fua 2010), turned as ORB turns them (Rublee et al. 2011).
    Brief,
    /// RootSIFT averaged over windows of several sizes (Dong & Soatto 2015).
    DspSift,
    /// XFeat: 64 numbers of a network, which finds the places as well (Potje et al. 2024).
    Xfeat,
}

/// A name that none of the known ones is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what} '{name}'; choose {known}")]
pub struct UnknownName {
    what: &'static str,
    name: String,
    known: String,
}

impl Detector {
    /// All of them.
    pub const ALL: [Detector; 11] = [
        Detector::Dog,
        Detector::HarrisLaplace,
        Detector::HessianLaplace,
        Detector::HarrisAffine,
        Detector::HessianAffine,
        Detector::Mser,
        Detector::FastHessian,
        Detector::Fast,
        Detector::Orb,
        Detector::Dense,
        Detector::Xfeat,
    ];

    /// The name as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Detector::Dog => "dog",
            Detector::HarrisLaplace => "harris_laplace",
            Detector::HessianLaplace => "hessian_laplace",
            Detector::HarrisAffine => "harris_affine",
            Detector::HessianAffine => "hessian_affine",
            Detector::Mser => "mser",
            Detector::FastHessian => "fast_hessian",
            Detector::Fast => "fast",
            Detector::Orb => "orb",
            Detector::Dense => "dense",
            Detector::Xfeat => "xfeat",
        }
    }

    /// Whether a network finds them, which describes them as well: such a detector goes with the descriptor of the same
    /// name alone.
    pub fn is_learned(self) -> bool {
        self.own_descriptor().is_some()
    }

    /// The one descriptor that goes with it; `None` where all that are not learned do.
    pub fn own_descriptor(self) -> Option<DescriptorKind> {
        match self {
            Self::Xfeat => Some(DescriptorKind::Xfeat),
            _ => None,
        }
    }
}

impl DescriptorKind {
    /// All of them.
    pub const ALL: [DescriptorKind; 9] = [
        DescriptorKind::Sift,
        DescriptorKind::RootSift,
        DescriptorKind::Surf,
        DescriptorKind::SurfExtended,
        DescriptorKind::Lbp,
        DescriptorKind::CsLbp,
        DescriptorKind::Brief,
        DescriptorKind::DspSift,
        DescriptorKind::Xfeat,
    ];

    /// The name as it is written.
    pub fn name(self) -> &'static str {
        match self {
            DescriptorKind::Sift => "sift",
            DescriptorKind::RootSift => "root_sift",
            DescriptorKind::Surf => "surf",
            DescriptorKind::SurfExtended => "surf_extended",
            DescriptorKind::Lbp => "lbp",
            DescriptorKind::CsLbp => "cs_lbp",
            DescriptorKind::Brief => "brief",
            DescriptorKind::DspSift => "dsp_sift",
            DescriptorKind::Xfeat => "xfeat",
        }
    }

    /// Whether a network computes it.
    pub fn is_learned(self) -> bool {
        self.own_detector().is_some()
    }

    /// The one detector whose places it describes; `None` where all that are not learned do.
    pub fn own_detector(self) -> Option<Detector> {
        Detector::ALL
            .into_iter()
            .find(|detector| detector.own_descriptor() == Some(self))
    }

    /// The number that stands for it in files; it never changes.
    pub fn number(self) -> u32 {
        match self {
            DescriptorKind::RootSift => 0,
            DescriptorKind::Sift => 1,
            DescriptorKind::Surf => 2,
            DescriptorKind::SurfExtended => 3,
            DescriptorKind::Lbp => 4,
            DescriptorKind::CsLbp => 5,
            DescriptorKind::Brief => 6,
            DescriptorKind::DspSift => 7,
            DescriptorKind::Xfeat => 8,
        }
    }

    /// The kind of a number in a file; `None` for one of a later version.
    pub fn of_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

impl fmt::Display for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for DescriptorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Detector {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        named("detector", text, &Self::ALL, Self::name)
    }
}

impl FromStr for DescriptorKind {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        named("descriptor", text, &Self::ALL, Self::name)
    }
}

/// The one of `all` whose name `text` is.
///
/// # Errors
/// None is: says `what` was sought, and lists the names there are.
pub fn named<T: Copy>(
    what: &'static str,
    text: &str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<T, UnknownName> {
    let known = all.iter().copied().find(|&one| name(one) == text);
    known.ok_or_else(|| UnknownName {
        what,
        name: text.to_owned(),
        known: listed(&all.iter().map(|&one| name(one)).collect::<Vec<_>>()),
    })
}

/// `a, b or c`.
fn listed(names: &[&str]) -> String {
    match names {
        [before @ .., last] if !before.is_empty() => format!("{} or {last}", before.join(", ")),
        _ => names.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for detector in Detector::ALL {
            assert_eq!(detector.to_string().parse(), Ok(detector));
            let json = serde_json::to_string(&detector).unwrap();
            assert_eq!(json, format!("\"{detector}\""));
        }
        for kind in DescriptorKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            assert_eq!(DescriptorKind::of_number(kind.number()), Some(kind));
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("\"{kind}\""));
        }
        assert_eq!(DescriptorKind::of_number(99), None);
    }

    #[test]
    fn an_unknown_name_lists_those_there_are() {
        let error = "siftt".parse::<DescriptorKind>().unwrap_err().to_string();
        assert_eq!(
            error,
            "there is no descriptor 'siftt'; choose sift, root_sift, surf, surf_extended, lbp, cs_lbp, brief, dsp_sift or xfeat"
        );
        let error = "harris".parse::<Detector>().unwrap_err().to_string();
        assert!(
            error.starts_with("there is no detector 'harris'; choose dog, harris_laplace,")
                && error.ends_with(", dense or xfeat"),
            "{error}"
        );
    }
}
