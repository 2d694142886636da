//! HTTP/1.1 as raw bytes, for what a well-behaved client refuses to send.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends these bytes and reads until the peer closes the connection.
pub(crate) async fn exchange(port: u16, request: &[u8]) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    stream.write_all(request).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

/// One GET whose connection is closed afterwards; `None` when nothing listens.
pub(crate) async fn get(port: u16, path: &str) -> Option<String> {
    exchange(port, format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n").as_bytes()).await
}

/// One GET with exactly these header lines.
pub(crate) async fn get_with(port: u16, host: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let lines = headers.iter().fold(String::new(), |lines, (name, value)| lines + &format!("{name}: {value}\r\n"));
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{lines}Connection: close\r\n\r\n");
    exchange(port, request.as_bytes()).await.expect("an answer")
}

/// The body of a raw answer.
pub(crate) fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// The head of the answer to a WebSocket handshake, and the connection.
pub(crate) async fn open_websocket(port: u16, host: &str, cookies: Option<&str>) -> (String, TcpStream) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the front proxy");
    let cookies = cookies.map(|cookies| format!("Cookie: {cookies}\r\n")).unwrap_or_default();
    let handshake = format!(
        "GET /socket HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Authentik-Username: eve\r\n{cookies}\r\n"
    );
    stream.write_all(handshake.as_bytes()).await.expect("a handshake");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a whole head"));
    }
    (String::from_utf8(head).expect("text"), stream)
}

/// Sends a message over an open WebSocket and expects it back.
pub(crate) async fn expect_echo(socket: &mut TcpStream) {
    // "hi", masked with zeros; RFC 6455 section 5.3 requires unpredictable masks outside of tests.
    socket.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).await.expect("a message");
    let mut echo = [0; 4];
    socket.read_exact(&mut echo).await.expect("its echo");
    assert_eq!(&echo, &[0x81, 2, b'h', b'i']);
}
