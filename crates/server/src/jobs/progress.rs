//! How a piece of work tells its job how far it is, and hears that it should stop.

use std::sync::Arc;

use vizsla_retrieval::Reporter;

use super::Job;

/// The reporter of a job.
pub(crate) struct Progress {
    job: Arc<Job>,
}

impl Progress {
    pub(super) fn new(job: Arc<Job>) -> Self {
        Self { job }
    }
}

impl Reporter for Progress {
    fn begin(&self, phase: &str, steps: u64) {
        self.job.change(|view| {
            view.phase = phase.to_owned();
            (view.done, view.total) = (0, steps);
        });
    }

    fn advance(&self, steps: u64) {
        self.job.change(|view| view.done += steps);
    }

    fn cancelled(&self) -> bool {
        self.job.is_stopped()
    }
}
