//! Progress of training: the bar of other work, with loss, active share and speed before it, and a line for each
//! epoch.

use std::io::IsTerminal;

use vizsla_retrieval::Reporter;
use vizsla_training::{EpochReport, StepReport, TrainObserver};

use super::Progress;

/// Shows a training run; Ctrl-C asks it to stop after the step.
pub struct TrainProgress(Progress);

impl TrainProgress {
    /// A display; Ctrl-C is taken over from now on.
    pub fn start() -> Self {
        Self(Progress::start())
    }
}

impl Reporter for TrainProgress {
    fn begin(&self, phase: &str, steps: u64) {
        self.0.begin(phase, steps);
    }

    fn advance(&self, steps: u64) {
        self.0.advance(steps);
    }

    fn end(&self) {
        self.0.end();
    }

    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

impl TrainObserver for TrainProgress {
    fn step(&self, report: &StepReport) {
        let active = match report.active_share {
            Some(share) => format!(", {:.0} % active", 100.0 * share),
            None => String::new(),
        };
        self.0.say(format!(
            "epoch {}, loss {:.4}{active}, {:.0} images/s",
            report.epoch, report.loss, report.images_per_second
        ));
    }

    fn epoch(&self, report: &EpochReport) {
        if !std::io::stderr().is_terminal() {
            return;
        }
        let map = match report.map {
            Some(map) => format!(", validation mAP {map:.4}"),
            None => String::new(),
        };
        let best = if report.best { ", the best so far" } else { "" };
        self.0.line(&format!(
            "epoch {}/{}: loss {:.4}{map}{best}",
            report.epoch, report.epochs, report.loss
        ));
    }
}
