//! HTTP/2 by hand (RFC 9113, RFC 7541): a client that follows only the rules that a test wants it to follow.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinHandle;

use super::support::{eventually, within};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// One frame.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// The server's frames until it closed the connection or the test had enough.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) frames: Vec<Frame>,
}

impl Heard {
    pub(crate) fn count(&self, kind: u8) -> usize {
        self.frames.iter().filter(|frame| frame.kind == kind).count()
    }

    /// The debug text of a GOAWAY with an error code.
    pub(crate) fn complaint(&self) -> Option<String> {
        let complains = |frame: &&Frame| frame.kind == GOAWAY && frame.payload.get(4..8) != Some(&[0; 4]);
        let frame = self.frames.iter().find(complains)?;
        Some(String::from_utf8_lossy(&frame.payload[8..]).into_owned())
    }
}

/// The writing side; the server's frames are read by a task of its own until the server closes.
pub(crate) struct Attacker {
    out: OwnedWriteHalf,
    heard: Arc<Mutex<Heard>>,
    reader: JoinHandle<()>,
}

impl Attacker {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let (input, mut out) = TcpStream::connect(address).await.expect("connects").into_split();
        out.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.expect("is taken");
        let heard = Arc::default();
        let mut attacker = Self { out, heard: Arc::clone(&heard), reader: tokio::spawn(listen(input, heard)) };
        attacker.send(SETTINGS, 0, 0, &[]).await;
        attacker
    }

    /// Sends a frame; returns whether the server still accepts any.
    pub(crate) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.raw(&frame(kind, flags, stream, payload)).await
    }

    pub(crate) async fn raw(&mut self, bytes: &[u8]) -> bool {
        within(self.out.write_all(bytes)).await.is_ok()
    }

    /// Waits until the frames received are `enough`.
    pub(crate) async fn hears(&self, enough: impl Fn(&Heard) -> bool) {
        eventually(async || enough(&self.heard.lock().expect("is not poisoned"))).await;
    }

    /// Ends the attack and returns the frames received.
    pub(crate) async fn done(mut self) -> Heard {
        let _ = self.out.shutdown().await;
        self.closed().await
    }

    /// The frames received, once the server has closed the connection.
    pub(crate) async fn closed(self) -> Heard {
        within(self.reader).await.expect("does not panic");
        drop(self.out);
        std::mem::take(&mut *self.heard.lock().expect("is not poisoned"))
    }
}

async fn listen(mut input: OwnedReadHalf, heard: Arc<Mutex<Heard>>) {
    let mut start = [0; 9];
    while input.read_exact(&mut start).await.is_ok() {
        let length = u32::from_be_bytes([0, start[0], start[1], start[2]]) as usize;
        let mut payload = vec![0; length];
        if input.read_exact(&mut payload).await.is_err() {
            break;
        }
        let stream = u32::from_be_bytes([start[5] & 0x7f, start[6], start[7], start[8]]);
        let frame = Frame { kind: start[3], flags: start[4], stream, payload };
        heard.lock().expect("is not poisoned").frames.push(frame);
    }
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("fits").to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// The header block of a gRPC call.
pub(crate) fn call(path: &str) -> Vec<u8> {
    let mut block = vec![0x83, 0x86];
    literal_indexed(&mut block, &[0x04], path.as_bytes());
    literal_indexed(&mut block, &[0x01], b"gatepost");
    literal_indexed(&mut block, &[0x0f, 0x10], b"application/grpc");
    literal(&mut block, 0x00, b"te", b"trailers");
    block
}

fn literal_indexed(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    block.extend_from_slice(name);
    string(block, value);
}

/// A literal with a new name; `kind` 0x40 adds it to the dynamic table.
pub(crate) fn literal(block: &mut Vec<u8>, kind: u8, name: &[u8], value: &[u8]) {
    block.push(kind);
    string(block, name);
    string(block, value);
}

/// A length in seven bits with continuation (RFC 7541 section 5.1), then the bytes.
fn string(block: &mut Vec<u8>, text: &[u8]) {
    if text.len() < 127 {
        block.push(u8::try_from(text.len()).expect("fits"));
    } else {
        block.push(127);
        let mut rest = text.len() - 127;
        while rest >= 128 {
            block.push(u8::try_from(rest % 128).expect("fits") | 128);
            rest /= 128;
        }
        block.push(u8::try_from(rest).expect("fits"));
    }
    block.extend_from_slice(text);
}

/// A gRPC message with an announced length.
pub(crate) fn message(length: u32, bytes: &[u8]) -> Vec<u8> {
    let mut framed = vec![0];
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(bytes);
    framed
}

/// The number of the `n`th stream that a client opens.
pub(crate) fn nth_stream(n: u32) -> u32 {
    2 * n + 1
}
