//! What a call's body may look like, and how an answer is cut into frames.

use std::collections::VecDeque;
use std::convert::Infallible;

use http_body_util::{BodyExt as _, StreamBody};

use super::*;

/// Reads a body that arrives in these chunks.
async fn read(chunks: &[&[u8]], encoding: Option<&'static str>) -> Result<Bytes, tonic::Code> {
    let mut headers = HeaderMap::new();
    headers.extend(
        encoding.map(|encoding| (HeaderName::from_static("grpc-encoding"), HeaderValue::from_static(encoding))),
    );
    let frames: VecDeque<_> = chunks.iter().map(|chunk| Ok(Frame::data(Bytes::copy_from_slice(chunk)))).collect();
    let body = StreamBody::new(futures_util::stream::iter(frames)).map_err(|never: Infallible| match never {});
    message(&headers, body, 4).await.map_err(|status| status.code())
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
    use tonic::Code::{Internal, OutOfRange, Unimplemented};
    for (chunks, encoding, code) in [
        (vec![b"\0\0\0\0\x03abc".as_slice()], Some("gzip"), Unimplemented),
        (vec![b"\x01\0\0\0\x03abc"], None, Internal),
        (vec![b"\x02\0\0\0\x03abc"], None, Internal),
        (vec![b"\0\0\0\0\x05abcde"], None, OutOfRange),
        (vec![b"\0\xff\xff\xff\xff"], None, OutOfRange),
        (vec![b"\0\0\0\0\x03ab"], None, Internal),
        (vec![b"\0\0\0\0\x03abcd"], None, Internal),
        (vec![b"\0\0\0\0\x03abc", b"\0\0\0\0\0"], None, Internal),
        (vec![b"\0\0\0"], None, Internal),
        (vec![], None, Internal),
    ] {
        assert_eq!(read(&chunks, encoding).await, Err(code), "{chunks:?}");
    }
}

#[tokio::test]
async fn an_answer_is_one_message_and_its_status() {
    for length in [0, 7, 995, 996, 4000] {
        let mut framed = begin();
        framed.extend(vec![7; length]);
        let collected = finish(framed).into_body().collect().await.expect("nothing fails");
        let status = collected.trailers().and_then(|trailers| trailers.get("grpc-status")).cloned();
        assert_eq!(status, Some(HeaderValue::from_static("0")));
        let bytes = collected.to_bytes();
        let (prefix, message) = bytes.split_at(PREFIX_BYTES);
        let prefix_says = usize::from(prefix[3]) * 256 + usize::from(prefix[4]);
        assert_eq!((prefix[0], prefix_says, message.len()), (0, length, length));
    }
}
