//! The share of the machine that long work takes.

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::problem::Problem;

/// Threads for long work: half of the cores, so that searches find the others free.
///
/// # Errors
/// The system gives no thread.
pub(crate) fn half_of_the_cores() -> Result<ThreadPool, Problem> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    ThreadPoolBuilder::new()
        .num_threads((cores / 2).max(1))
        .thread_name(|_| "vizsla-job".to_owned())
        .build()
        .map_err(|error| Problem::internal(&error))
}
