//! Several descriptions compared as one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use vizsla_pixels::Rgb;

use super::distance::Distance;
use super::feature_map::FeatureMap;
use super::kind::{WholeImage, WholeImageError};
use super::picture::Picture;

/// Descriptions with weights, compared by the weighted sum of their kernels, which is the inner product of their
/// mapped vectors one after the other, each of the length `√(its share of the weights)`.
///
/// Written as `hsv*0.5+lbp/hellinger*0.3+phog*0.2`: after `/` the distance, otherwise the first of
/// [`WholeImage::distances`] that has a [`FeatureMap`]; after `*` the weight, otherwise 1.
///
/// No inner product stands for the earth mover's distance, L2, and L1 of what is no histogram. Where one of these is written, candidates
/// are found by the first distance that has a map, and put into order by [`Combined::distance`], for which the
/// descriptions themselves have to be kept: [`Combined::record`].
///
/// ```
/// use vizsla_features::Combined;
/// use vizsla_pixels::Rgb;
///
/// let combined: Combined = "hsv*3+lbp".parse()?;
/// let (red, blue) = (Rgb::filled(40, 30, [200, 0, 0])?, Rgb::filled(40, 30, [0, 0, 200])?);
/// let (red, blue) = (combined.vector(&red), combined.vector(&blue));
/// let similarity: f32 = red.iter().zip(&blue).map(|(a, b)| a * b).sum();
/// // Nothing in common in colour, everything in texture.
/// assert!((similarity - 0.25).abs() < 1e-5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Combined {
    parts: Vec<Part>,
}

/// One of the descriptions.
#[derive(Clone, Debug)]
struct Part {
    whole: WholeImage,
    distance: Distance,
    weight: f32,
    /// Of the distance, or of the one that finds candidates for it.
    map: FeatureMap,
    /// Whether it is of the distance.
    is_mapped: bool,
}

impl Combined {
    /// What is combined: descriptions, distances, and weights as they were written.
    pub fn parts(&self) -> impl Iterator<Item = (WholeImage, Distance, f32)> {
        let parts = self.parts.iter();
        parts.map(|part| (part.whole, part.distance, part.weight))
    }

    /// Length of the vectors.
    pub fn dimension(&self) -> usize {
        self.parts.iter().map(|part| part.map.dimension()).sum()
    }

    /// The vector of an image: of length 1, or less where one of the descriptions has no mass (see
    /// [`FeatureMap::map`]).
    pub fn vector(&self, image: &Rgb) -> Vec<f32> {
        self.mapped(&self.descriptions(image))
    }

    /// Whether all distances have a map, so that [`Combined::vector`] is all that is needed of an image.
    pub fn is_mapped(&self) -> bool {
        self.parts.iter().all(|part| part.is_mapped)
    }

    /// What has to be kept of an image to compare it later: its [`Combined::vector`], or where a distance has no map the
    /// descriptions, one after the other.
    pub fn record(&self, image: &Rgb) -> Vec<f32> {
        match self.is_mapped() {
            true => self.vector(image),
            false => self.descriptions(image),
        }
    }

    /// Length of the records.
    pub fn record_dimension(&self) -> usize {
        match self.is_mapped() {
            true => self.dimension(),
            false => self.parts.iter().map(|part| part.whole.dimension()).sum(),
        }
    }

    /// The vector by which an image of this record is found. Of a record of another length the common part counts.
    pub fn vector_of_record(&self, record: &[f32]) -> Vec<f32> {
        match self.is_mapped() {
            true => record.to_vec(),
            false => self.mapped(record),
        }
    }

    /// The mean, by the weights, of the exact distances between the descriptions of two images; `None` where all
    /// distances are mapped, since records then hold no descriptions, or one of the records has another length.
    pub fn distance(&self, a: &[f32], b: &[f32]) -> Option<f32> {
        let length = self.record_dimension();
        if self.is_mapped() || a.len() != length || b.len() != length {
            return None;
        }
        let (mut a, mut b) = (a, b);
        let (mut sum, mut weights) = (0.0, 0.0);
        for part in &self.parts {
            let (of_a, of_b);
            (of_a, a) = a.split_at(part.whole.dimension());
            (of_b, b) = b.split_at(part.whole.dimension());
            sum += f64::from(part.weight * part.whole.between(part.distance, of_a, of_b));
            weights += f64::from(part.weight);
        }
        Some((sum / weights) as f32)
    }

