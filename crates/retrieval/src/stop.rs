//! Stopping work that nobody waits for any more.
//!
//! Between its stages a search asks its [`Reporter`](crate::Reporter). A statement of SQLite is one stage however long it runs, and it is
//! run by functions of every depth, from a count to a filter. So a flag *governs* the thread that reads: all statements
//! that are run on it meanwhile look at the flag every thousand steps of SQLite's machine and end with
//! [`Error::Cancelled`] when it is set. No function has to hand the flag on, and none can forget to.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::Error;

/// A reporter that shows nothing and stops when its flag is set. Clones share the flag.
#[derive(Debug, Clone, Default)]
pub struct StopFlag(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    stopped: AtomicBool,
    asked: AtomicU64,
    /// The answer is yes from this question on; 0 = never of itself.
    patience: u64,
}

thread_local! {
    /// The flags that govern this thread, the outermost first.
    static GOVERNING: RefCell<Vec<StopFlag>> = const { RefCell::new(Vec::new()) };
}

impl StopFlag {
    /// A flag that sets itself when it is asked so many times, for bounds that are counted and not timed.
    pub fn after(questions: u64) -> Self {
        Self(Arc::new(Shared {
            patience: questions.max(1),
            ..Shared::default()
        }))
    }

    /// Asks the work to stop.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::SeqCst);
    }

    /// Whether work should stop; counts the question.
    pub(crate) fn asks(&self) -> bool {
        let asked = 1 + self.0.asked.fetch_add(1, Ordering::Relaxed);
        let enough = self.0.patience > 0 && asked >= self.0.patience;
        enough || self.0.stopped.load(Ordering::SeqCst)
    }

    /// How often work has asked whether to go on. SQLite asks once in a thousand steps.
    pub fn asked(&self) -> u64 {
        self.0.asked.load(Ordering::Relaxed)
    }

    /// Runs work on this thread. What it reads from catalogs ends with [`Error::Cancelled`] once the flag is set.
    pub fn governing<T>(&self, work: impl FnOnce() -> T) -> T {
        struct Ended;
        impl Drop for Ended {
            fn drop(&mut self) {
                GOVERNING.with_borrow_mut(Vec::pop);
            }
        }
        GOVERNING.with_borrow_mut(|flags| flags.push(self.clone()));
        let _ended = Ended;
        work()
    }
}

/// Whether what governs this thread says stop; SQLite asks it on the thread that reads.
pub(crate) fn stopped() -> bool {
    GOVERNING.with_borrow(|flags| flags.iter().any(StopFlag::asks))
}

/// Passes unless what governs this thread says stop.
pub(crate) fn go_on() -> Result<(), Error> {
    match stopped() {
        true => Err(Error::Cancelled),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reporter;

    #[test]
    fn flags_govern_as_long_as_their_work_runs() {
        let (outer, inner) = (StopFlag::default(), StopFlag::default());
        assert!(go_on().is_ok());
        outer.governing(|| {
            inner.governing(|| {
                assert!(go_on().is_ok());
                outer.stop();
                assert!(matches!(go_on(), Err(Error::Cancelled)));
            });
            assert!(go_on().is_err());
        });
        assert!(go_on().is_ok());
        let panicked = std::panic::catch_unwind(|| outer.governing(|| panic!("on purpose")));
        assert!(panicked.is_err() && go_on().is_ok());
        let patient = StopFlag::after(3);
        assert_eq!(
            [(); 4].map(|()| patient.cancelled()),
            [false, false, true, true]
        );
        assert_eq!((patient.asked(), inner.asked()), (4, 1));
    }
}
