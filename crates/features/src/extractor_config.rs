//! Which extractor is wanted, and the one place where names become what they name.

use crate::covariant::{Covariant, CovariantConfig, Measure};
use crate::extractor::{DescriptorKind, Detector, Extractor};
use crate::pairing::{NotPaired, check_pair};
use crate::regional::Regional;
use crate::sift::{Sift, SiftConfig};

/// Which local features are wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExtractorConfig {
    /// What finds keypoints.
    pub detector: Detector,
    /// What describes them.
    pub descriptor: DescriptorKind,
    /// Largest number of features of an image; 0 keeps all.
    pub budget: usize,
    /// As [`SiftConfig::contrast_threshold`]; for other detectors than `dog` it means nothing.
    pub contrast_threshold: f32,
    /// Whether features stand as the picture does, instead of each having the direction of its gradients: fewer mistakes
    /// where pictures are upright, none found again where they are turned. Default false.
    pub upright: bool,
}

impl Default for ExtractorConfig {
    fn default() -> Self {
        Self {
            detector: Detector::default(),
            descriptor: DescriptorKind::default(),
            budget: 0,
            contrast_threshold: SiftConfig::default().contrast_threshold,
            upright: false,
        }
    }
}

impl ExtractorConfig {
    /// The extractor that is named.
    ///
    /// # Errors
    /// Learned features are named, whose network is not of this floor, or a detector and a descriptor that do not go
    /// together.
    pub fn extractor(&self) -> Result<Box<dyn Extractor>, NotPaired> {
        check_pair(self.detector, self.descriptor)?;
        if self.descriptor.is_learned() {
            return Err(NotPaired::NeedsNetwork(self.descriptor));
        }
        let sift = matches!(
            self.descriptor,
            DescriptorKind::Sift | DescriptorKind::RootSift
        );
        Ok(match (self.detector, self.covariant()) {
            (Detector::Dog, _) if sift => Box::new(Sift::new(self.sift())),
            (_, Some(covariant)) if sift => Box::new(Covariant::new(covariant)),
            (_, covariant) => Box::new(Regional {
                detector: self.detector,
                descriptor: self.descriptor,
                budget: self.budget,
                upright: self.upright,
                sift: self.sift(),
                covariant,
            }),
        })
    }

    /// Of Harris' and Hessian's detectors; `None` where another is meant.
    fn covariant(&self) -> Option<CovariantConfig> {
        let (measure, affine) = match self.detector {
            Detector::HarrisLaplace => (Measure::Harris, false),
            Detector::HessianLaplace => (Measure::Hessian, false),
            Detector::HarrisAffine => (Measure::Harris, true),
            Detector::HessianAffine => (Measure::Hessian, true),
            _ => return None,
        };
        Some(CovariantConfig {
            // Corners below two pixels of the photograph are found again less often than larger ones, and take
            // three quarters of the time.
            upsample: measure == Measure::Hessian,
            measure,
            affine,
            budget: self.budget,
            upright: self.upright,
            root: self.root(),
            ..CovariantConfig::default()
        })
    }

    fn sift(&self) -> SiftConfig {
        SiftConfig {
            budget: self.budget,
            contrast_threshold: self.contrast_threshold,
            upright: self.upright,
            root: self.root(),
            ..SiftConfig::default()
        }
    }

    fn root(&self) -> bool {
        self.descriptor == DescriptorKind::RootSift
    }
}

#[cfg(test)]
mod tests {
    use vizsla_pixels::Gray;

    use super::*;

    #[test]
    fn an_extractor_gives_what_its_configuration_names() {
        let mut data = vec![30u8; 96 * 96];
        for y in 30..60 {
            data[y * 96 + 24..y * 96 + 70].fill(220);
        }
        let image = Gray::new(96, 96, data).unwrap();
        let of = |descriptor| ExtractorConfig {
            descriptor,
            ..ExtractorConfig::default()
        };
        let found = [DescriptorKind::Sift, DescriptorKind::RootSift].map(|kind| {
            let extractor = of(kind).extractor().unwrap();
            assert_eq!(extractor.kind(), kind);
            extractor.extract(&image).unwrap()
        });
        assert_eq!(found[0].keypoints, found[1].keypoints);
        assert_ne!(found[0].descriptors, found[1].descriptors);
        let plain = Sift::new(SiftConfig::default()).extract(&image);
        assert_eq!(found[1], plain);
        assert!(!plain.is_empty());
    }
}
