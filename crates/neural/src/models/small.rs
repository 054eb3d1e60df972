//! The entry of the network that ships, which is in every registry.

use std::path::Path;

use super::entry::{ModelEntry, ModelKind, ModelSource};
use crate::pooling::{PoolingName, PoolingRecipe};
use crate::preprocess::Preset;

/// Id of the network that ships.
pub const SMALL_NETWORK: &str = "vizsla-small";
/// SHA-256 of its file.
const SHA256: &str = include_str!("../../network/small.sha256");
/// Numbers at every place of its last map.
const CHANNELS: usize = 768;
/// Longest side, pixels, at which pictures are described.
const SIDE: u32 = 320;

/// The network that ships: MobileNet v1, three quarters as wide (Howard et al. 2017), learned on ImageNet, without its classifier. It describes pictures as other
/// image networks do, needs no file, and can be neither changed nor taken out.
pub fn small_network() -> ModelEntry {
    ModelEntry {
        pooling: Some(PoolingRecipe::Named(PoolingName::Gem { p: 3.0 })),
        dimension: Some(CHANNELS),
        side: Some(SIDE),
        licence: Some("Apache-2.0".into()),
        source: ModelSource::Shipped {
            shipped: SMALL_NETWORK.into(),
        },
        preprocessing: Preset::Keras.preprocessing(),
        ..ModelEntry::for_file(
            SMALL_NETWORK,
            ModelKind::Image,
            Path::new(""),
            SHA256.trim(),
        )
    }
}
