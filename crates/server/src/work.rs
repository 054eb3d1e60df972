//! Work of the processor, off the threads that serve connections.
//!
//! So many closures run at a time and so many more wait; one more is refused at once with 503, which costs nothing, so that
//! memory and latency stay bounded however many clients there are. A closure is told to stop when its time is over or when
//! its client has gone: the future that waits for it is dropped then. What it reads from catalogs is told as well, in the
//! midst of a statement. Its place is free again only when it has really
//! ended.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};
use vizsla_pixels::guarded;
use vizsla_retrieval::StopFlag;

use crate::peers::Peer;
use crate::problem::Problem;
use crate::queue::{Queue, Refused};

/// Whether work should stop; a reporter for the floors below.
pub(crate) type Cancel = StopFlag;

/// Stops the work when nobody waits for it any more.
struct StopOnDrop(Cancel);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// The queue and its workers.
pub(crate) struct Work {
    queue: Arc<Queue>,
    limit: Duration,
}

impl Work {
    pub fn new(workers: usize, queue: usize, limit: Duration) -> Self {
        Self {
            queue: Queue::new(workers, queue),
            limit,
        }
    }

    /// Runs a closure on a worker and gives what it gives.
    ///
    /// # Errors
    /// 503 when the queue is full or half of the time limit went by in it, so that what begins has time to end; 504 when the
    /// time limit is over (waiting included), 500 when the closure panicked; and
    /// what the closure says itself.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Cancel) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let begun = Instant::now();
        let end = begun + self.limit;
        let turn = self.queue.turn(Peer::current(), begun + self.limit / 2);
        let turn = turn.await.map_err(|refused| match refused {
            Refused::Full => Problem::busy("too many requests are waiting; ask again in a moment"),
            Refused::Late => Problem::busy("no worker became free in time; ask again in a moment"),
        })?;
        let cancel = Cancel::default();
        let _stop = StopOnDrop(cancel.clone());
        let running = spawn_blocking(move || {
            let result = guarded(|| cancel.governing(|| work(&cancel)));
            drop(turn);
            result
        });
        match timeout_at(end, running).await {
            Err(_) => Err(self.late()),
            Ok(Ok(Ok(result))) => result,
            Ok(Ok(Err(panic))) => Err(Problem::internal(&format!("a request panicked: {panic}"))),
            Ok(Err(error)) => Err(Problem::internal(&error)),
        }
    }

    /// Requests that are computed now, and that wait.
    pub fn load(&self) -> (usize, usize) {
        self.queue.load()
    }

    fn late(&self) -> Problem {
        Problem::new(
            StatusCode::GATEWAY_TIMEOUT,
            "time-limit",
            format!(
                "this took longer than the limit of {} seconds; ask for less, or ask again when the server is less busy",
                self.limit.as_secs()
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use vizsla_retrieval::Reporter;

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
    }

    fn wait_for(cancel: &Cancel) -> Result<(), Problem> {
        while !cancel.cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    #[test]
    fn a_full_queue_refuses_and_a_late_request_is_stopped() {
        runtime().block_on(async {
            let work = Work::new(1, 1, Duration::from_millis(80));
            let (first, second, third) =
                tokio::join!(work.run(wait_for), work.run(wait_for), work.run(|_| Ok(())),);
            assert_eq!(first.unwrap_err().status, 504);
            // Half of the limit is for waiting.
            assert_eq!(second.unwrap_err().status, 503);
            let third = third.unwrap_err();
            assert_eq!((third.status, third.retry_after), (503, Some(1)));
            while work.load() != (0, 0) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(work.run(|_| Ok(7)).await.unwrap(), 7);
        });
    }

    #[test]
    fn work_is_stopped_when_nobody_waits_and_a_panic_is_an_answer() {
        runtime().block_on(async {
            let work = Work::new(1, 0, Duration::from_secs(60));
            let gone = tokio::time::timeout(Duration::from_millis(20), work.run(wait_for)).await;
            assert!(gone.is_err());
            while work.load() != (0, 0) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let panicked = work.run::<()>(|_| panic!("on purpose")).await;
            assert_eq!(panicked.unwrap_err().status, 500);
            assert_eq!(work.load(), (0, 0));
        });
    }
}
