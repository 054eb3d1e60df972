//! The lock of the one process that writes into a collection.

use std::fs::{File, TryLockError};
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long the lock of a writer is waited for. A process that another thread starts holds a copy of what is locked, even of
/// what was let go meanwhile, until its own program begins.
const PATIENCE: Duration = Duration::from_millis(250);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(2);

/// Held while a process writes; freed by the system when the process ends, however it ends.
pub(crate) struct WriterLock {
    _file: File,
}

impl WriterLock {
    /// Locks a file, now or in a moment; `None` when another process holds it longer.
    pub(crate) fn of(file: File) -> io::Result<Option<Self>> {
        let end = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Self { _file: file })),
                Err(TryLockError::WouldBlock) if Instant::now() < end => sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_let_go_in_a_moment_is_waited_for() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let again = || file.reopen().unwrap();
        let holder = again();
        holder.lock().unwrap();
        assert!(WriterLock::of(again()).unwrap().is_none());
        let letting_go = std::thread::spawn(move || {
            sleep(Duration::from_millis(20));
            drop(holder);
        });
        assert!(WriterLock::of(again()).unwrap().is_some());
        letting_go.join().unwrap();
    }
}
