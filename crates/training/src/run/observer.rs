//! What a run tells its caller while it goes on.

use vizsla_retrieval::{Reporter, Silent, StopFlag};

/// One step.
#[derive(Clone, Debug, Default)]
pub struct StepReport {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Step of the epoch, from 1.
    pub step: usize,
    /// Steps of the epoch.
    pub steps: usize,
    /// The loss of the batch.
    pub loss: f32,
    /// Share of what was mined that violates its margin; `None` for losses without a margin.
    pub active_share: Option<f64>,
    /// Images trained on per second in this epoch.
    pub images_per_second: f64,
}

/// One epoch.
#[derive(Clone, Debug, Default)]
pub struct EpochReport {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Most epochs.
    pub epochs: usize,
    /// Mean loss of its steps.
    pub loss: f64,
    /// Mean average precision of the validation images; `None` without any.
    pub map: Option<f64>,
    /// Whether it is the best so far.
    pub best: bool,
}

/// Receives progress: the phases of a [`Reporter`], and steps and epochs.
pub trait TrainObserver: Reporter {
    /// A step was taken.
    fn step(&self, _report: &StepReport) {}
    /// An epoch ended.
    fn epoch(&self, _report: &EpochReport) {}
}

impl TrainObserver for Silent {}

impl TrainObserver for StopFlag {}
