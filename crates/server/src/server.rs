//! Listening, serving connections, stopping.
//!
//! Connections are served by `hyper` itself, so that a client which sends the head of a request drop by drop is cut off,
//! and so that a request whose client has gone is dropped, which stops its work. A client that does not read its
//! answer is cut off too. Accepting waits for nothing: when all places are taken, a connection that is waited for gives
//! way, or the new one is told to come back.

use std::future::Future;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::answering::Answering;
use crate::connections::{Connections, Place};
use crate::heads::SlowHeads;
use crate::peers::Peer;
use crate::state::App;
use crate::unread::Unread;
use crate::{Error, ServerConfig, router};

/// Connections that are open at a time, at most.
const MOST_CONNECTIONS: usize = 1000;
/// What a client is told when all of them are being answered.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
/// Time before the rate of a head is looked at.
const HEAD_GRACE: Duration = Duration::from_secs(5);
/// Time for the head of a request, and for which an idle connection is kept; less where a request gets less.
const HEAD: Duration = Duration::from_secs(20);
/// Most bytes of the head of a request.
const MOST_HEAD: usize = 128 << 10;
/// Time that requests get to end when the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// A server that is bound to its address.
pub struct Server {
    listener: StdListener,
    address: SocketAddr,
    app: Arc<App>,
    router: axum::Router,
}

impl Server {
    /// Checks the settings, opens the collections and binds the address. From here on clients can connect; they are
    /// answered when the server runs.
    ///
    /// # Errors
    /// A setting cannot be used, a collection cannot be opened, or the address is taken.
    pub fn bind(config: ServerConfig) -> Result<Self, Error> {
        let config = config.complete()?;
        let listen = config.listen;
        let app = Arc::new(App::open(config)?);
        let router = router::build(Arc::clone(&app))?;
        let refused = |source| Error::Listen {
            address: listen,
            source,
        };
        let listener = StdListener::bind(listen).map_err(refused)?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            address: listener.local_addr()?,
            listener,
            app,
            router,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` is there, then lets the requests that run come to their end.
    ///
    /// # Errors
    /// The listener cannot be used.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        let Self {
            listener,
            app,
            router,
            ..
        } = self;
        let listener = TcpListener::from_std(listener)?;
        let connections = Connections::new(most_connections());
        let graceful = GracefulShutdown::new();
        let mut shutdown = pin!(shutdown);
        loop {
            let (stream, address) = tokio::select! {
                () = &mut shutdown => break,
                accepted = accept(&listener) => accepted,
            };
            let peer = Peer::of(address.ip());
            let proxies = &app.config.trusted_proxy;
            let is_proxy = proxies.iter().any(|&proxy| Peer::of(proxy) == peer);
            let Some(place) = connections.enter(peer, is_proxy) else {
                // As much of it as goes at once: nobody waits for a client that is turned away.
                let _ = stream.try_write(FULL);
                continue;
            };
            let connection = Connection {
                stream,
                peer,
                place,
            };
            connection.serve(router.clone(), app.config.limit(), &graceful);
        }
        drop(listener);
        app.stopping.send_replace(true);
        // What an ingest has done so far is committed; the next one goes on from there.
        app.jobs.close();
        let ended = async { tokio::join!(graceful.shutdown(), app.jobs.idle()) };
        let _ = timeout(GRACE, ended).await;
        Ok(())
    }

    /// Serves on threads of its own until the process is interrupted or told to end.
    ///
    /// # Errors
    /// As [`Server::run`], and when the threads cannot be started.
    pub fn run_until_interrupted(self) -> Result<(), Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let result = runtime.block_on(self.run(interrupted()));
        // Work that does not hear that it should stop must not hold the process.
        runtime.shutdown_timeout(Duration::from_secs(1));
        result
    }
}

/// A connection that was accepted.
struct Connection {
    stream: TcpStream,
    peer: Peer,
    place: Place,
}

impl Connection {
    /// Serves it, on a task of its own.
    fn serve(self, router: axum::Router, limit: Duration, graceful: &GracefulShutdown) {
        let Self {
            stream,
            peer,
            place,
        } = self;
        let line = Arc::clone(&place.line);
        let stream = SlowHeads::new(stream, Arc::clone(&line), HEAD_GRACE.min(limit));
        let stream = TokioIo::new(Unread::new(stream, limit));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD.min(limit))
            .max_buf_size(MOST_HEAD)
            .serve_connection(stream, Answering { router, line });
        let connection = graceful.watch(connection);
        tokio::spawn(peer.serve(async move {
            // A connection that breaks is its client's affair.
            tokio::select! {
                _ = connection => {}
                () = place.line.given_up() => {}
            }
        }));
    }
}

/// The next connection. Errors are those of one connection, or of too many open files: wait and go on.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                let _ = stream.set_nodelay(true);
                return (stream, address);
            }
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Connections that are open at a time: three quarters of the files that the process may open, which it needs for more
/// than connections.
fn most_connections() -> usize {
    #[cfg(unix)]
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let files: Option<u64> = None;
    let room = files.and_then(|files| usize::try_from(files / 4 * 3).ok());
    room.unwrap_or(MOST_CONNECTIONS).min(MOST_CONNECTIONS)
}

/// Ready at the first Ctrl-C or signal to end.
async fn interrupted() {
    let ctrl_c = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let ended = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut ended) => {
                ended.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let ended = std::future::pending::<()>();
    tokio::select! {
        () = ctrl_c => {}
        () = ended => {}
    }
}
