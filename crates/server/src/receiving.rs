//! Bodies of requests while they come, and the memory that they take.
//!
//! What counts is what came, not what a head promises: a body that is announced and never sent takes nothing. A peer has
//! a share of the room, so that one that sends much keeps nobody else out. The first bytes of every body are free, for as
//! many as there can be connections: who signs in, or asks a small question, is heard however full it is. A body that
//! comes too slowly is cut off. Room is free again when nothing holds the bytes any more, wherever they have gone.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_stream::Stream;

use crate::connections::Line;
use crate::heads::due;
use crate::peers::Peer;
use crate::problem::Problem;

/// Bytes of all bodies together, at least.
const LEAST_ROOM: usize = 256 << 20;
/// Bytes of each body that take no room.
pub(crate) const FREE: usize = 16 << 10;
/// Time before the rate of a body is looked at.
const GRACE: Duration = Duration::from_secs(5);
/// Time for which a body that was refused is listened to, so that its client looks at the answer.
const HEARING: Duration = Duration::from_secs(2);

/// The memory of bodies.
pub(crate) struct Receiving {
    all: usize,
    share: usize,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    all: usize,
    by: BTreeMap<Peer, usize>,
}

impl Receiving {
    /// Room for eight of the largest bodies, and never little; half of it for one peer.
    pub fn new(most_body: usize) -> Arc<Self> {
        let all = LEAST_ROOM.max(8 * most_body);
        Arc::new(Self {
            all,
            share: all / 2,
            used: Mutex::default(),
        })
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room that a body has.
pub(crate) struct Held {
    receiving: Arc<Receiving>,
    peer: Peer,
    /// Bytes that came.
    came: AtomicUsize,
}

impl Held {
    fn new(receiving: &Arc<Receiving>) -> Self {
        Self {
            receiving: Arc::clone(receiving),
            peer: Peer::current(),
            came: AtomicUsize::new(0),
        }
    }

    fn counted(came: usize) -> usize {
        came.saturating_sub(FREE)
    }

    /// So many bytes more came.
    fn grow(&self, bytes: usize) -> Result<(), Problem> {
        let mut used = self.receiving.used();
        let came = self.came.load(Ordering::SeqCst);
        let more = Self::counted(came + bytes) - Self::counted(came);
        let own = used.by.get(&self.peer).copied().unwrap_or(0);
        if own + more > self.receiving.share || used.all + more > self.receiving.all {
            return Err(Problem::busy(
                "too much is being sent at the same time; send it again in a moment",
            ));
        }
        if more > 0 {
            used.all += more;
            used.by.insert(self.peer, own + more);
        }
        self.came.store(came + bytes, Ordering::SeqCst);
        Ok(())
    }

    /// The bytes, which hold the room for as long as there is a copy of them.
    pub fn with(self: &Arc<Self>, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Holding {
            bytes,
            _held: Arc::clone(self),
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let counted = Self::counted(self.came.load(Ordering::SeqCst));
        let mut used = self.receiving.used();
        used.all -= counted;
        let left = used.by.get(&self.peer).map_or(0, |own| own - counted);
        match left {
            0 => drop(used.by.remove(&self.peer)),
            left => drop(used.by.insert(self.peer, left)),
        }
    }
}

struct Holding {
    bytes: Bytes,
    _held: Arc<Held>,
}

impl AsRef<[u8]> for Holding {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Why a body was not received to its end, where this module knows it.
#[derive(Clone, Default)]
pub(crate) struct Fate(Arc<Mutex<Option<Problem>>>);

impl Fate {
    /// The reason, or the one that is given when it is not known here.
    pub fn or(&self, other: Problem) -> Problem {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        known.unwrap_or(other)
    }
}

/// The request with its body under watch: it takes room, must keep its pace, and must have come within `limit`.
pub(crate) fn watched(
    request: Request,
    receiving: &Arc<Receiving>,
    limit: Duration,
) -> (Request, Arc<Held>, Fate) {
    paced(request, receiving, GRACE.min(limit), limit)
}

fn paced(
    request: Request,
    receiving: &Arc<Receiving>,
    grace: Duration,
    limit: Duration,
) -> (Request, Arc<Held>, Fate) {
    let (parts, body) = request.into_parts();
    let (held, fate) = (Arc::new(Held::new(receiving)), Fate::default());
    let begun = Instant::now();
    let paced = Paced {
        body: body.into_data_stream(),
        held: Arc::clone(&held),
        fate: fate.clone(),
        line: parts.extensions.get::<Arc<Line>>().cloned(),
        begun,
        grace,
        end: begun + limit,
        bytes: 0,
        timer: Box::pin(sleep_until(begun + grace)),
        refused: false,
    };
    let body = Body::from_stream(paced);
    (Request::from_parts(parts, body), held, fate)
}

/// A body that is received.
struct Paced {
    body: BodyDataStream,
    held: Arc<Held>,
    fate: Fate,
    line: Option<Arc<Line>>,
    begun: Instant,
    grace: Duration,
    end: Instant,
    bytes: u64,
    timer: Pin<Box<Sleep>>,
    /// What still comes is heard out and forgotten.
    refused: bool,
}

/// Stands for a problem that [`Fate`] tells.
#[derive(Debug, thiserror::Error)]
#[error("the body was not received")]
struct NotReceived;

impl Paced {
    fn tell(&self, problem: Problem) {
        let mut fate = self.fate.0.lock().unwrap_or_else(PoisonError::into_inner);
        fate.get_or_insert(problem);
    }

    /// What is passed on of a part that came; `None` for a part that is forgotten.
    fn part(&mut self, part: Bytes) -> Option<Bytes> {
        if self.refused {
            return None;
        }
        self.bytes += part.len() as u64;
        match self.held.grow(part.len()) {
            Ok(()) => {
                let next = due(self.begun, self.grace, self.bytes).min(self.end);
                self.timer.as_mut().reset(next);
                Some(part)
            }
            Err(problem) => {
                self.tell(problem);
                self.refused = true;
                self.timer.as_mut().reset(Instant::now() + HEARING);
                None
            }
        }
    }
}

impl Stream for Paced {
    type Item = Result<Bytes, axum::BoxError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            match Pin::new(&mut this.body).poll_next(context) {
                Poll::Ready(Some(Ok(part))) => {
                    if let Some(part) = this.part(part) {
                        return Poll::Ready(Some(Ok(part)));
                    }
                }
                Poll::Ready(Some(Err(error))) if !this.refused => {
                    return Poll::Ready(Some(Err(error.into())));
                }
                Poll::Ready(None) if !this.refused => {
                    if let Some(line) = &this.line {
                        line.received();
                    }
                    return Poll::Ready(None);
                }
                Poll::Ready(_) => return Poll::Ready(Some(Err(NotReceived.into()))),
                Poll::Pending => {
                    if this.timer.as_mut().poll(context).is_pending() {
                        return Poll::Pending;
                    }
                    this.tell(slow());
                    return Poll::Ready(Some(Err(NotReceived.into())));
                }
            }
            // One that sends without end is not heard without end.
            if this.refused && this.timer.deadline() <= Instant::now() {
                return Poll::Ready(Some(Err(NotReceived.into())));
            }
        }
    }
}

fn slow() -> Problem {
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        "slow",
        "the body came too slowly; send a smaller one, or over a faster line",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_stream::StreamExt;

    async fn on_behalf(last: u8, receiving: &Arc<Receiving>) -> Arc<Held> {
        let peer = Peer::of([192, 0, 2, last].into());
        peer.serve(async { Arc::new(Held::new(receiving)) }).await
    }

    #[tokio::test]
    async fn a_peer_has_its_share_and_small_bodies_are_free() {
        let receiving = Receiving::new(1);
        let (one, other) = (
            on_behalf(1, &receiving).await,
            on_behalf(2, &receiving).await,
        );
        let share = LEAST_ROOM / 2;
        one.grow(share + FREE).unwrap();
        assert_eq!(one.grow(1).unwrap_err().status, 503);
        let small = on_behalf(1, &receiving).await;
        small.grow(FREE).unwrap();
        assert!(small.grow(1).is_err());
        other.grow(share + FREE).unwrap();
        // All is taken now, but for what is free.
        let third = on_behalf(3, &receiving).await;
        assert!(third.grow(2 * FREE).is_err() && third.grow(FREE).is_ok());
        let bytes = one.with(Bytes::from_static(b"x"));
        let copy = bytes.clone();
        drop((one, bytes));
        assert!(small.grow(1).is_err());
        drop(copy);
        assert!(small.grow(1).is_ok());
        drop((small, other, third));
        let used = receiving.used();
        assert!(used.all == 0 && used.by.is_empty());
    }

    fn whole_part(part: usize) -> Result<Bytes, axum::BoxError> {
        Ok(Bytes::from(vec![7; part]))
    }

    /// Receives a body of parts; after them nothing comes any more where it is not `whole`.
    async fn received(
        parts: &[usize],
        whole: bool,
        [grace, limit]: [u64; 2],
    ) -> Result<usize, u16> {
        let parts = parts.to_vec();
        let pieces = tokio_stream::iter(parts).map(whole_part);
        let body = match whole {
            true => Body::from_stream(pieces),
            false => Body::from_stream(pieces.chain(tokio_stream::pending())),
        };
        let receiving = Receiving::new(1);
        let [grace, limit] = [grace, limit].map(Duration::from_millis);
        let request = Request::new(body);
        let (request, _held, fate) = paced(request, &receiving, grace, limit);
        match axum::body::to_bytes(request.into_body(), usize::MAX).await {
            Ok(bytes) => Ok(bytes.len()),
            Err(_) => Err(fate.or(Problem::bad_request("?")).status),
        }
    }

    #[tokio::test]
    async fn a_body_keeps_its_pace_or_is_cut_off() {
        const LONG: u64 = 600_000;
        assert_eq!(received(&[1, 2, 3], true, [LONG, LONG]).await, Ok(6));
        assert_eq!(received(&[1], false, [20, LONG]).await, Err(408));
        assert_eq!(received(&[1], false, [LONG, 20]).await, Err(408));
        assert_eq!(received(&[9_999], false, [0, 20]).await, Err(408));
        let much = LEAST_ROOM / 2 / 64 + 1000;
        assert_eq!(received(&[much; 64], true, [LONG, LONG]).await, Err(503));
        let begun = Instant::now();
        let five = Duration::from_secs(5);
        // 8 KiB buy two seconds more.
        assert_eq!(due(begun, five, 8192), begun + Duration::from_secs(7));
    }
}
