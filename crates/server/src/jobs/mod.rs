//! Work that goes on after its request was answered: what runs, how far it is, how it ended.
//!
//! Jobs stand in lanes, one after the other: a lane for each collection that is written to, because a collection has one
//! writer, and one for maps, which take all cores. What is waiting can be cancelled like what is running. A job tells its
//! state through a `watch` channel, so that any number of clients can look on and a slow one misses steps instead of holding
//! the work up.

mod cores;
mod ingest;
mod job;
mod progress;
mod removal;
mod summary;
mod uploads;

pub(crate) use cores::half_of_the_cores;
pub(crate) use ingest::{Source, ingest};
pub(crate) use job::{Ending, Job, JobKind, JobState, JobView};
pub(crate) use progress::Progress;
pub(crate) use removal::remove;
pub(crate) use uploads::{Staged, Uploaded, not_here};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use vizsla_pixels::guarded;

use crate::problem::Problem;

/// Jobs that wait or run at a time.
const MOST_OPEN: usize = 32;
/// Jobs that have ended and are still told of.
const KEPT: usize = 100;

/// All jobs of a server.
pub(crate) struct Jobs {
    list: Mutex<List>,
    /// Jobs that wait or run.
    open: watch::Sender<usize>,
    maps: Arc<Semaphore>,
}

#[derive(Default)]
struct List {
    jobs: BTreeMap<u64, Arc<Job>>,
    last: u64,
    writers: BTreeMap<String, Arc<Semaphore>>,
    closed: bool,
}

