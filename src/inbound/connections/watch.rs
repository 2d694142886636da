//! Detects peers that are too slow: those that send a request slowly, send nothing, or do not read answers. hyper's only
//! timer is for HTTP/1 heads; this covers every connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// Time limits for a peer.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// From the accept until an HTTP/2 client's connection preface has arrived; `None` for other protocols.
    pub opening: Option<Duration>,
    /// From the first byte of a request until its head is complete; `None` where requests share a connection with other
    /// frames (HTTP/2).
    pub head: Option<Duration>,
    /// Without any request.
    pub idle: Option<Duration>,
    /// Without reading what was sent.
    pub blocked: Duration,
}

/// An HTTP/2 client begins with a preface of 24 bytes and a frame header of 9 bytes (RFC 9113 section 3.4).
const OPENING_BYTES: u64 = 33;

/// What the peer was too slow at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// Sending the connection preface.
    Opening,
    /// Sending a request.
    Head,
    /// Sending any request at all.
    Idle,
    /// Reading an answer.
    Blocked,
}

impl Overdue {
    /// The cause's name in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Head => "head",
            Self::Idle => "idle",
            Self::Blocked => "blocked",
        }
    }
}

/// The observed activity of one connection. Times are milliseconds since its start, plus one; 0 means never.
pub struct ConnectionActivity {
    start: Instant,
    bytes: AtomicU64,
    head_since: AtomicU64,
    quiet_since: AtomicU64,
    blocked_since: AtomicU64,
    running: AtomicUsize,
}

impl ConnectionActivity {
    /// The activity of a connection that has just been accepted.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            bytes: AtomicU64::new(0),
            head_since: AtomicU64::new(0),
            quiet_since: AtomicU64::new(1),
            blocked_since: AtomicU64::new(0),
            running: AtomicUsize::new(0),
        })
    }

    /// Records that a request has been received; it counts as running until the returned value is dropped.
    #[must_use]
    pub fn request(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::Relaxed);
        self.head_since.store(0, Ordering::Relaxed);
        Running(Arc::clone(self))
    }

    /// The connection's age.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.start.elapsed()
    }

    /// What the peer is too slow at, if anything.
    #[must_use]
    pub fn overdue(&self, timeouts: &Timeouts) -> Option<Overdue> {
        let late = |since: &AtomicU64, limit: Duration| {
            let since = since.load(Ordering::Relaxed);
            since != 0 && self.tick().saturating_sub(since) > millis(limit)
        };
        if late(&self.blocked_since, timeouts.blocked) {
            return Some(Overdue::Blocked);
        }
        if self.running.load(Ordering::Relaxed) > 0 {
            return None;
        }
        let opened = self.bytes.load(Ordering::Relaxed) >= OPENING_BYTES;
        if !opened && timeouts.opening.is_some_and(|opening| self.age() > opening) {
            return Some(Overdue::Opening);
        }
        if timeouts.head.is_some_and(|head| late(&self.head_since, head)) {
            return Some(Overdue::Head);
        }
        timeouts.idle.is_some_and(|idle| late(&self.quiet_since, idle)).then_some(Overdue::Idle)
    }

    fn tick(&self) -> u64 {
        millis(self.start.elapsed()).saturating_add(1)
    }

    fn read(&self, bytes: usize) {
        self.bytes.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
        if self.running.load(Ordering::Relaxed) == 0 {
            let _ = self.head_since.compare_exchange(0, self.tick(), Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    fn wrote(&self, pending: bool) {
        if !pending {
            self.blocked_since.store(0, Ordering::Relaxed);
        } else if self.blocked_since.load(Ordering::Relaxed) == 0 {
            self.blocked_since.store(self.tick(), Ordering::Relaxed);
        }
    }
}

/// One request that is being answered.
pub struct Running(Arc<ConnectionActivity>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.quiet_since.store(self.0.tick(), Ordering::Relaxed);
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// A stream whose traffic is recorded in a [`ConnectionActivity`].
pub struct Watched<S> {
    stream: S,
    activity: Arc<ConnectionActivity>,
    coalesces: bool,
}

impl<S> Watched<S> {
    /// Wraps `stream`.
    pub const fn new(stream: S, activity: Arc<ConnectionActivity>) -> Self {
        Self { stream, activity, coalesces: false }
    }

    /// Turns vectored writes off, so that h2 copies small frames together and writes them at once: with vectored writes it
    /// ends a write with every frame of more than 256 bytes.
    #[must_use]
    pub fn coalescing(self) -> Self {
        Self { coalesces: true, ..self }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.activity.read(buf.filled().len() - before);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.activity.wrote(polled.is_pending());
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.activity.wrote(polled.is_pending());
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.activity.wrote(polled.is_pending());
        polled
    }

    fn is_write_vectored(&self) -> bool {
        !self.coalesces && self.stream.is_write_vectored()
    }
}
