//! One budget of memory for all decoders of the process.
//!
//! Limits of single pictures do not hold a process of many threads: eight pictures at once take eight times
//! as much. A decoder therefore asks for the memory it will need, by an estimate from the file's header,
//! before it takes it, waits in line until so much is free, and gives it back when the picture has its final
//! size. Nobody is passed over: a large picture is not kept waiting by small ones that would still fit.
//!
//! A thread that holds a grant is never made to wait for another one. A wait of that kind could be for itself.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, ErrorKind};

/// The least that the budget is by default, bytes.
const LEAST: u64 = 1 << 30;

/// The budget where the machine does not say how much memory it has, bytes.
const UNKNOWN: u64 = 2 << 30;

static PROCESS: Budget = Budget::new();

thread_local! {
    /// Grants that this thread holds.
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// How much memory all decoders of this process may take together, bytes. Unless it was set, a quarter of what
/// the machine (or the container) has, and no less than 1 GiB.
pub fn decode_memory() -> u64 {
    PROCESS.lock().total()
}

/// Sets how much memory all decoders of this process may take together, bytes. A picture that needs more on its
/// own is refused; others wait for each other.
pub fn set_decode_memory(bytes: u64) {
    PROCESS.lock().total = Some(bytes);
    PROCESS.changed.notify_all();
}

/// Waits until so much of the process's budget is free, and takes it.
pub(crate) fn grant(bytes: u64) -> Result<Grant, Error> {
    PROCESS.grant(bytes)
}

struct Budget {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    total: Option<u64>,
    used: u64,
    /// The number that the next one to ask will get, and the number whose turn it is.
    next: u64,
    turn: u64,
}

impl State {
    fn total(&mut self) -> u64 {
        *self.total.get_or_insert_with(share_of_the_machine)
    }
}

/// Memory taken from the budget until this is dropped. It stays on its thread, which is known to hold it.
#[must_use]
pub(crate) struct Grant {
    from: &'static Budget,
    bytes: u64,
    stays: PhantomData<*const ()>,
}

impl Budget {
    const fn new() -> Budget {
        Budget {
            state: Mutex::new(State {
                total: None,
                used: 0,
                next: 0,
                turn: 0,
            }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn grant(&'static self, bytes: u64) -> Result<Grant, Error> {
        let mut state = self.lock();
        if HELD.get() == 0 {
            let number = state.next;
            state.next += 1;
            let waits = |state: &mut State| {
                let full = state.used.saturating_add(bytes) > state.total();
                state.turn != number || (full && bytes <= state.total())
            };
            state = self
                .changed
                .wait_while(state, waits)
                .unwrap_or_else(PoisonError::into_inner);
            state.turn += 1;
            self.changed.notify_all();
        }
        let limit = state.total();
        if bytes > limit {
            return Err(ErrorKind::TooLarge {
                what: "the memory needed in bytes",
                value: bytes,
                limit,
            }
            .into());
        }
        state.used += bytes;
        HELD.set(HELD.get() + 1);
        Ok(Grant {
            from: self,
            bytes,
            stays: PhantomData,
        })
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        HELD.set(HELD.get() - 1);
        self.from.lock().used -= self.bytes;
        self.from.changed.notify_all();
    }
}

fn share_of_the_machine() -> u64 {
    machine_memory().map_or(UNKNOWN, |bytes| (bytes / 4).max(LEAST))
}

/// Bytes of memory of this machine, or of the container that is smaller. Linux tells in files, which are read
/// with their errors passed over: there is a default.
#[allow(clippy::disallowed_methods)]
fn machine_memory() -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let machine = read("/proc/meminfo").and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
        let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kibibytes * 1024)
    });
    let container = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ]
    .into_iter()
    .filter_map(|path| read(path)?.trim().parse().ok());
    machine.into_iter().chain(container).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn budget(total: u64) -> &'static Budget {
        let budget = Box::leak(Box::new(Budget::new()));
        budget.lock().total = Some(total);
        budget
    }

    #[test]
    fn those_who_ask_wait_for_each_other_and_never_exceed_the_budget() {
        let budget = budget(100);
        let (used, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (used, most) = (&used, &most);
                scope.spawn(move || {
                    for round in 0..50 {
                        let bytes = 1 + (thread * 37 + round * 11) % 100;
                        let grant = budget.grant(bytes).unwrap();
                        let now = used.fetch_add(bytes, Ordering::SeqCst) + bytes;
                        most.fetch_max(now, Ordering::SeqCst);
                        std::thread::yield_now();
                        used.fetch_sub(bytes, Ordering::SeqCst);
                        drop(grant);
                    }
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 100);
        assert_eq!(budget.lock().used, 0);
    }

    #[test]
    fn more_than_the_whole_budget_is_refused_and_blocks_nobody() {
        let budget = budget(100);
        assert!(budget.grant(101).is_err());
        drop(budget.grant(100).unwrap());
        // Made smaller while somebody waits: the one that can never be served goes, the other is served.
        std::thread::scope(|scope| {
            let held = budget.grant(60).unwrap();
            let until_waiting = |wanted: u64| {
                loop {
                    let state = budget.lock();
                    if state.next - state.turn == wanted {
                        return;
                    }
                    drop(state);
                    std::thread::yield_now();
                }
            };
            // In this order: the small one alone would not have to wait.
            let large = scope.spawn(|| budget.grant(90).is_ok());
            until_waiting(1);
            let small = scope.spawn(|| budget.grant(10).is_ok());
            until_waiting(2);
            budget.lock().total = Some(80);
            budget.changed.notify_all();
            assert!(!large.join().unwrap());
            assert!(small.join().unwrap());
            drop(held);
        });
    }

    #[test]
    fn a_thread_that_holds_a_grant_does_not_wait_for_itself() {
        let budget = budget(100);
        let first = budget.grant(80).unwrap();
        let second = budget.grant(80).unwrap();
        assert_eq!(budget.lock().used, 160);
        drop((first, second));
        assert_eq!((budget.lock().used, HELD.get()), (0, 0));
    }

    #[test]
    fn the_default_is_a_share_of_the_machine() {
        assert!(share_of_the_machine() >= LEAST);
    }
}