impl Jobs {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            list: Mutex::default(),
            open: watch::Sender::new(0),
            maps: Arc::new(Semaphore::new(1)),
        })
    }

    /// Begins a job: `work` runs when its lane is free, on a thread of its own.
    ///
    /// # Errors
    /// 503 when too many are open, or the server is stopping.
    pub fn start(
        self: &Arc<Self>,
        kind: JobKind,
        collection: &str,
        work: impl FnOnce(&Progress) -> Result<Ending, Problem> + Send + 'static,
    ) -> Result<Arc<Job>, Problem> {
        let (job, lane) = self.enlist(kind, collection)?;
        let (jobs, own) = (Arc::clone(self), Arc::clone(&job));
        tokio::spawn(async move {
            let turn = tokio::select! {
                biased;
                () = own.stopped() => None,
                turn = lane.acquire_owned() => turn.ok(),
            };
            let result = match turn {
                Some(turn) => carry_out(Arc::clone(&own), turn, work).await,
                None => {
                    // What it holds goes before its end is told.
                    drop(work);
                    Ok(Ending {
                        stopped: true,
                        report: None,
                    })
                }
            };
            own.end(result);
            jobs.open.send_modify(|open| *open -= 1);
        });
        Ok(job)
    }

    /// Whether a job could begin now: what is refused anyway need not be received first.
    ///
    /// # Errors
    /// As [`Jobs::start`].
    pub fn has_room(&self) -> Result<(), Problem> {
        self.check_room(&self.list())
    }

    fn check_room(&self, list: &List) -> Result<(), Problem> {
        if list.closed {
            return Err(Problem::busy("the server is stopping; ask the next one"));
        }
        if *self.open.borrow() >= MOST_OPEN {
            return Err(Problem::busy(
                "too many jobs are waiting; ask again when some have ended, GET /v1/jobs lists them",
            ));
        }
        Ok(())
    }

    fn enlist(
        &self,
        kind: JobKind,
        collection: &str,
    ) -> Result<(Arc<Job>, Arc<Semaphore>), Problem> {
        let mut list = self.list();
        self.check_room(&list)?;
        list.last += 1;
        let number = list.last;
        let job = Job::waiting(number, kind, collection);
        list.jobs.insert(number, Arc::clone(&job));
        list.forget_old();
        self.open.send_modify(|open| *open += 1);
        let lane = match kind {
            JobKind::Ingest => list.writer(collection),
            JobKind::Map => Arc::clone(&self.maps),
        };
        Ok((job, lane))
    }

    /// The job of a name.
    ///
    /// # Errors
    /// 404 when there is none.
    pub fn get(&self, name: &str) -> Result<Arc<Job>, Problem> {
        let number = name.parse::<u64>().ok();
        let job = number.and_then(|number| self.list().jobs.get(&number).cloned());
        job.ok_or_else(|| {
            Problem::not_found(format!(
                "there is no such job; GET /v1/jobs lists those that are open and the last {KEPT}"
            ))
        })
    }

    /// All that are known, the newest first.
    pub fn all(&self) -> Vec<JobView> {
        let jobs: Vec<Arc<Job>> = self.list().jobs.values().rev().cloned().collect();
        jobs.iter().map(|job| job.view()).collect()
    }

    /// Whether something writes to a collection, or waits to.
    pub fn is_writing(&self, collection: &str) -> bool {
        self.list().jobs.values().any(|job| {
            let view = job.view.borrow();
            !view.has_ended() && view.kind == JobKind::Ingest && view.collection == collection
        })
    }

    /// The right to write to a collection, when nothing else does.
    pub fn try_write(&self, collection: &str) -> Option<OwnedSemaphorePermit> {
        let lane = self.list().writer(collection);
        lane.try_acquire_owned().ok()
    }

    /// Takes no more jobs and asks all to stop.
    pub fn close(&self) {
        let mut list = self.list();
        list.closed = true;
        list.jobs.values().for_each(|job| job.stop());
    }

    /// Ready when no job is open.
    pub async fn idle(&self) {
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl List {
    fn writer(&mut self, collection: &str) -> Arc<Semaphore> {
        let lane = self.writers.entry(collection.to_owned());
        Arc::clone(lane.or_insert_with(|| Arc::new(Semaphore::new(1))))
    }

    /// Drops the oldest of those that ended, beyond the number that is kept.
    fn forget_old(&mut self) {
        let ended = |job: &&Arc<Job>| job.view.borrow().has_ended();
        let old: Vec<u64> = self
            .jobs
            .values()
            .filter(ended)
            .map(|job| job.number)
            .collect();
        for number in &old[..old.len().saturating_sub(KEPT)] {
            self.jobs.remove(number);
        }
    }
}

/// Runs the work of a job whose turn it is.
async fn carry_out(
    job: Arc<Job>,
    turn: OwnedSemaphorePermit,
    work: impl FnOnce(&Progress) -> Result<Ending, Problem> + Send + 'static,
) -> Result<Ending, Problem> {
    job.change(|view| {
        view.state = JobState::Running;
        view.phase = "beginning".to_owned();
    });
    let running = tokio::task::spawn_blocking(move || {
        let progress = Progress::new(job);
        let result = guarded(|| work(&progress));
        drop(turn);
        result
    });
    match running.await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(Problem::internal(&format!("a job panicked: {panic}"))),
        Err(error) => Err(Problem::internal(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use vizsla_retrieval::Reporter;

    fn in_runtime<T>(test: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(test)
    }

    /// Work that waits until it is stopped.
    fn endless(progress: &Progress) -> Result<Ending, Problem> {
        progress.begin("waiting for the end", 10);
        progress.advance(3);
        while !progress.cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(Ending {
            stopped: true,
            report: None,
        })
    }

    async fn ended(job: &Job) -> JobView {
        let mut watch = job.watch();
        watch.wait_for(JobView::has_ended).await.unwrap().clone()
    }

    #[test]
    fn a_collection_has_one_writer_and_the_others_wait() {
        in_runtime(async {
            let jobs = Jobs::new();
            let start = |name: &str| jobs.start(JobKind::Ingest, name, endless).unwrap();
            let (first, second, other) = (start("a"), start("a"), start("b"));
            let running = |job: &Arc<Job>| {
                let mut watch = job.watch();
                async move {
                    let found = watch.wait_for(|view| view.done == 3).await;
                    found.unwrap().clone()
                }
            };
            assert_eq!(running(&first).await.phase, "waiting for the end");
            assert_eq!(running(&other).await.total, 10);
            assert_eq!(second.view().state, JobState::Queued);
            assert!(jobs.try_write("a").is_none() && jobs.try_write("c").is_some());
            assert!(jobs.is_writing("a") && !jobs.is_writing("c"));
            // One that waits can be stopped before its turn.
            second.stop();
            assert_eq!(ended(&second).await.state, JobState::Cancelled);
            first.stop();
            assert_eq!(ended(&first).await.state, JobState::Cancelled);
            jobs.close();
            jobs.idle().await;
            assert!(other.view().has_ended() && jobs.try_write("a").is_some());
            assert!(jobs.start(JobKind::Map, "a", endless).is_err());
            let names: Vec<String> = jobs.all().into_iter().map(|view| view.job).collect();
            assert_eq!(names, ["3", "2", "1"]);
        });
    }

    #[test]
    fn failures_and_panics_are_told_and_old_jobs_forgotten() {
        in_runtime(async {
            let jobs = Jobs::new();
            let failed = jobs.start(JobKind::Map, "a", |_| Err(Problem::bad_request("no")));
            let view = ended(&failed.unwrap()).await;
            assert_eq!(
                (view.state, view.error.as_deref()),
                (JobState::Failed, Some("no"))
            );
            let panicked = jobs
                .start(JobKind::Map, "a", |_| panic!("on purpose"))
                .unwrap();
            assert_eq!(ended(&panicked).await.state, JobState::Failed);
            for _ in 0..KEPT + 5 {
                let work = |_: &Progress| {
                    Ok(Ending {
                        stopped: false,
                        report: None,
                    })
                };
                let job = jobs.start(JobKind::Map, "a", work).unwrap();
                assert_eq!(ended(&job).await.state, JobState::Done);
            }
            assert!(jobs.all().len() <= KEPT + 1 && jobs.get("1").is_err());
            assert!(jobs.get("107").is_ok() && jobs.get("x").is_err());
        });
    }

    #[test]
    fn too_many_open_jobs_are_refused() {
        in_runtime(async {
            let jobs = Jobs::new();
            for _ in 0..MOST_OPEN {
                jobs.start(JobKind::Ingest, "a", endless).unwrap();
            }
            let refused = jobs.start(JobKind::Ingest, "b", endless);
            assert_eq!(refused.err().unwrap().status, 503);
            jobs.close();
            jobs.idle().await;
        });
    }
}
