//! How the network that ships describes pictures.

use std::sync::{Arc, OnceLock};

use vizsla_vectors::Projection;

use crate::descriptor::DescriptorRecipe;
use crate::error::Error;
use crate::models::small_network;

const WHITENING: &[u8] = include_bytes!("../network/small.vzpj");

/// The recipe of the network that ships: as its entry says, compared by [`small_whitening`].
///
/// # Errors
/// None unless the program is damaged.
pub fn small_descriptor() -> Result<DescriptorRecipe, Error> {
    let network = small_network();
    Ok(DescriptorRecipe {
        model: network.id,
        sha256: network.sha256,
        side: network.side.unwrap_or(0),
        pooling: network.pooling.unwrap_or_default(),
        whitening: small_whitening()?.id().to_owned(),
        ..DescriptorRecipe::default()
    })
}

/// The whitening of its descriptors, 768 numbers to 256, learned from the spread of general photographs (`network/README.md`).
///
/// # Errors
/// None unless the program is damaged.
pub fn small_whitening() -> Result<Arc<Projection>, Error> {
    static READ: OnceLock<Arc<Projection>> = OnceLock::new();
    if let Some(whitening) = READ.get() {
        return Ok(Arc::clone(whitening));
    }
    let read = Projection::from_bytes(WHITENING)?;
    Ok(Arc::clone(READ.get_or_init(|| Arc::new(read))))
}
