//! The descriptor of a keypoint by its kind, from a patch of its own.

use super::cs_lbp::CsLbpConfig;
use super::lbp::LbpConfig;
use super::pooling::{DspConfig, pool};
use super::{brief, cs_lbp, lbp, surf};
use crate::extractor::DescriptorKind;
use crate::keypoint::{Descriptor, Keypoint};
use crate::patch::{Patch, PatchLayout};
use crate::pyramid::Pyramid;

/// Pixels along a side of a patch.
const SIDE: usize = 41;
/// Side of what is described over the keypoint's scale, as SIFT's four cells of three scales.
const EXTENT: f32 = 12.0;
/// Blur of a patch in its own pixels: little enough for patterns of neighbouring pixels.
const BLUR: f32 = 0.8;
/// The largest window of domain-size pooling over the keypoint's own (Dong & Soatto 2015, section 4).
const LARGEST: f32 = 4.0 / 3.0;

impl DescriptorKind {
    /// The descriptor of a keypoint as it is turned; zeros where there is nothing to read, or no texture.
    pub(crate) fn describe(self, pyramid: &Pyramid, keypoint: &Keypoint) -> Descriptor {
        let sift = |scale: f32, root| {
            let sized = Keypoint { scale, ..*keypoint };
            let patch = Patch::of(pyramid, &sized, &PatchLayout::SIFT);
            patch.map_or([0; 128], |patch| patch.sift(0.0, root))
        };
        let own = |extent: f32, describe: &dyn Fn(&[f32], usize) -> Descriptor| {
            let values = values(pyramid, keypoint, extent);
            values.map_or([0; 128], |values| describe(&values, SIDE))
        };
        match self {
            Self::Sift => sift(keypoint.scale, false),
            Self::RootSift => sift(keypoint.scale, true),
            Self::DspSift => {
                let config = DspConfig::default();
                let sizes = config.shares();
                let all = sizes
                    .iter()
                    .map(|share| sift(keypoint.scale * share * LARGEST, true));
                pool(&all.collect::<Vec<_>>(), config.keep_length)
            }
            Self::Surf | Self::SurfExtended => {
                let extended = self == Self::SurfExtended;
                own(surf::SURF_EXTENT, &|patch, side| {
                    surf::describe(patch, side, extended)
                })
            }
            Self::Lbp => own(EXTENT, &|patch, side| {
                lbp::describe(patch, side, &LbpConfig::default())
            }),
            Self::CsLbp => own(EXTENT, &|patch, side| {
                cs_lbp::describe(patch, side, &CsLbpConfig::default())
            }),
            Self::Brief => own(EXTENT, &brief::describe),
            // A network describes what it found itself: `check_pair` lets nobody ask for it of a patch.
            Self::Xfeat => [0; 128],
        }
    }
}

/// Grey values, `[0, 1]`, of a square `extent` scales wide.
fn values(pyramid: &Pyramid, keypoint: &Keypoint, extent: f32) -> Option<Vec<f32>> {
    let layout = PatchLayout {
        side: SIDE,
        sigma: SIDE as f32 / extent,
        blur: BLUR,
    };
    let patch = Patch::of(pyramid, keypoint, &layout)?;
    Some(patch.values().iter().map(|value| value / 255.0).collect())
}
