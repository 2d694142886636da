//! Where one HTTP/1.1 request ends and the next begins (RFC 9112 section 6.3). Where a request states several lengths, hyper uses one without an error; a
//! front proxy may use another, which allows request smuggling. This scans the bytes before hyper does and detects every
//! request whose end is ambiguous.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of a line that are kept: enough to recognize the two headers that give a length.
const NAME_BYTES: usize = 18;

/// The scan of one connection's requests so far.
#[derive(Clone, Default)]
pub(super) struct Framing(Arc<Mutex<Scan>>);

impl Framing {
    /// Whether anything so far was ambiguous; such a connection is closed.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).ambiguous
    }

    /// Whether the running request has a body; the connection is closed after it as well, because what follows a body is not
    /// scanned.
    pub(super) fn has_body(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).place == Position::Body
    }

    /// The request has been answered, so another one may follow.
    pub(super) fn answered(&self) {
        let mut scan = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if scan.place == Position::Answer {
            scan.place = Position::Head;
        }
    }

    fn see(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).see(bytes);
    }
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Position {
    /// In a request's head.
    #[default]
    Head,
    /// After a head without a body: the peer has to wait for the answer before it sends more.
    Answer,
    /// In a body, of any length.
    Body,
}

#[derive(Default)]
struct Scan {
    place: Position,
    line: Vec<u8>,
    lines: usize,
    lengths: usize,
    ambiguous: bool,
}

impl Scan {
    fn see(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match self.place {
                Position::Body => return,
                Position::Answer => {
                    self.ambiguous = true;
                    return;
                }
                Position::Head if byte == b'\n' => self.end_line(),
                Position::Head => self.within_line(byte),
            }
        }
    }

    fn within_line(&mut self, byte: u8) {
        // A fragment is not part of a request target, and hyper would drop it silently.
        if self.lines == 0 && byte == b'#' {
            self.ambiguous = true;
        }
        if self.line.len() < NAME_BYTES {
            self.line.push(byte.to_ascii_lowercase());
        }
    }

    fn end_line(&mut self) {
        let is_empty = matches!(self.line.as_slice(), [] | b"\r");
        if !is_empty {
            let gives_length =
                self.line.starts_with(b"content-length:") || self.line.starts_with(b"transfer-encoding:");
            self.lengths += usize::from(gives_length);
            self.lines += 1;
        } else if self.lines > 0 {
            self.ambiguous |= self.lengths > 1;
            self.place = if self.lengths > 0 { Position::Body } else { Position::Answer };
            self.lines = 0;
            self.lengths = 0;
        }
        self.line.clear();
    }
}

/// A stream of HTTP/1.1 requests whose framing is scanned.
pub(super) struct Framed<S> {
    pub(super) stream: S,
    pub(super) framing: Framing,
}

impl<S: AsyncRead + Unpin> AsyncRead for Framed<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.framing.see(buf.filled().get(before..).unwrap_or_default());
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Framed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the requests are ambiguous; scanned as a whole and byte by byte.
    fn ambiguous(text: &str) -> bool {
        let (mut whole, mut pieces) = (Scan::default(), Scan::default());
        whole.see(text.as_bytes());
        text.as_bytes().chunks(1).for_each(|byte| pieces.see(byte));
        assert_eq!(whole.ambiguous, pieces.ambiguous, "{text:?}");
        whole.ambiguous
    }

    #[test]
    fn asvs_4_2_one_length_at_most_and_nothing_early() {
        for (text, expected) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", false),
            ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", false),
            ("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", false),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nX-Content-Length: 1\r\nContent-Lengthy: 2\r\n\r\n", false),
            ("POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", true),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n", true),
            ("POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", true),
            ("POST / HTTP/1.1\nContent-Length: 3\nCONTENT-LENGTH: 4\n\nabc", true),
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /admin HTTP/1.1\r\n", true),
            ("GET /a#b HTTP/1.1\r\n", true),
        ] {
            assert_eq!(ambiguous(text), expected, "{text:?}");
        }
    }

    #[test]
    fn after_an_answer_another_request_may_follow() {
        let framing = Framing::default();
        framing.see(b"GET / HTTP/1.1\r\n\r\n");
        framing.answered();
        framing.see(b"GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx");
        assert!(!framing.is_ambiguous() && framing.has_body());
    }
}
