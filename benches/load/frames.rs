//! The part of HTTP/2 (RFC 9113) that is needed to send a gRPC server the same request repeatedly.

use std::error::Error;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GO_AWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

const HEADER_TABLE_SIZE: u16 = 1;
const ENABLE_PUSH: u16 = 2;
const INITIAL_WINDOW_SIZE: u16 = 4;

/// The largest flow-control window.
const WIDE_OPEN: u32 = 0x7fff_ffff;
/// The initial flow-control window.
pub(super) const FIRST_WINDOW: u32 = 65_535;

/// A frame from the server, as far as it matters here.
#[derive(Debug)]
pub(super) enum Frame<'a> {
    /// Part of an answer's message.
    Message { stream: u32, bytes: &'a [u8] },
    /// The trailers: the answer is complete.
    End { stream: u32 },
    /// This many more bytes may be sent.
    Window(u32),
    /// To be answered with [`pong`].
    Ping([u8; 8]),
    /// To be acknowledged.
    Settings,
    /// Needs no reaction.
    Other,
}

/// The first frame in `bytes`, and its length including the frame header; `None` while it is incomplete.
///
/// # Errors
/// When the server sent what a working server does not send in answer to valid requests.
pub(super) fn read(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, Box<dyn Error>> {
    let Some((head, rest)) = bytes.split_first_chunk::<9>() else { return Ok(None) };
    let [a, b, c, kind, flags, id @ ..] = *head;
    let length = usize::try_from(u32::from_be_bytes([0, a, b, c]))?;
    let Some(payload) = rest.get(..length) else { return Ok(None) };
    let stream = u32::from_be_bytes(id) & WIDE_OPEN;
    let frame = match kind {
        DATA if flags & (PADDED | END_STREAM) == 0 => Frame::Message { stream, bytes: payload },
        DATA => return Err("an answer without trailers, or padded".into()),
        HEADERS if flags & END_STREAM != 0 => Frame::End { stream },
        RESET => return Err(format!("stream {stream} was reset: {payload:?}").into()),
        GO_AWAY => return Err(format!("the server closes the connection: {payload:?}").into()),
        SETTINGS if flags & ACK == 0 => {
            check(payload)?;
            Frame::Settings
        }
        PING if flags & ACK == 0 => Frame::Ping(payload.try_into()?),
        WINDOW_UPDATE if stream == 0 => Frame::Window(u32::from_be_bytes(payload.try_into()?)),
        _ => Frame::Other,
    };
    Ok(Some((frame, head.len() + length)))
}

/// Checks the settings that the load depends on: a header table of the default size, and windows that a request fits into.
fn check(settings: &[u8]) -> Result<(), Box<dyn Error>> {
    for setting in settings.chunks_exact(6) {
        let [id0, id1, value @ ..] = <[u8; 6]>::try_from(setting)?;
        let (id, value) = (u16::from_be_bytes([id0, id1]), u32::from_be_bytes(value));
        let least = match id {
            HEADER_TABLE_SIZE => 4096,
            INITIAL_WINDOW_SIZE => 16 * 1024,
            _ => 0,
        };
        if value < least {
            return Err(format!("the server's setting {id} is {value}: too small for this load").into());
        }
    }
    Ok(())
}

/// The client's connection preface, with the largest possible windows.
pub(super) fn preface(out: &mut Vec<u8>) {
    out.extend(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    let mut settings = Vec::new();
    for (id, value) in [(ENABLE_PUSH, 0), (INITIAL_WINDOW_SIZE, WIDE_OPEN)] {
        settings.extend(id.to_be_bytes());
        settings.extend(u32::to_be_bytes(value));
    }
    frame(out, SETTINGS, 0, 0, &settings);
    window(out, WIDE_OPEN - FIRST_WINDOW);
}

/// Grants the server `more` bytes of window.
pub(super) fn window(out: &mut Vec<u8>, more: u32) {
    frame(out, WINDOW_UPDATE, 0, 0, &more.to_be_bytes());
}

pub(super) fn acknowledge_settings(out: &mut Vec<u8>) {
    frame(out, SETTINGS, ACK, 0, &[]);
}

pub(super) fn pong(out: &mut Vec<u8>, payload: [u8; 8]) {
    frame(out, PING, ACK, 0, &payload);
}

/// One gRPC request; `headers` come from [`first_headers`] or [`next_headers`].
pub(super) fn question(out: &mut Vec<u8>, stream: u32, headers: &[u8], message: &[u8]) {
    frame(out, HEADERS, END_HEADERS, stream, headers);
    frame(out, DATA, END_STREAM, stream, message);
}

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    // No payload here is longer than 16 KiB.
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    out.extend([a, b, c, kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
}

// Entries of the HPACK static table (RFC 7541 appendix A): indexed, or with a value to add to the dynamic table.
const METHOD_POST: u8 = 0x80 + 3;
const SCHEME_HTTP: u8 = 0x80 + 6;
const PATH: u8 = 0x40 + 4;
const AUTHORITY: u8 = 0x40 + 1;
const CONTENT_TYPE: u8 = 0x40 + 31;
const NEW_NAME: u8 = 0x40;

/// The header block (RFC 7541) of a connection's first request, which fills the server's dynamic table.
pub(super) fn first_headers(authority: &str, path: &str) -> Vec<u8> {
    let mut block = vec![METHOD_POST, SCHEME_HTTP];
    let mut add = |lead: u8, texts: &[&str]| {
        block.push(lead);
        for text in texts {
            // Every text is shorter than 127 bytes, so its length takes one byte.
            block.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
            block.extend(text.bytes());
        }
    };
    add(PATH, &[path]);
    add(AUTHORITY, &[authority]);
    add(NEW_NAME, &["te", "trailers"]);
    add(CONTENT_TYPE, &["application/grpc"]);
    block
}

/// The header block of all further requests: indexed entries of both tables; the dynamic table starts at 62, newest first.
pub(super) const fn next_headers() -> [u8; 6] {
    [METHOD_POST, SCHEME_HTTP, 0x80 + 65, 0x80 + 64, 0x80 + 63, 0x80 + 62]
}