    fn descriptions(&self, image: &Rgb) -> Vec<f32> {
        let picture = Picture::new(image);
        let parts = self.parts.iter();
        parts
            .flat_map(|part| part.whole.describe_picture(&picture))
            .collect()
    }

    fn mapped(&self, mut descriptions: &[f32]) -> Vec<f32> {
        let total: f64 = self.parts.iter().map(|part| f64::from(part.weight)).sum();
        let mut out = Vec::with_capacity(self.dimension());
        for part in &self.parts {
            let size = (f64::from(part.weight) / total).sqrt() as f32;
            let length = part.whole.dimension().min(descriptions.len());
            let (description, rest) = descriptions.split_at(length);
            descriptions = rest;
            let vector = part.map.map(description);
            out.extend(vector.into_iter().map(|value| value * size));
        }
        out
    }
}

impl Part {
    fn parse(text: &str) -> Result<Part, WholeImageError> {
        let (text, weight) = match text.split_once('*') {
            Some((before, weight)) => (before, weight_of(weight)?),
            None => (text, 1.0),
        };
        let (text, distance) = match text.split_once('/') {
            Some((before, distance)) => (before, Some(distance.parse()?)),
            None => (text, None),
        };
        let whole: WholeImage = text.parse()?;
        let distance = distance
            .or_else(|| mapped(&whole).next())
            .unwrap_or(whole.default_distance());
        if !whole.distances().contains(&distance) {
            return Err(unsuited(whole, distance));
        }
        let own = whole.feature_map(distance);
        let is_mapped = own.is_some();
        let found_by = || mapped(&whole).find_map(|one| whole.feature_map(one));
        let map = own
            .or_else(found_by)
            .ok_or_else(|| unsuited(whole, distance))?;
        Ok(Part {
            whole,
            distance,
            weight,
            map,
            is_mapped,
        })
    }

    /// Whether the distance is the one that is used where none is written.
    fn has_usual_distance(&self) -> bool {
        mapped(&self.whole).next() == Some(self.distance)
    }
}

/// The distances of a description that an inner product stands for, the usual one first.
fn mapped(whole: &WholeImage) -> impl Iterator<Item = Distance> {
    let all = whole.distances().iter().copied();
    all.filter(|&one| whole.feature_map(one).is_some())
}

fn weight_of(text: &str) -> Result<f32, WholeImageError> {
    let weight = text.parse::<f32>().ok();
    weight
        .filter(|w| w.is_finite() && *w > 0.0)
        .ok_or_else(|| WholeImageError::Weight(text.to_owned()))
}

fn unsuited(whole: WholeImage, distance: Distance) -> WholeImageError {
    let known = whole.distances().iter().copied();
    let known: Vec<_> = known.map(Distance::name).collect();
    WholeImageError::Distance {
        whole: whole.to_string(),
        distance,
        known: known.join(" or "),
    }
}

impl fmt::Display for Combined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.parts.iter().enumerate() {
            if i > 0 {
                f.write_str("+")?;
            }
            part.whole.fmt(f)?;
            if !part.has_usual_distance() {
                write!(f, "/{}", part.distance)?;
            }
            if part.weight != 1.0 {
                write!(f, "*{}", part.weight)?;
            }
        }
        Ok(())
    }
}

impl FromStr for Combined {
    type Err = WholeImageError;

    fn from_str(text: &str) -> Result<Self, WholeImageError> {
        let parts: Result<Vec<Part>, _> = text.split('+').map(Part::parse).collect();
        Ok(Combined { parts: parts? })
    }
}

impl PartialEq for Combined {
    fn eq(&self, other: &Self) -> bool {
        self.parts().eq(other.parts())
    }
}

impl From<Combined> for String {
    fn from(combined: Combined) -> String {
        combined.to_string()
    }
}

impl TryFrom<String> for Combined {
    type Error = WholeImageError;

    fn try_from(text: String) -> Result<Self, WholeImageError> {
        text.parse()
    }
}
