//! Work that goes on after its request was answered: how it stands, and its end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answers::answers;
use crate::extract::Place;
use crate::guard::MayWrite;
use crate::jobs::{Job, JobView};
use crate::problem::Problem;
use crate::state::App;

/// Least time between two events: a fast job does not flood its clients.
const PAUSE: Duration = Duration::from_millis(100);
/// Time after which a silent stream shows that it lives.
const ALIVE: Duration = Duration::from_secs(10);

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one, cancel))
        .routes(routes!(events))
}

answers! {
    /// Of jobs.
    Following: 400, 401, 403, 404, 500;
    /// Of all jobs.
    FollowingAll: 400, 401, 403, 500;
}

/// Jobs, the newest first.
#[derive(Serialize, ToSchema)]
struct JobList {
    jobs: Vec<JobView>,
}

/// An event of a job.
#[derive(ToSchema)]
#[allow(dead_code)] // only described here
struct JobEvent {
    /// `progress` or `end`.
    event: String,
    /// The job, as JSON.
    data: String,
}

/// All jobs that are open, and the last that ended
#[utoipa::path(get, path = "/v1/jobs", tag = "jobs", responses((status = 200, body = JobList), FollowingAll))]
async fn list(State(app): State<Arc<App>>) -> Json<JobList> {
    Json(JobList {
        jobs: app.jobs.all(),
    })
}

/// A job
#[utoipa::path(get, path = "/v1/jobs/{job}", tag = "jobs", params(("job" = String, Path)),
    responses((status = 200, body = JobView), Following))]
async fn one(
    State(app): State<Arc<App>>,
    Place(name): Place<String>,
) -> Result<Json<JobView>, Problem> {
    Ok(Json(app.jobs.get(&name)?.view()))
}

/// Stop a job at its next safe point
///
/// What it did until then stays. One that has ended stays as it is.
#[utoipa::path(delete, path = "/v1/jobs/{job}", tag = "jobs", params(("job" = String, Path)),
    responses((status = 202, description = "It was asked to stop", body = JobView), Following))]
async fn cancel(
    _: MayWrite,
    State(app): State<Arc<App>>,
    Place(name): Place<String>,
) -> Result<(StatusCode, Json<JobView>), Problem> {
    let job = app.jobs.get(&name)?;
    job.stop();
    Ok((StatusCode::ACCEPTED, Json(job.view())))
}

/// How a job goes on, as server-sent events
///
/// Events `progress` hold the job whenever it changed, an event `end` the same at its end, after which the stream ends. A
/// client that comes back gets the state as it is then.
#[utoipa::path(get, path = "/v1/jobs/{job}/events", tag = "jobs", params(("job" = String, Path)),
    responses((status = 200, description = "Events", content_type = "text/event-stream", body = JobEvent), Following))]
async fn events(
    State(app): State<Arc<App>>,
    Place(name): Place<String>,
) -> Result<Sse<impl tokio_stream::Stream<Item = Result<Event, Infallible>>>, Problem> {
    let job = app.jobs.get(&name)?;
    let (send, receive) = mpsc::channel(4);
    tokio::spawn(tell(job, send));
    let alive = KeepAlive::new().interval(ALIVE);
    Ok(Sse::new(ReceiverStream::new(receive)).keep_alive(alive))
}

/// Tells of a job until it ends or nobody listens.
async fn tell(job: Arc<Job>, events: mpsc::Sender<Result<Event, Infallible>>) {
    let mut watch = job.watch();
    loop {
        watch.borrow_and_update();
        let view = job.view();
        let ended = view.has_ended();
        let kinds: &[&str] = if ended {
            &["progress", "end"]
        } else {
            &["progress"]
        };
        for kind in kinds {
            let Ok(event) = Event::default().event(kind).json_data(&view) else {
                return;
            };
            if events.send(Ok(event)).await.is_err() {
                return;
            }
        }
        if ended {
            return;
        }
        tokio::time::sleep(PAUSE).await;
        tokio::select! {
            changed = watch.changed() => if changed.is_err() { return },
            () = events.closed() => return,
        }
    }
}
