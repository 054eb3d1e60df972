//! How long work tells its caller how far it is, and hears that it should stop.

use crate::StopFlag;

/// Receives progress; called from several threads.
pub trait Reporter: Sync {
    /// A phase begins: its name and how many steps it has (0 = unknown).
    fn begin(&self, _phase: &str, _steps: u64) {}
    /// So many steps of the phase were done.
    fn advance(&self, _steps: u64) {}
    /// The phase ended.
    fn end(&self) {}
    /// Whether the caller wants to stop; asked between files.
    fn cancelled(&self) -> bool {
        false
    }
    /// The flag behind [`Reporter::cancelled`], for work that cannot borrow the reporter: statements of SQLite look at
    /// it while they run. `None` = such work goes on to its end.
    fn stop_flag(&self) -> Option<StopFlag> {
        None
    }
}

/// A reporter that shows nothing and never stops.
#[derive(Debug, Default)]
pub struct Silent;

impl Reporter for Silent {}

impl Reporter for StopFlag {
    fn cancelled(&self) -> bool {
        self.asks()
    }

    fn stop_flag(&self) -> Option<StopFlag> {
        Some(self.clone())
    }
}
