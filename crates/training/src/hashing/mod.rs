//! Binary codes that are learned by an autoencoder.

mod autoencoder;
mod config;
mod learn;

pub use config::SemanticHashConfig;
pub use learn::semantic_hash;
