//! Progress of long work on standard error: a bar with rate and time left when somebody looks at a
//! terminal, nothing otherwise.

use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};
use vizsla_pixels::printable;
use vizsla_retrieval::Reporter;

use crate::interrupt;

/// Shows the phases of a piece of work and passes on Ctrl-C.
#[derive(Default)]
pub struct Progress {
    bar: Mutex<Option<ProgressBar>>,
}

impl Progress {
    /// A progress display; Ctrl-C is taken over from now on and asks the work to stop.
    pub fn start() -> Self {
        interrupt::take_over();
        Self::default()
    }

    fn with(&self, change: impl FnOnce(&mut Option<ProgressBar>)) {
        change(&mut self.bar.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Progress {
    /// Says something else before the bar.
    #[cfg(feature = "training")]
    pub fn say(&self, text: String) {
        self.with(|shown| {
            if let Some(bar) = shown {
                bar.set_message(printable(&text).into_owned());
            }
        });
    }

    /// Writes a line that stays, above the bar.
    #[cfg(feature = "training")]
    pub fn line(&self, text: &str) {
        let text = printable(text);
        self.with(|shown| match shown {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        });
    }
}

impl Reporter for Progress {
    fn begin(&self, phase: &str, steps: u64) {
        let known = "{msg:10} {bar:32} {human_pos}/{human_len}  {per_sec:>10}  {eta} left";
        let unknown = "{msg:10} {spinner} {human_pos}  {per_sec:>10}";
        let template = if steps == 0 { unknown } else { known };
        // indicatif hides the bar itself when standard error is not a terminal.
        let bar = if steps == 0 {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::new(steps)
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(printable(phase).into_owned());
        self.with(|shown| *shown = Some(bar));
    }

    fn advance(&self, steps: u64) {
        self.with(|shown| {
            if let Some(bar) = shown {
                bar.inc(steps);
            }
        });
    }

    fn end(&self) {
        self.with(|shown| {
            if let Some(bar) = shown.take() {
                bar.finish_and_clear();
            }
        });
    }

    fn cancelled(&self) -> bool {
        interrupt::requested()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}
