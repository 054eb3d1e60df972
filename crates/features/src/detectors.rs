//! Several detectors in one set of features: what one does not find again, another may.
//!
//! Blobs, corners and regions fail on different pictures (Mikolajczyk et al. 2005 measure it), so a collection can hold features of more than one detector.
//! Their descriptors are of one kind, and words and signatures do not ask who found them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use vizsla_pixels::Gray;

use crate::extractor::{DescriptorKind, Detector, ExtractError, Extractor, UnknownName};
use crate::extractor_config::ExtractorConfig;
use crate::keypoint::Features;
use crate::pairing::NotPaired;

/// One detector, or several that complement each other, written `dog+mser`; no name twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Detectors {
    /// The first takes what the others leave of a budget.
    first: Detector,
    others: Vec<Detector>,
}

/// What is no choice of detectors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDetectors {
    /// A name that none of them has.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// The same name more than once.
    #[error("the detector {0} is named twice; it finds the same again")]
    Twice(Detector),
}

impl Detectors {
    /// All of them, in the order in which they were named.
    pub fn iter(&self) -> impl Iterator<Item = Detector> {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }

    /// Whether a network finds one of them, which describes them as well.
    pub fn is_learned(&self) -> bool {
        self.iter().any(Detector::is_learned)
    }

    /// The descriptor that goes with one of them and no other; `None` where all that are not learned do.
    pub fn own_descriptor(&self) -> Option<DescriptorKind> {
        self.iter().find_map(Detector::own_descriptor)
    }

    /// What finds features by these detectors, in all other things as `config` says. Of a budget each of n detectors after the first takes at most the n-th part,
    /// and the first all that is left.
    ///
    /// # Errors
    /// As [`ExtractorConfig::extractor`], of any of them.
    pub fn extractor(&self, config: &ExtractorConfig) -> Result<Box<dyn Extractor>, NotPaired> {
        let of = |detector| ExtractorConfig {
            detector,
            ..*config
        };
        let first = of(self.first);
        if self.others.is_empty() {
            return first.extractor();
        }
        first.extractor()?;
        let share = config.budget / (1 + self.others.len());
        let share = share.max(usize::from(config.budget > 0));
        let others = self.others.iter().map(|&detector| {
            let budget = share;
            ExtractorConfig {
                budget,
                ..of(detector)
            }
            .extractor()
        });
        Ok(Box::new(Complementary {
            first,
            others: others.collect::<Result<_, _>>()?,
        }))
    }
}

impl From<Detector> for Detectors {
    fn from(first: Detector) -> Self {
        Self {
            first,
            others: Vec::new(),
        }
    }
}

impl Default for Detectors {
    fn default() -> Self {
        Detector::default().into()
    }
}

impl fmt::Display for Detectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.first.name())?;
        self.others
            .iter()
            .try_for_each(|other| write!(f, "+{other}"))
    }
}

impl FromStr for Detectors {
    type Err = NotDetectors;

    fn from_str(text: &str) -> Result<Self, NotDetectors> {
        let (first, others) = match text.split_once('+') {
            Some((first, others)) => (first, Some(others)),
            None => (text, None),
        };
        let mut all = Self::from(first.trim().parse::<Detector>()?);
        for name in others.into_iter().flat_map(|others| others.split('+')) {
            let other = name.trim().parse()?;
            if all.iter().any(|known| known == other) {
                return Err(NotDetectors::Twice(other));
            }
            all.others.push(other);
        }
        Ok(all)
    }
}

impl TryFrom<String> for Detectors {
    type Error = NotDetectors;

    fn try_from(text: String) -> Result<Self, NotDetectors> {
        text.parse()
    }
}

impl From<Detectors> for String {
    fn from(detectors: Detectors) -> Self {
        detectors.to_string()
    }
}

/// Features of several detectors.
struct Complementary {
    first: ExtractorConfig,
    others: Vec<Box<dyn Extractor>>,
}

impl Extractor for Complementary {
    fn kind(&self) -> DescriptorKind {
        self.first.descriptor
    }

    fn extract(&self, image: &Gray) -> Result<Features, ExtractError> {
        let others = self.others.iter().map(|other| other.extract(image));
        let mut found = others.collect::<Result<Vec<Features>, _>>()?;
        let taken: usize = found.iter().map(Features::len).sum();
        let budget = match self.first.budget {
            0 => 0,
            // Zero would be no bound.
            budget => budget.saturating_sub(taken).max(1),
        };
        let first = ExtractorConfig {
            budget,
            ..self.first
        };
        let first = first
            .extractor()
            .map_err(|error| ExtractError::new(Box::new(error)))?;
        found.insert(0, first.extract(image)?);
        let mut all = merged(found);
        if self.first.budget > 0 {
            all.keypoints.truncate(self.first.budget);
            all.descriptors.truncate(self.first.budget);
        }
        Ok(all)
    }
}

