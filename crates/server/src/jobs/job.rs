//! One job: what it does, how far it is, how it ended.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use super::summary::IngestSummary;
use crate::problem::Problem;

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum JobKind {
    /// Takes pictures into a collection.
    Ingest,
    /// Lays a collection out on a plane.
    Map,
}

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum JobState {
    /// Waits for its turn.
    Queued,
    /// Works.
    Running,
    /// Came to its end.
    Done,
    /// Could not go on; `error` says why.
    Failed,
    /// Was stopped; what was done until then stays.
    Cancelled,
}

/// A job, as clients see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Job)]
pub(crate) struct JobView {
    /// Names the job in addresses.
    pub job: String,
    pub kind: JobKind,
    /// The collection it works on.
    pub collection: String,
    pub state: JobState,
    /// What it does now.
    pub phase: String,
    /// Steps of the phase that are done.
    pub done: u64,
    /// Steps of the phase; 0 = not known.
    pub total: u64,
    /// Seconds since it was asked for, until it ended.
    pub seconds: f64,
    /// What an ingest did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<IngestSummary>,
    /// Why it failed, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl JobView {
    /// Whether nothing will change any more.
    pub fn has_ended(&self) -> bool {
        self.state > JobState::Running
    }
}

/// How the work of a job ended when it did not fail.
pub(crate) struct Ending {
    /// Whether it was stopped before its end.
    pub stopped: bool,
    /// What it did, where that is told.
    pub report: Option<IngestSummary>,
}

/// One job.
pub(crate) struct Job {
    pub(super) number: u64,
    begun: Instant,
    pub(super) view: watch::Sender<JobView>,
    stop: watch::Sender<bool>,
}

impl Job {
    /// A job that waits for its turn.
    pub(super) fn waiting(number: u64, kind: JobKind, collection: &str) -> Arc<Self> {
        let view = JobView {
            job: number.to_string(),
            kind,
            collection: collection.to_owned(),
            state: JobState::Queued,
            phase: "waiting".to_owned(),
            done: 0,
            total: 0,
            seconds: 0.0,
            report: None,
            error: None,
        };
        Arc::new(Self {
            number,
            begun: Instant::now(),
            view: watch::Sender::new(view),
            stop: watch::Sender::new(false),
        })
    }

    /// How it stands.
    pub fn view(&self) -> JobView {
        let mut view = self.view.borrow().clone();
        if !view.has_ended() {
            view.seconds = self.begun.elapsed().as_secs_f64();
        }
        view
    }

    /// Tells of every change, beginning with how it stands.
    pub fn watch(&self) -> watch::Receiver<JobView> {
        self.view.subscribe()
    }

    /// Asks it to stop; one that has ended stays as it is.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    pub(super) fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    pub(super) async fn stopped(&self) {
        // The sender lives as long as the job.
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut JobView)) {
        let seconds = self.begun.elapsed().as_secs_f64();
        self.view.send_modify(|view| {
            change(view);
            view.seconds = seconds;
        });
    }

    pub(super) fn end(&self, result: Result<Ending, Problem>) {
        self.change(|view| match result {
            Ok(Ending { stopped, report }) => {
                view.state = match stopped {
                    true => JobState::Cancelled,
                    false => JobState::Done,
                };
                view.report = report;
            }
            Err(problem) => {
                view.state = JobState::Failed;
                view.error = Some(problem.detail);
            }
        });
    }
}
