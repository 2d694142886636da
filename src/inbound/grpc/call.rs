//! A unary gRPC call on the wire (gRPC over HTTP/2): one length-prefixed message in, one out, and the status in trailers.
//! tonic's own way takes a router, two buffers of eight KiB and several boxes for each call, more than a Check itself.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;

/// A flag that says whether the message is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// Bytes of an answer that are sent as one frame: h2 puts frames below 1 KiB together and writes them at once.
const FRAME_BYTES: usize = 1000;

/// An answer with its prefix is rarely longer.
const ANSWER_BYTES: usize = 2048;

/// Takes the only message out of a request's body.
///
/// # Errors
/// When it is compressed, larger than `most` bytes, late, or not exactly one.
pub(super) async fn message<B>(headers: &HeaderMap, mut body: B, most: usize) -> Result<Bytes, Status>
where
    B: HttpBody<Data = Bytes, Error = Status> + Unpin,
{
    if headers.get("grpc-encoding").is_some_and(|encoding| encoding != "identity") {
        return Err(Status::unimplemented("compressed messages are not read"));
    }
    let (mut first, mut more) = (Bytes::new(), Vec::new());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if first.is_empty() {
            first = data;
        } else {
            if more.is_empty() {
                more.extend_from_slice(&first);
            }
            more.extend_from_slice(&data);
        }
        let rest = rest_of(if more.is_empty() { &first } else { &more }, most)?;
        if rest == 0 && body.is_end_stream() {
            break;
        }
    }
    let mut framed = if more.is_empty() { first } else { Bytes::from(more) };
    if framed.len() < PREFIX_BYTES || rest_of(&framed, most)? > 0 {
        return Err(Status::internal("the message is not complete"));
    }
    Ok(framed.split_off(PREFIX_BYTES))
}

/// How many bytes of the only message are still to come.
fn rest_of(framed: &[u8], most: usize) -> Result<usize, Status> {
    let Some((&[flag, ref length @ ..], there)) = framed.split_first_chunk::<PREFIX_BYTES>() else {
        return Ok(PREFIX_BYTES - framed.len());
    };
    if flag != 0 {
        return Err(Status::internal("the message says that it is compressed"));
    }
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if length > most {
        let fault = format!("the message has {length} bytes, more than the {most} of `limits.grpc.max_message_size`");
        return Err(Status::out_of_range(fault));
    }
    length.checked_sub(there.len()).ok_or_else(|| Status::internal("there is more than one message"))
}

/// An answer that is being written: the prefix, and room for the message.
pub(super) fn begin() -> Vec<u8> {
    let mut framed = Vec::with_capacity(ANSWER_BYTES);
    framed.extend([0; PREFIX_BYTES]);
    framed
}

/// Completes an answer that [`begin`] began.
pub(super) fn finish(mut framed: Vec<u8>) -> Response<Reply> {
    let length = u32::try_from(framed.len().saturating_sub(PREFIX_BYTES));
    let Ok(length) = length else { return refuse(&Status::internal("the answer is too long")) };
    if let Some(prefix) = framed.get_mut(1..PREFIX_BYTES) {
        prefix.copy_from_slice(&length.to_be_bytes());
    }
    let mut response = Response::new(Reply(Kind::Answer(Bytes::from(framed))));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// A gRPC error instead of an answer.
pub(super) fn refuse(status: &Status) -> Response<Reply> {
    status.clone().into_http::<Body>().map(Reply::from)
}

/// The body of an answer.
pub(super) struct Reply(Kind);

enum Kind {
    /// What is left of a message, before trailers that say that all went well.
    Answer(Bytes),
    /// Everything is sent.
    Sent,
    /// Of another service, or an error.
    Other(Body),
}

impl From<Body> for Reply {
    fn from(body: Body) -> Self {
        Self(Kind::Other(body))
    }
}

impl HttpBody for Reply {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match &mut self.0 {
            Kind::Answer(rest) if rest.is_empty() => {
                self.0 = Kind::Sent;
                Poll::Ready(Some(Ok(Frame::trailers(all_went_well()))))
            }
            Kind::Answer(rest) if rest.len() <= FRAME_BYTES => Poll::Ready(Some(Ok(Frame::data(std::mem::take(rest))))),
            Kind::Answer(rest) => Poll::Ready(Some(Ok(Frame::data(rest.split_to(FRAME_BYTES))))),
            Kind::Sent => Poll::Ready(None),
            Kind::Other(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Answer(_) => false,
            Kind::Sent => true,
            Kind::Other(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Answer(_) | Kind::Sent => SizeHint::default(),
            Kind::Other(body) => body.size_hint(),
        }
    }
}

fn all_went_well() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"));
    trailers
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
