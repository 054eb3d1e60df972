//! Taking pictures into a collection, and taking an image out.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answers::answers;
use crate::extract::{Body, Place, form, is_form};
use crate::guard::{MayWrite, hear_out};
use crate::jobs::{self, Job, JobKind, JobView, Source, Staged};
use crate::problem::Problem;
use crate::state::App;

/// Files of one upload.
const MOST_FILES: usize = 1000;

pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(ingest))
        .routes(routes!(remove))
}

answers! {
    /// Of what is taken in.
    Taking: 400, 401, 403, 404, 408, 413, 415, 422, 500, 503, 504;
    /// Of what is taken out.
    Removing: 400, 401, 403, 404, 409, 500, 503, 504;
}

/// A folder to take in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"folder": ""}))]
struct Folder {
    /// A folder below one of the server's `--ingest-root`; an empty one is the root itself.
    folder: String,
}

/// Pictures to take in.
#[derive(ToSchema)]
#[allow(dead_code)] // only described here; the form is read field by field
struct Pictures {
    /// One field for each picture.
    #[schema(value_type = Vec<String>, format = Binary)]
    file: Vec<Vec<u8>>,
}

/// Bring a collection in step with a folder of the server, or take in pictures that are sent
///
/// The answer is a job. Pictures that are sent go as fields `file` of a form, and the server keeps them.
#[utoipa::path(post, path = "/v1/collections/{collection}/ingest", tag = "jobs",
    params(("collection" = String, Path)),
    request_body(content((Folder = "application/json"), (Pictures = "multipart/form-data"))),
    responses((status = 202, body = JobView, headers(("Location" = String, description = "Address of the job"))), Taking))]
async fn ingest(
    _: MayWrite,
    State(app): State<Arc<App>>,
    Place(name): Place<String>,
    request: Request,
) -> Result<Response, Problem> {
    let served = app.collection(&name)?;
    let show_paths = app.config.show_paths;
    let source = match is_form(&request) {
        true => Source::Sent(received(&app, &name, request).await?),
        false => {
            let Body(asked) =
                <Body<Folder> as axum::extract::FromRequest<_>>::from_request(request, &app)
                    .await?;
            let inner = Arc::clone(&app);
            let found = app.work.run(move |_| inner.roots.resolve(&asked.folder));
            let (folder, root) = found.await?;
            Source::Folder { folder, root }
        }
    };
    let limits = app.config.limits_of_files();
    // When the job is refused or never begins, the source goes with it.
    let job = app.jobs.start(JobKind::Ingest, &name, move |progress| {
        jobs::ingest(&served, source, limits, show_paths, progress)
    })?;
    Ok(accepted(&job))
}

/// Pictures of a form, kept for a job.
async fn received(app: &Arc<App>, name: &str, request: Request) -> Result<Staged, Problem> {
    if app.uploaded.root().is_none() {
        hear_out(request).await;
        return Err(jobs::not_here());
    }
    if let Err(full) = app.jobs.has_room() {
        hear_out(request).await;
        return Err(full);
    }
    let fields = form(request, app, MOST_FILES).await?;
    let files = fields.into_iter().filter(|field| field.name == "file");
    let files: Vec<_> = files.map(|field| (field.file, field.bytes)).collect();
    if files.is_empty() {
        return Err(Problem::unusable(
            "bad-body",
            "the form has no field `file`; send one for each picture",
        ));
    }
    let (inner, name) = (Arc::clone(app), name.to_owned());
    app.work
        .run(move |_| inner.uploaded.stage(&name, &files))
        .await
}

/// Take an image out of a collection
///
/// Its files stay where they are, except for those that were uploaded into the collection: a folder that holds them brings
/// it back when it is taken in again.
#[utoipa::path(delete, path = "/v1/collections/{collection}/images/{image}", tag = "images",
    params(("collection" = String, Path), ("image" = i64, Path)),
    responses((status = 204, description = "It is out of the collection"), Removing))]
async fn remove(
    _: MayWrite,
    State(app): State<Arc<App>>,
    Place((name, image)): Place<(String, i64)>,
) -> Result<StatusCode, Problem> {
    let inner = Arc::clone(&app);
    let removed = app.work.run(move |_| jobs::remove(&inner, &name, image));
    removed.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 202 with a job and its address.
pub(super) fn accepted(job: &Job) -> Response {
    let view = job.view();
    let place = HeaderValue::from_str(&format!("/v1/jobs/{}", view.job));
    let mut response = (StatusCode::ACCEPTED, Json(view)).into_response();
    if let Ok(place) = place {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}
