//! Images and sentences in one space: two small networks on frozen features.
//!
//! A backbone describes the images, a text model the captions, both once; two heads of fully connected layers bring the
//! two into one space, where a caption is near its image (Kiros, Salakhutdinov & Zemel 2014; Gordo & Larlus 2017). What
//! comes out are two models of one space: an image model with its head inside, and the text model with its head behind
//! it, so that a collection described by the first is searched with words through the second.
//!
//! A run is cross-modal when its configuration names `data.captions`. Its folder holds what every run's does, with the
//! text half in `best_text.onnx`, `best_text.safetensors` and `best_text.toml`.

mod branches;
mod caption_pooling;
mod config;
mod data;
mod directions;
mod export;
mod features;
mod hardest;
mod trainer;

pub use caption_pooling::CaptionPooling;
pub use config::{
    Anchors, CaptionData, CaptionLoss, CaptionLossKind, CaptionSampling, CrossModalConfig,
    TextConfig,
};
pub use directions::Direction;
pub use trainer::{CrossModalResult, train_cross_modal};
