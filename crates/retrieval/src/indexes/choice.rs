//! Which kind of index a recipe asks for.

use serde::{Deserialize, Serialize};

/// How vectors of a collection are made findable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexChoice {
    /// All vectors are compared: exact.
    #[default]
    Flat,
    /// A randomised kd-forest (Silpa-Anan & Hartley 2008; Muja & Lowe 2009).
    KdForest,
    /// Codes of spectral hashing (Weiss, Torralba & Fergus 2008).
    SpectralHash,
    /// Codes of iterative quantisation (Gong & Lazebnik 2011).
    Itq,
    /// Codes of a trained autoencoder (Salakhutdinov & Hinton 2009): of the hash that is set by
    /// [`Collection::set_hash`](crate::Collection::set_hash). Until one is, all vectors are compared.
    SemanticHash,
}

vizsla_features::named_choice!(
    IndexChoice,
    "index",
    Flat => "flat",
    KdForest => "kd_forest",
    SpectralHash => "spectral_hash",
    Itq => "itq",
    SemanticHash => "semantic_hash",
);
