//! The protected application: echoes the requests that reach it, over HTTP/1.1, HTTP/2, WebSocket and gRPC, with TLS or
//! without. `/stream` and `/events` answer in two parts, `/upload` counts what it received.

use std::convert::Infallible;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use futures_util::stream;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio_rustls::TlsAcceptor;

use super::json::Json;

/// One request as it reached the application.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Seen {
    /// Parses the application's answer; `None` when the answer is not the application's.
    pub(crate) fn from_body(body: &str) -> Option<Self> {
        let answer = Json::parse(body)?;
        let pairs = answer.0.get("headers")?.as_array()?;
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        Some(Self {
            method: answer.text("method")?.to_owned(),
            path: answer.text("path")?.to_owned(),
            headers: pairs.iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect(),
        })
    }

    /// The value of a header that occurs exactly once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert!(values.next().is_none(), "{name} came more than once: {:?}", self.headers);
        value
    }

    /// Every header whose name a backend could take for one of authentik's.
    pub(crate) fn identity(&self) -> Vec<(&str, &str)> {
        let folded = |name: &str| name.replace(['_', '.'], "-").starts_with("x-authentik-");
        let pairs = self.headers.iter().filter(|(name, _)| folded(name));
        pairs.map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    fn of<B>(request: &Request<B>, server_name: Option<&str>) -> Self {
        let server_name = server_name.map(|name| ("(tls server name)".to_owned(), name.to_owned()));
        Self {
            method: request.method().to_string(),
            path: request.uri().path_and_query().map(ToString::to_string).unwrap_or_default(),
            headers: pairs(request.headers()).into_iter().chain(server_name).collect(),
        }
    }

    /// The server name in the TLS handshake with the application.
    pub(crate) fn server_name(&self) -> Option<&str> {
        self.header("(tls server name)")
    }

    fn to_body(&self) -> String {
        json!({ "method": self.method, "path": self.path, "headers": self.headers }).to_string()
    }
}

fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

/// A running application; it stops when dropped.
pub(crate) struct Application {
    pub(crate) port: u16,
    book: Arc<Book>,
    _stop: oneshot::Sender<()>,
}

#[derive(Default)]
struct Book {
    seen: Mutex<Vec<Seen>>,
    /// Ends the answer to `/stream` and `/events`, whose first part is sent at once.
    end_of_stream: Notify,
}

impl Application {
    pub(crate) fn start() -> Self {
        Self::start_with(None)
    }

    /// Starts an application that accepts TLS only.
    pub(crate) fn start_tls(acceptor: TlsAcceptor) -> Self {
        Self::start_with(Some(acceptor))
    }

    /// Runs on a thread of its own, so that a test that blocks on a program does not block it.
    fn start_with(acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        listener.set_nonblocking(true).expect("a listener for tokio");
        let port = listener.local_addr().expect("its address").port();
        let (stop, stopped) = oneshot::channel();
        let book = Arc::new(Book::default());
        let kept = Arc::clone(&book);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, acceptor, kept) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { port, book, _stop: stop }
    }

    pub(crate) fn end_stream(&self) {
        self.book.end_of_stream.notify_one();
    }

    /// Every request that has reached it so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.book.seen.lock().expect("the book").clone()
    }
}

async fn serve(listener: TcpListener, acceptor: Option<TlsAcceptor>, book: Arc<Book>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let (acceptor, book) = (acceptor.clone(), Arc::clone(&book));
        tokio::spawn(async move {
            match acceptor {
                Some(acceptor) => serve_tls(stream, acceptor, book).await,
                None => serve_connection(stream, None, book).await,
            }
        });
    }
}

/// A connection whose peer rejects our certificate is closed.
async fn serve_tls(stream: TcpStream, acceptor: TlsAcceptor, book: Arc<Book>) {
    if let Ok(stream) = acceptor.accept(stream).await {
        let server_name = stream.get_ref().1.server_name().map(str::to_owned);
        serve_connection(stream, server_name, book).await;
    }
}

