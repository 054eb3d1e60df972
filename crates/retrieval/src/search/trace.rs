//! What each stage of a search did, how long it took, and what is to be remarked.

use std::time::Instant;

use crate::{StageName, StageTrace};

/// Collects what each stage did and remarked.
pub(super) struct Trace {
    start: Instant,
    last: Instant,
    pub stages: Vec<StageTrace>,
    /// Remarks that need a person's eye.
    pub notes: Vec<String>,
}

impl Trace {
    pub fn new() -> Self {
        let now = Instant::now();
        Self {
            start: now,
            last: now,
            stages: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Ends a stage; what a stage does several times in one search adds up.
    pub fn stage(&mut self, stage: StageName, out: usize) {
        let ms = self.last.elapsed().as_secs_f64() * 1e3;
        self.last = Instant::now();
        if let Some(known) = self.stages.iter_mut().find(|known| known.stage == stage) {
            known.out += out;
            known.ms += ms;
            return;
        }
        self.stages.push(StageTrace {
            stage,
            out,
            unit: stage.unit(),
            ms,
        });
    }

    /// Milliseconds since the beginning.
    pub fn ms(&self) -> f64 {
        self.start.elapsed().as_secs_f64() * 1e3
    }
}
