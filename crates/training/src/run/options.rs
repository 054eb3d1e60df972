//! How a run begins.

/// How a run begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrainOptions {
    /// Go on from the checkpoint in the folder.
    pub resume: bool,
}
