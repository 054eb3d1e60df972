//! The demo: photographs that ship with the binary, views of them, and distractors.

mod distractors;
pub(crate) mod photos;
mod random;
pub(crate) mod render;
