//! Training for retrieval: from a folder of labelled, paired or captioned images to a better index.

mod clean;
mod device;
mod error;
mod network;
mod page;
mod weights;

pub use clean::{
    CleanClass, CleanOptions, Cleaning, DropReason, Dropped, Evidence, HardNegative, Home, Kept,
    KeptBox, Link, PositivePair, clean,
};
pub use device::Compute;
pub use error::Error;
pub use network::{
    Builder, Declaration, Initial, Kind, Mode, Network, Node, Operator, Padding, Parameter,
    Parameters, Value, Window, head, mobilenet_v1, pooling, resnet, vgg16, whitening,
};
