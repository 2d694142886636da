//! Request bodies and answers of a unary call: tonic's framing around [`BytesCodec`], cut into small frames.

use std::collections::VecDeque;
use std::convert::Infallible;

use http::{HeaderValue, Request as HttpRequest, Response as HttpResponse};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use tonic::body::Body;
use tonic::server::Grpc;
use tonic::{Code, Request, Response};
use tower::service_fn;

use super::*;
use crate::inbound::grpc::small_frames::SmallFrames;

const PREFIX_BYTES: usize = 5;

/// Answers a call whose body arrives in these chunks; `answer` turns its message into the response.
async fn call(chunks: &[&[u8]], encoding: Option<&'static str>, answer: fn(Bytes) -> Vec<u8>) -> HttpResponse<Body> {
    let frames: VecDeque<_> = chunks.iter().map(|chunk| Ok(Frame::data(Bytes::copy_from_slice(chunk)))).collect();
    let body = StreamBody::new(futures_util::stream::iter(frames)).map_err(|never: Infallible| match never {});
    let mut request = HttpRequest::new(body);
    let encoding = encoding.map(HeaderValue::from_static);
    request.headers_mut().extend(encoding.map(|encoding| (http::HeaderName::from_static("grpc-encoding"), encoding)));
    let service = service_fn(async |request: Request<Bytes>| Ok(Response::new(answer(request.into_inner()))));
    Grpc::new(BytesCodec).max_decoding_message_size(4).unary(service, request).await
}

/// The message that is read from such a body, or the error.
async fn read(chunks: &[&[u8]], encoding: Option<&'static str>) -> Result<Bytes, Code> {
    let response = call(chunks, encoding, |message| message.to_vec()).await;
    if let Some(status) = tonic::Status::from_header_map(response.headers()) {
        return Err(status.code());
    }
    let mut bytes = response.into_body().collect().await.expect("nothing fails").to_bytes();
    Ok(bytes.split_off(PREFIX_BYTES))
}

#[tokio::test]
async fn one_message_is_read_however_it_arrives() {
    let whole = b"\0\0\0\0\x03abc";
    assert_eq!(read(&[whole], None).await.as_deref(), Ok(b"abc".as_slice()));
    assert_eq!(read(&[whole], Some("identity")).await.as_deref(), Ok(b"abc".as_slice()));
    let bytes: Vec<_> = whole.chunks(1).collect();
    assert_eq!(read(&bytes, None).await.as_deref(), Ok(b"abc".as_slice()));
    assert_eq!(read(&[b"", &whole[..6], b"", &whole[6..]], None).await.as_deref(), Ok(b"abc".as_slice()));
    assert_eq!(read(&[b"\0\0\0\0\0"], None).await.as_deref(), Ok(b"".as_slice()));
}

#[tokio::test]
async fn everything_else_is_refused() {
    use Code::{Internal, OutOfRange, Unimplemented};
    for (chunks, encoding, code) in [
        (vec![b"\0\0\0\0\x03abc".as_slice()], Some("gzip"), Unimplemented),
        (vec![b"\x01\0\0\0\x03abc"], None, Internal),
        (vec![b"\x02\0\0\0\x03abc"], None, Internal),
        (vec![b"\0\0\0\0\x05abcde"], None, OutOfRange),
        (vec![b"\0\xff\xff\xff\xff"], None, OutOfRange),
        (vec![b"\0\0\0\0\x03ab"], None, Internal),
        (vec![b"\0\0\0\0\x03abcd"], None, Internal),
        (vec![b"\0\0\0\0\x03abc", b"\0\0\0\0\0"], None, Internal),
        (vec![b"\0\0\0\0\x03abc\0\0\0\0\x03abc"], None, Internal),
        (vec![b"\0\0\0"], None, Internal),
        (vec![b"\0\0\0\0\x03"], None, Internal),
        (vec![], None, Internal),
    ] {
        assert_eq!(read(&chunks, encoding).await, Err(code), "{chunks:?}");
    }
}

/// The answer of `LENGTH` bytes as it is sent in frames: the data, and the status.
async fn answered<const LENGTH: usize>() -> (Vec<u8>, Option<HeaderValue>) {
    let response = call(&[b"\0\0\0\0\0"], None, |_| vec![7; LENGTH]).await;
    let mut body = SmallFrames::new(response.into_body());
    let (mut bytes, mut status) = (Vec::new(), None);
    while let Some(frame) = body.frame().await {
        match frame.expect("nothing fails").into_data() {
            Ok(data) => {
                assert!(data.len() <= 1000, "a frame of {} bytes", data.len());
                bytes.extend(data);
            }
            Err(frame) => status = frame.trailers_ref().and_then(|trailers| trailers.get("grpc-status").cloned()),
        }
    }
    (bytes, status)
}

#[tokio::test]
async fn an_answer_is_one_message_and_its_status() {
    let answers = [
        (0, answered::<0>().await),
        (7, answered::<7>().await),
        (995, answered::<995>().await),
        (996, answered::<996>().await),
        (4000, answered::<4000>().await),
    ];
    for (length, (bytes, status)) in answers {
        assert_eq!(status, Some(HeaderValue::from_static("0")));
        let (prefix, message) = bytes.split_at(PREFIX_BYTES);
        let prefix_says = usize::from(prefix[3]) * 256 + usize::from(prefix[4]);
        assert_eq!((prefix[0], prefix_says, message.len()), (0, length, length));
    }
}
