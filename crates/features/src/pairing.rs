//! Which detectors and descriptors go together: any with any, but a network describes what it found itself and nothing
//! else.

use crate::extractor::{DescriptorKind, Detector};

/// Why a detector and a descriptor make no extractor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotPaired {
    /// One of them is of a network that finds and describes.
    #[error(
        "the detector {detector} does not go with the descriptor {descriptor}: the network {network} finds and describes; \
         take {network} for both, or for neither"
    )]
    Apart {
        /// The detector that was named.
        detector: Detector,
        /// The descriptor that was named.
        descriptor: DescriptorKind,
        /// The one of the two that is a network's.
        network: &'static str,
    },
    /// The features are a network's, which was not given.
    #[error("{0} features are computed by a network; give its file")]
    NeedsNetwork(DescriptorKind),
}

/// Whether what the detector finds can be described so.
///
/// # Errors
/// One of the two is a network's and the other is not its own.
pub fn check_pair(detector: Detector, descriptor: DescriptorKind) -> Result<(), NotPaired> {
    let network = match (detector.own_descriptor(), descriptor.own_detector()) {
        (Some(own), _) if own != descriptor => detector.name(),
        (_, Some(own)) if own != detector => descriptor.name(),
        _ => return Ok(()),
    };
    Err(NotPaired::Apart {
        detector,
        descriptor,
        network,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ExtractorConfig;

    #[test]
    fn a_network_goes_with_itself_alone() {
        for detector in Detector::ALL {
            for descriptor in DescriptorKind::ALL {
                let both = detector.is_learned() && descriptor.is_learned();
                let neither = !detector.is_learned() && !descriptor.is_learned();
                let pair = check_pair(detector, descriptor);
                assert_eq!(pair.is_ok(), both || neither, "{detector} {descriptor}");
                let config = ExtractorConfig {
                    detector,
                    descriptor,
                    ..ExtractorConfig::default()
                };
                assert_eq!(config.extractor().is_ok(), neither);
            }
        }
    }

    #[test]
    fn a_mismatch_says_what_is_possible() {
        let error = check_pair(Detector::Dog, DescriptorKind::Xfeat).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the detector dog does not go with the descriptor xfeat: the network xfeat finds and describes; take xfeat \
             for both, or for neither"
        );
        let error = check_pair(Detector::Xfeat, DescriptorKind::Sift).unwrap_err();
        assert!(error.to_string().contains("take xfeat for both"), "{error}");
    }
}
