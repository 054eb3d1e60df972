//! Short binary codes that are learned, so that near vectors get codes that differ in few bits.
//!
//! Two ways are upon principal components. Spectral hashing (Weiss, Torralba & Fergus 2008) takes the vectors to fill a box
//! evenly and cuts it by the eigenfunctions of the Laplacian on it, the longest waves first: a long side gives several bits.
//! Iterative quantisation (Gong & Lazebnik 2011) takes a bit of each component after a rotation that is learned to put the
//! vectors close to the corners of a cube. A third, semantic hashing (Salakhutdinov & Hinton 2009), takes the signs of the last of some
//! dense layers, which are trained elsewhere. Checked against NumPy, see `tests/reference/hashing.py`.

mod hasher;
mod itq;
mod layers;
mod method;
mod spectral;

pub use self::hasher::BinaryHasher;
pub(crate) use self::itq::random_rotation;
pub use self::layers::{Activation, HashLayer};
pub use self::method::HashMethod;
