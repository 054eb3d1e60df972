//! The service of one connection: the router, which tells the connection where its request is.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use crate::connections::Line;

/// Answers the requests of a connection.
pub(crate) struct Answering {
    pub router: axum::Router,
    pub line: Arc<Line>,
}

impl Service<hyper::Request<Incoming>> for Answering {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, mut request: hyper::Request<Incoming>) -> Self::Future {
        self.line.asked(!request.body().is_end_stream());
        // What receives the body tells when it has come.
        request.extensions_mut().insert(Arc::clone(&self.line));
        let line = Arc::clone(&self.line);
        let answer = TowerToHyperService::new(self.router.clone()).call(request);
        Box::pin(async move {
            let answer = answer.await?;
            Ok(answer.map(|body| Body::new(Watched { body, line })))
        })
    }
}

/// The body of an answer; the connection is free for the next request when it has been taken.
struct Watched {
    body: Body,
    line: Arc<Line>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.line.answered();
    }
}

impl hyper::body::Body for Watched {
    type Data = axum::body::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
