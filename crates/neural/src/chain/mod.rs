//! A chain of convolutions that the program runs itself: the network that ships.
//!
//! It is what comes before the classifier of MobileNet v1, three quarters as wide (Howard et al. 2017), with weights of 8 and 16 bits. Where it comes
//! from and how it is made: `network/README.md`. A general runtime takes four times as long.

mod bytes;
mod convolution;
mod file;
mod network;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use crate::error::Error;
pub(crate) use network::Network;

const WEIGHTS: &[u8] = include_bytes!("../../network/small.vzcn");

/// The network that ships, unpacked once.
///
/// # Errors
/// None unless the program is damaged.
pub(crate) fn shipped() -> Result<Arc<Network>, Error> {
    static UNPACKED: OnceLock<Arc<Network>> = OnceLock::new();
    if let Some(network) = UNPACKED.get() {
        return Ok(Arc::clone(network));
    }
    let read = Network::new(file::decode(WEIGHTS, &place())?);
    Ok(Arc::clone(UNPACKED.get_or_init(|| Arc::new(read))))
}

/// What messages call its file.
pub(crate) fn place() -> PathBuf {
    PathBuf::from("the network that ships")
}
