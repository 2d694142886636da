//! Answers of HTTP servers: read whole, up to a limit; failures described in texts that contain no part of a request or an answer.

use std::error::Error;

use http::{HeaderMap, StatusCode, header};
use reqwest::Response;

/// A complete answer, of any status.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) content_type: Option<String>,
    /// Where a redirect leads.
    pub(super) location: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Reads the whole answer, if it has at most `limit` bytes.
pub(super) async fn read(mut response: Response, limit: usize) -> Result<Answer, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(cause)? {
        if chunk.len() > limit - body.len() {
            return Err(format!("the answer is longer than {} KiB", limit / 1024));
        }
        body.extend_from_slice(&chunk);
    }
    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (status, content_type) = (response.status(), content_type(response.headers()));
    Ok(Answer { status, content_type, location, headers: std::mem::take(response.headers_mut()), body })
}

/// The media type without parameters, in lower case.
fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(|kind| kind.trim().to_ascii_lowercase())
}

/// The innermost cause: `connection refused` is useful to an operator, `error sending request` is not.
pub(super) fn cause(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let error = error.without_url();
    let mut innermost: &dyn Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    let explained = EXPLAINED.iter().find(|(part, _)| text.contains(part));
    explained.map_or(text, |(_, explanation)| (*explanation).to_owned())
}

/// What some words of the TLS library mean for an operator.
const EXPLAINED: [(&str, &str); 4] = [
    (
        "CaUsedAsEndEntity",
        "the server presents a certificate that is marked as an authority's (CA:TRUE); let it present one that this authority signed, or one with CA:FALSE",
    ),
    ("InvalidContentType", "the server does not speak TLS on this port; its address may begin with http://"),
    ("UnknownIssuer", "no trusted authority signed its certificate (UnknownIssuer)"),
    (
        "connection closed before message completed",
        "the server closed the connection without an answer; if it speaks TLS on this port, its address begins with https://",
    ),
];
