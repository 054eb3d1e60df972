//! Clients that send the head of a request drop by drop.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::connections::Line;

/// Bytes a second that the head and the body of a request come with at least, once their first seconds are over.
pub(crate) const LEAST_RATE: u64 = 4096;
/// What is said before the connection is closed.
const LATE: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/problem+json\r\nconnection: close\r\n\
    content-length: 153\r\n\r\n{\"type\":\"urn:vizsla:problem:slow\",\"title\":\"Request Timeout\",\"status\":408,\
    \"detail\":\"the head of the request came too slowly; ask over a faster line\"}\n\n\n\n\n";

/// A connection that breaks when the head of a request comes too slowly. Between requests it may be silent: that is for
/// the time limit of idle connections.
pub(crate) struct SlowHeads<T> {
    stream: T,
    line: Arc<Line>,
    grace: Duration,
    head: Option<Head>,
}

/// A head that has begun.
struct Head {
    /// Which one.
    number: u64,
    begun: Instant,
    bytes: u64,
    late: Pin<Box<Sleep>>,
}

/// The time by which more must have come of what began then and is so long by now.
pub(crate) fn due(begun: Instant, grace: Duration, bytes: u64) -> Instant {
    begun + grace + Duration::from_millis(bytes * 1000 / LEAST_RATE)
}

impl<T> SlowHeads<T> {
    pub(crate) fn new(stream: T, line: Arc<Line>, grace: Duration) -> Self {
        Self {
            stream,
            line,
            grace,
            head: None,
        }
    }

    /// So many bytes came; they are of a head when one is awaited.
    fn came(&mut self, bytes: u64) {
        let Some(number) = self.line.awaited() else {
            self.head = None;
            return;
        };
        let grace = self.grace;
        if self.head.as_ref().is_none_or(|head| head.number != number) {
            let begun = Instant::now();
            self.head = Some(Head {
                number,
                begun,
                bytes: 0,
                late: Box::pin(sleep_until(begun + grace)),
            });
        }
        if let Some(head) = &mut self.head {
            head.bytes += bytes;
            head.late.as_mut().reset(due(head.begun, grace, head.bytes));
        }
    }

    /// Ready when a head is late.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let awaited = self.line.awaited();
        match &mut self.head {
            Some(head) if awaited == Some(head.number) => head.late.as_mut().poll(context),
            _ => Poll::Pending,
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for SlowHeads<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let came = buffer.filled().len() - before;
        if came > 0 {
            self.came(came as u64);
        }
        if self.poll_late(context).is_ready() {
            buffer.set_filled(before);
            // As much of it as goes at once: nobody waits for a client that is cut off.
            let _ = Pin::new(&mut self.stream).poll_write(context, LATE);
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for SlowHeads<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connections::Connections;
    use crate::peers::Peer;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn what_is_said_has_the_length_it_tells() {
        let text = std::str::from_utf8(LATE).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("content-length: {}", body.len())),
            "{}",
            body.len()
        );
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(problem["status"], 408);
    }

    #[tokio::test]
    async fn a_head_has_its_time_and_an_idle_connection_has_its_own() {
        let place = Connections::new(4).enter(Peer::current(), false).unwrap();
        let (here, mut there) = tokio::io::duplex(4096);
        let grace = Duration::from_millis(30);
        let mut slow = SlowHeads::new(here, Arc::clone(&place.line), grace);
        let mut byte = [0];
        let idle = tokio::time::timeout(3 * grace, slow.read_exact(&mut byte)).await;
        assert!(idle.is_err(), "nothing came, and nothing is late");
        for requests in 0..2 {
            there.write_all(b"G").await.unwrap();
            slow.read_exact(&mut byte).await.unwrap();
            assert_eq!(place.line.awaited(), Some(requests));
            place.line.asked(false);
            place.line.answered();
            // The next head has not begun.
            let idle = tokio::time::timeout(3 * grace, slow.read_exact(&mut byte)).await;
            assert!(idle.is_err());
        }
        there.write_all(b"G").await.unwrap();
        slow.read_exact(&mut byte).await.unwrap();
        let late = slow.read_exact(&mut byte).await.unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        drop(slow);
        let mut told = String::new();
        there.read_to_string(&mut told).await.unwrap();
        assert!(told.starts_with("HTTP/1.1 408"), "{told}");
    }
}
