//! Training for retrieval: from a folder of labelled, paired or captioned images to a better index.

mod error;

pub use error::Error;
