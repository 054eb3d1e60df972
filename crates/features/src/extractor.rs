//! What finds and describes local features, by name.
//!
//! A new method is a file that implements [`Extractor`], a name in [`Detector`] or [`DescriptorKind`], and a line in
//! [`ExtractorConfig::extractor`](crate::ExtractorConfig::extractor); nobody above asks which one it is.

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
    fn extract(&self, image: &Gray) -> Features;
}

/// What finds keypoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detector {
    /// Extrema of the difference of Gaussians (Lowe 2004).
    #[default]
    Dog,
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
    pub const ALL: [Detector; 1] = [Detector::Dog];

    /// The name as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Detector::Dog => "dog",
        }
    }
}

impl DescriptorKind {
    /// All of them.
    pub const ALL: [DescriptorKind; 2] = [DescriptorKind::Sift, DescriptorKind::RootSift];

    /// The name as it is written.
    pub fn name(self) -> &'static str {
        match self {
            DescriptorKind::Sift => "sift",
            DescriptorKind::RootSift => "root_sift",
        }
    }

    /// The number that stands for it in files; it never changes.
    pub fn number(self) -> u32 {
        match self {
            DescriptorKind::RootSift => 0,
            DescriptorKind::Sift => 1,
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

fn named<T: Copy>(
    what: &'static str,
    text: &str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<T, UnknownName> {
    let known = all.iter().copied().find(|&one| name(one) == text);
    known.ok_or_else(|| UnknownName {
        what,
        name: text.to_owned(),
        known: all
            .iter()
            .map(|&one| name(one))
            .collect::<Vec<_>>()
            .join(" or "),
    })
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
        let error = "surf".parse::<DescriptorKind>().unwrap_err().to_string();
        assert_eq!(
            error,
            "there is no descriptor 'surf'; choose sift or root_sift"
        );
        let error = "harris".parse::<Detector>().unwrap_err().to_string();
        assert_eq!(error, "there is no detector 'harris'; choose dog");
    }
}