async fn serve_connection<S>(stream: S, server_name: Option<String>, book: Arc<Book>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let answer = move |request| {
        let (server_name, book) = (server_name.clone(), Arc::clone(&book));
        async move { Ok::<_, Infallible>(answer(request, server_name.as_deref(), &book).await) }
    };
    let server = auto::Builder::new(TokioExecutor::new());
    // Connections end when the peer disconnects; that is not an error here.
    let _ = server.serve_connection_with_upgrades(TokioIo::new(stream), service_fn(answer)).await;
}

type Body = BoxBody<Bytes, Infallible>;

async fn answer(mut request: Request<Incoming>, server_name: Option<&str>, book: &Arc<Book>) -> Response<Body> {
    let seen = Seen::of(&request, server_name);
    book.seen.lock().expect("the book").push(seen.clone());
    match seen.path.as_str() {
        "/stream" => return streamed_answer(["first line\n", "last line\n"], Arc::clone(book)),
        "/events" => return events(Arc::clone(book)),
        "/upload" => return counted(request.into_body()).await,
        _ => {}
    }
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    if header("content-type").is_some_and(|kind| kind.starts_with("application/grpc")) {
        return grpc_answer();
    }
    if let Some(key) = header("sec-websocket-key").map(str::to_owned) {
        let upgraded = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            if let Ok(connection) = upgraded.await {
                echo_one_message(TokioIo::new(connection)).await;
            }
        });
        return websocket_accepted(&key);
    }
    let body = Full::new(Bytes::from(seen.to_body())).boxed();
    Response::builder().header("content-type", "application/json").body(body).expect("an answer")
}

/// Server-sent events: each is a line that begins with `data:`, and an empty line.
fn events(book: Arc<Book>) -> Response<Body> {
    let mut answer = streamed_answer(["data: first\n\n", "data: last\n\n"], book);
    answer.headers_mut().insert("content-type", http::HeaderValue::from_static("text/event-stream"));
    answer
}

/// The number of bytes that arrived, once all of them did.
async fn counted(mut body: Incoming) -> Response<Body> {
    let mut bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        bytes += frame.data_ref().map_or(0, Bytes::len);
    }
    Response::new(Full::new(Bytes::from(bytes.to_string())).boxed())
}

/// Sends one part at once, the other when the test allows it.
fn streamed_answer([first, last]: [&'static str; 2], book: Arc<Book>) -> Response<Body> {
    let part = |text: &'static str| Ok(Frame::data(Bytes::from_static(text.as_bytes())));
    let last = stream::once(async move {
        book.end_of_stream.notified().await;
        part(last)
    });
    let first = stream::iter([part(first)]);
    let frames = stream::StreamExt::chain(first, last);
    Response::new(StreamBody::new(frames).boxed())
}

/// The answer of `grpc.health.v1.Health/Check`: SERVING.
fn grpc_answer() -> Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
    let message = Frame::data(Bytes::from_static(&[0, 0, 0, 0, 2, 8, 1]));
    let frames = [message, Frame::trailers(trailers)].map(Ok);
    let body = StreamBody::new(tokio_stream::iter(frames)).boxed();
    Response::builder().header("content-type", "application/grpc").body(body).expect("an answer")
}

/// The answer to a WebSocket handshake (RFC 6455 section 4.2.2).
fn websocket_accepted(key: &str) -> Response<Body> {
    let joined = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, joined.as_bytes());
    let accept = base64::engine::general_purpose::STANDARD.encode(digest);
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-accept", accept)
        .body(Full::default().boxed())
        .expect("an answer")
}

/// Reads one short masked message and sends it back unmasked (RFC 6455 section 5).
async fn echo_one_message<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let mut head = [0_u8; 6];
    if stream.read_exact(&mut head).await.is_err() {
        return;
    }
    let [first, length, mask @ ..] = head;
    let mut payload = vec![0; usize::from(length & 0x7f)];
    if stream.read_exact(&mut payload).await.is_err() {
        return;
    }
    for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
    let mut answer = vec![first, length & 0x7f];
    answer.append(&mut payload);
    let _ = stream.write_all(&answer).await;
    let _ = stream.flush().await;
}
