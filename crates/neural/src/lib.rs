//! Networks: ONNX encoders for images and text, pooling, tokenizers, word vectors, the model registry.
//!
//! A model is data: a [`ModelEntry`] of the [`Registry`] says which file it is, what that file must
//! hash to, how images are prepared and which value is read.

mod as_text;
mod chain;
mod descriptor;
mod encoder;
mod error;
mod feature_map;
mod found_outputs;
mod image_encoder;
mod image_model;
mod image_output;
mod keypoint_network;
mod models;
pub mod onnx;
mod picture_input;
mod pooling;
mod preprocess;
mod relevance;
mod runtime;
mod small_descriptor;
mod tensor;
mod tensor_layout;
mod text;
mod vector_encoder;
mod word_vectors;

pub use descriptor::{DescriptorRecipe, ImageDescriptor};
pub use encoder::{Encoder, Input};
pub use error::Error;
pub use feature_map::FeatureMap;
pub use found_outputs::{FoundOutput, FoundOutputs};
pub use image_encoder::{ImageEncoder, OutputKind};
pub use keypoint_network::{KeypointMaps, KeypointNetwork};
pub use models::{
    ModelEntry, ModelKind, ModelSource, NewModel, Registry, SMALL_NETWORK, TextSettings,
    TrialLimits, TrialProcess, answer_trial, small_network,
};
pub use onnx::ValueInfo;
pub use pooling::{
    FisherPooling, LearnedPooling, NetVlad, Pooling, PoolingChain, PoolingLearner, PoolingName,
    PoolingRecipe, Region, r_mac_regions,
};
pub use preprocess::{Channels, Interpolation, Preprocessing, Preset, Resize};
pub use relevance::Relevance;
pub use runtime::{RuntimeChoice, RuntimeKind, RuntimeReport, Session, SessionOptions, runtimes};
pub use small_descriptor::{small_descriptor, small_whitening};
pub use tensor::{ElementKind, ElementType, Tensor};
pub use tensor_layout::TensorLayout;
pub use text::{
    Aggregation, LearnedWords, TextBatch, TextEncoder, TokenPooling, Tokenized, Tokenizer,
    WordEncoder, WordStatistics, words,
};
pub use vector_encoder::VectorEncoder;
pub use word_vectors::{WordFormat, WordVectors};