/// Features of several detectors in one order: responses of different detectors cannot be compared, so each is as far from the front as it is among its own, in shares.
fn merged(found: Vec<Features>) -> Features {
    let mut order = Vec::new();
    for (detector, features) in found.iter().enumerate() {
        let all = features.len().max(1) as f64;
        order.extend((0..features.len()).map(|at| ((at as f64 + 0.5) / all, detector, at)));
    }
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let (width, height) = found
        .first()
        .map_or((0, 0), |features| (features.width, features.height));
    Features {
        width,
        height,
        keypoints: order
            .iter()
            .map(|&(_, detector, at)| found[detector].keypoints[at])
            .collect(),
        descriptors: order
            .iter()
            .map(|&(_, detector, at)| found[detector].descriptors[at])
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Detectors, String> {
        text.parse::<Detectors>().map_err(|error| error.to_string())
    }

    /// Blocks of many sizes on a slope: blobs and stable regions.
    fn picture() -> Gray {
        let (width, height) = (240, 180);
        let mut data: Vec<u8> = (0..width * height)
            .map(|i| (40 + (i % width) / 4) as u8)
            .collect();
        for block in 0..24 {
            let (x, y, side) = (8 + block % 6 * 38, 8 + block / 6 * 42, 6 + block);
            for row in y..(y + side).min(height) {
                data[row * width + x..row * width + x + side].fill(if block % 2 == 0 {
                    230
                } else {
                    10
                });
            }
        }
        Gray::new(width, height, data).unwrap()
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for text in ["dog", "dog+mser", "hessian_affine+dog+mser"] {
            let detectors = read(text).unwrap();
            assert_eq!(detectors.to_string(), text);
            let json = serde_json::to_string(&detectors).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Detectors>(&json).unwrap(), detectors);
        }
        assert_eq!(read("dog + mser").unwrap(), read("dog+mser").unwrap());
        assert_eq!(Detectors::default(), Detector::Dog.into());
        assert!(
            read("dog+mser+dog")
                .unwrap_err()
                .contains("dog is named twice")
        );
        for wrong in ["", "+", "dog+", "dog,mser", "dog+mserr"] {
            assert!(
                read(wrong).unwrap_err().contains("there is no detector"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_budget_is_shared_and_the_first_takes_what_is_left() {
        let image = picture();
        let of = |text: &str, budget| {
            let config = ExtractorConfig {
                budget,
                ..ExtractorConfig::default()
            };
            let extractor = read(text).unwrap().extractor(&config).unwrap();
            extractor.extract(&image).unwrap()
        };
        let (dog, mser) = (of("dog", 0), of("mser", 0));
        assert!(
            dog.len() > 40 && mser.len() > 12,
            "{} {}",
            dog.len(),
            mser.len()
        );
        let all = of("dog+mser", 0);
        assert_eq!(all.len(), dog.len() + mser.len());
        assert_eq!((all.width, all.height), (240, 180));
        let is_of = |features: &Features, one: &Features| {
            let among = |keypoint| one.keypoints.contains(keypoint);
            features
                .keypoints
                .iter()
                .filter(|&keypoint| among(keypoint))
                .count()
        };
        for budget in [1, 2, 7, 20, 40] {
            let both = of("dog+mser", budget);
            assert_eq!(both.len(), budget);
            assert_eq!(both.descriptors.len(), budget);
            assert!(is_of(&both, &of("mser", budget)) >= budget / 2 - budget / 8);
        }
        // Few stable regions leave the more to blobs.
        let most = mser.len() + 30;
        let both = of("dog+mser", most * 2);
        assert_eq!(is_of(&both, &mser), mser.len());
        assert!(is_of(&both, &dog) >= dog.len().min(most));
        // Any beginning has its share of each.
        let front = Features {
            keypoints: all.keypoints[..all.len() / 3].to_vec(),
            ..Features::default()
        };
        let share = is_of(&front, &mser) as f64 / front.len() as f64;
        let whole = mser.len() as f64 / all.len() as f64;
        assert!((share - whole).abs() < 0.05, "{share} {whole}");
    }

    #[test]
    fn a_network_goes_with_itself_alone() {
        let config = ExtractorConfig::default();
        for text in ["dog+xfeat", "xfeat+dog"] {
            assert!(read(text).unwrap().extractor(&config).is_err());
        }
        let flat = Gray::new(64, 64, vec![7; 64 * 64]).unwrap();
        let extractor = read("dog+mser+hessian_affine")
            .unwrap()
            .extractor(&config)
            .unwrap();
        assert!(extractor.extract(&flat).unwrap().is_empty());
    }
}
