//! One request over HTTP/1.1. No proxy of the environment applies: the listener is on this machine.

use std::error::Error as _;

use http::header::{CONNECTION, HOST};
use http::uri::Authority;
use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::fault::{ANSWER_TIMEOUT, PATH, Unhealthy};

/// Asks the metrics listener at `address`.
pub(in crate::cli) async fn ping(address: &Authority) -> Result<(), Unhealthy> {
    let late = |_| Err(Unhealthy::Late(address.clone()));
    match timeout(ANSWER_TIMEOUT, status(address)).await.unwrap_or_else(late)? {
        StatusCode::NO_CONTENT => Ok(()),
        other => Err(Unhealthy::Status(address.clone(), other)),
    }
}

async fn status(address: &Authority) -> Result<StatusCode, Unhealthy> {
    let stream = TcpStream::connect(address.as_str()).await;
    let stream = stream.map_err(|fault| Unhealthy::Unreachable(address.clone(), fault))?;
    let broken = |fault: hyper::Error| {
        let cause = fault.source().map_or_else(|| fault.to_string(), ToString::to_string);
        Unhealthy::NoAnswer(address.clone(), cause)
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // It ends with the runtime at the latest; the request reports why it ended.
    tokio::spawn(connection);
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = http::Uri::from_static(PATH);
    let headers = request.headers_mut();
    if let Ok(host) = address.as_str().parse() {
        headers.insert(HOST, host);
    }
    headers.insert(CONNECTION, http::HeaderValue::from_static("close"));
    Ok(sender.send_request(request).await.map_err(broken)?.status())
}
