//! The figures of a server, told when somebody asks: what was counted, the state of the queue, sizes of collections.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::metrics::Text;
use crate::state::App;

/// One figure of a collection.
type Figure = fn(&vizsla_retrieval::Info) -> u64;

/// The figures of a collection with what they are.
const FIGURES: [(&str, &str, Figure); 7] = [
    (
        "vizsla_collection_images",
        "Images of a collection",
        |info| info.images,
    ),
    (
        "vizsla_collection_features",
        "Local features of a collection",
        |info| info.features,
    ),
    (
        "vizsla_collection_segments",
        "Segments of its inverted file",
        |info| info.segments as u64,
    ),
    (
        "vizsla_collection_tombstones",
        "Removed images that are still in a segment",
        |info| info.tombstones,
    ),
    (
        "vizsla_collection_catalog_bytes",
        "Bytes of its catalog",
        |info| info.catalog_bytes,
    ),
    (
        "vizsla_collection_index_bytes",
        "Bytes of its segments",
        |info| info.segment_bytes,
    ),
    (
        "vizsla_collection_artefact_bytes",
        "Bytes of its codebook and whitening",
        |info| info.artefact_bytes,
    ),
];

/// Counts a request also when its client leaves before the answer: then this is dropped without a status.
struct Pending {
    app: Arc<App>,
    route: String,
    method: String,
    begun: Instant,
    status: Option<u16>,
}

impl Drop for Pending {
    fn drop(&mut self) {
        let status = self
            .status
            .map_or("gone".to_owned(), |status| status.to_string());
        let (route, method) = (
            std::mem::take(&mut self.route),
            std::mem::take(&mut self.method),
        );
        let seconds = self.begun.elapsed().as_secs_f64();
        self.app.metrics.answered((route, method, status), seconds);
    }
}

/// Counts what passes.
pub(crate) async fn count(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let known = ["GET", "HEAD", "POST", "DELETE", "OPTIONS"];
    let method = request.method().as_str();
    let mut pending = Pending {
        route: route.map_or("other".to_owned(), |route| route.as_str().to_owned()),
        method: if known.contains(&method) {
            method
        } else {
            "other"
        }
        .to_owned(),
        app,
        begun: Instant::now(),
        status: None,
    };
    let response = next.run(request).await;
    pending.status = Some(response.status().as_u16());
    response
}

/// All figures as text. Looks into the catalogs: not for the threads that serve connections.
pub(crate) fn text(app: &App) -> String {
    let mut text = Text(app.metrics.text());
    let (running, waiting) = app.work.load();
    text.gauge(
        "vizsla_work_running",
        "Requests that are computed now",
        running as f64,
    );
    text.gauge(
        "vizsla_work_waiting",
        "Requests that wait for a worker",
        waiting as f64,
    );
    jobs(app, &mut text);
    collections(app, &mut text);
    if let Some(bytes) = vizsla_evaluation::peak_rss_bytes() {
        text.gauge(
            "vizsla_process_peak_resident_bytes",
            "Largest resident memory of the process so far",
            bytes as f64,
        );
    }
    text.0
}

fn jobs(app: &App, text: &mut Text) {
    let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
    for job in app.jobs.all() {
        let words = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let (kind, state) = (serde_json::json!(job.kind), serde_json::json!(job.state));
        *counts.entry((words(kind), words(state))).or_default() += 1;
    }
    text.head(
        "vizsla_jobs",
        "gauge",
        "Jobs that are open, and the last that ended",
    );
    for ((kind, state), count) in counts {
        text.line(
            "vizsla_jobs",
            &[("kind", &kind), ("state", &state)],
            count as f64,
        );
    }
}

fn collections(app: &App, text: &mut Text) {
    let infos: Vec<_> = app
        .collections
        .iter()
        .map(|(name, served)| {
            let info = served.reader().ok().and_then(|reader| reader.info().ok());
            (name, info)
        })
        .collect();
    text.head(
        "vizsla_collection_up",
        "gauge",
        "Whether a collection can be read",
    );
    for (name, info) in &infos {
        let up = f64::from(u8::from(info.is_some()));
        text.line("vizsla_collection_up", &[("collection", name)], up);
    }
    for (metric, help, figure) in FIGURES {
        text.head(metric, "gauge", help);
        for (name, info) in infos
            .iter()
            .filter_map(|(name, info)| Some((name, info.as_ref()?)))
        {
            text.line(metric, &[("collection", name)], figure(info) as f64);
        }
    }
}
