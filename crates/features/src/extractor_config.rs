//! Which extractor is wanted, and the one place where names become what they name.

use crate::extractor::{DescriptorKind, Detector, Extractor};
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
}

impl Default for ExtractorConfig {
    fn default() -> Self {
        Self {
            detector: Detector::default(),
            descriptor: DescriptorKind::default(),
            budget: 0,
            contrast_threshold: SiftConfig::default().contrast_threshold,
        }
    }
}

impl ExtractorConfig {
    /// The extractor that is named.
    pub fn extractor(&self) -> Box<dyn Extractor> {
        let root = self.descriptor == DescriptorKind::RootSift;
        match self.detector {
            Detector::Dog => Box::new(Sift::new(SiftConfig {
                budget: self.budget,
                contrast_threshold: self.contrast_threshold,
                root,
                ..SiftConfig::default()
            })),
        }
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
        let found = DescriptorKind::ALL.map(|kind| {
            let extractor = of(kind).extractor();
            assert_eq!(extractor.kind(), kind);
            extractor.extract(&image)
        });
        assert_eq!(found[0].keypoints, found[1].keypoints);
        assert_ne!(found[0].descriptors, found[1].descriptors);
        let plain = Sift::new(SiftConfig::default()).extract(&image);
        assert_eq!(found[1], plain);
        assert!(!plain.is_empty());
    }
}
