//! A fake authentik: the outpost API, the WebSocket and the OpenID Provider of each application, on one port of 127.0.0.1, with
//! its state in memory. Tests change the state and the replies while it runs, and read what it received.
//!
//! Other test crates include it with `#[cfg(test)] #[path = "../authentik/fake/mod.rs"] mod fake;`, and with
//! `#[expect(dead_code, reason = "…")]` where they use a part of it. Usage:
//! `FakeAuthentik::start().await`, `fake.change(|state| …)` for outposts, providers, certificates and replies,
//! `fake.until(|log| …)` to wait for what a client does, `fake.push(…)` to send on all WebSockets.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, Method, Request, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Notify, broadcast};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

pub(crate) mod answers;
mod oidc;
mod socket;

use answers::FakeCertificate;
pub(crate) use socket::{Push, SocketLog};

/// The outpost of a new fake.
pub(crate) const OUTPOST: &str = "3b1c0e0e-5a55-4d7c-9d0e-0c6f6f0f2a11";
/// Its token.
pub(crate) const TOKEN: &str = "outpost-token-0123456789";
/// The user who signs in, and the `sid` of the session.
pub(crate) const SUBJECT: &str = "hashed-user-id";
pub(crate) const SID: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// What the fake knows.
pub(crate) struct State {
    /// The token of the outpost's service account.
    pub(crate) token: String,
    /// Whether the token may list the applications; an administrator's may not.
    pub(crate) is_service_account: bool,
    pub(crate) outposts: Vec<Value>,
    pub(crate) providers: Vec<Value>,
    pub(crate) certificates: Vec<FakeCertificate>,
    /// The largest size of a page, also where a larger one is asked for.
    pub(crate) page_size: usize,
    /// How requests are answered whose path and query contain this text; the first one counts.
    pub(crate) replies: Vec<(&'static str, Reply)>,
    /// Edits lists before they are sent.
    pub(crate) edit: fn(Value) -> Value,
    /// Whether HELLOs are answered.
    pub(crate) acknowledges: bool,
    /// The status with which WebSockets are refused.
    pub(crate) refuses_sockets: Option<u16>,
    /// The time of the tokens it issues, in seconds since the Unix epoch.
    pub(crate) now: u64,
    grants: Vec<oidc::Grant>,
}

/// How a request is answered.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// With this status, content type and body.
    Text(u16, &'static str, String),
    /// With a redirect to this address.
    Redirect(String),
    /// Properly, but with the first half of the body only, as if it were the whole.
    Half,
    /// With half of the body, then the connection is closed.
    CutOff,
    /// Never.
    Stall,
    /// By closing the connection.
    Close,
    /// With this many bytes of JSON.
    Huge(usize),
}

/// One request as it was received.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Recorded {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Scheme and host by which this request was sent, as authentik sees them.
    fn origin(&self, scheme: &str) -> String {
        let scheme = self.header("x-forwarded-proto").unwrap_or(scheme);
        format!("{scheme}://{}", self.header("host").unwrap_or_default())
    }
}

/// What was received.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) requests: Vec<Recorded>,
    pub(crate) sockets: Vec<SocketLog>,
    /// The bodies of `POST /events/events/`.
    pub(crate) events: Vec<Value>,
}

impl Log {
    /// The requests whose path ends with this.
    pub(crate) fn requests_to(&self, suffix: &str) -> Vec<&Recorded> {
        self.requests.iter().filter(|request| request.path.ends_with(suffix)).collect()
    }

    /// All HELLOs, on all WebSockets.
    pub(crate) fn hellos(&self) -> usize {
        self.sockets.iter().map(|socket| socket.hellos.len()).sum()
    }
}

struct Inner {
    scheme: &'static str,
    /// The path below which it is installed, such as `/auth`.
    prefix: String,
    state: Mutex<State>,
    log: Mutex<Log>,
    changed: Notify,
    pushes: broadcast::Sender<Push>,
}

/// The fake; it stops when dropped, connections included.
pub(crate) struct FakeAuthentik {
    inner: Arc<Inner>,
    address: SocketAddr,
    host: &'static str,
    task: JoinHandle<()>,
}

impl Drop for FakeAuthentik {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FakeAuthentik {
    /// Starts at the root of a free port.
    pub(crate) async fn start() -> Self {
        Self::start_below("").await
    }

    /// Starts below a path, such as `/auth`.
    pub(crate) async fn start_below(prefix: &str) -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), prefix, None).await
    }

    /// Starts with TLS, under the name `localhost`.
    pub(crate) async fn start_tls(acceptor: TlsAcceptor) -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), "", Some(acceptor)).await
    }

    pub(crate) async fn start_at(address: SocketAddr, prefix: &str, acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (scheme, host) = if acceptor.is_some() { ("https", "localhost") } else { ("http", "127.0.0.1") };
        let state = State {
            token: TOKEN.to_owned(),
            is_service_account: true,
            outposts: vec![answers::outpost(OUTPOST)],
            providers: vec![answers::provider(7, "wiki", "https://wiki.example.com")],
            certificates: Vec::new(),
            page_size: 100,
            replies: Vec::new(),
            edit: |list| list,
            acknowledges: true,
            refuses_sockets: None,
            now: gatepost::testing::NOW,
            grants: Vec::new(),
        };
        let inner = Arc::new(Inner {
            scheme,
            prefix: prefix.to_owned(),
            state: Mutex::new(state),
            log: Mutex::default(),
            changed: Notify::new(),
            pushes: broadcast::channel(1024).0,
        });
        let task = tokio::spawn(serve(listener, acceptor, Arc::clone(&inner)));
        Self { inner, address, host, task }
    }

    /// Its address with the path below which it is installed, without a final slash.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}:{}{}", self.inner.scheme, self.host, self.address.port(), self.inner.prefix)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the state from now on.
    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.inner.state.lock().unwrap());
    }

    /// Answers requests whose path and query contain `text` in this way from now on.
    pub(crate) fn reply(&self, text: &'static str, reply: Reply) {
        self.change(|state| state.replies.insert(0, (text, reply)));
    }

    /// What was received so far.
    pub(crate) fn log<T>(&self, read: impl FnOnce(&Log) -> T) -> T {
        read(&self.inner.log.lock().unwrap())
    }

    /// Waits until what was received satisfies `condition`.
    pub(crate) async fn until(&self, condition: impl Fn(&Log) -> bool) {
        let satisfied = async {
            loop {
                let changed = self.inner.changed.notified();
                if self.log(&condition) {
                    return;
                }
                changed.await;
            }
        };
        timeout(Duration::from_secs(30), satisfied).await.expect("it is received within 30 s");
    }

    /// Sends something on all WebSockets that are open.
    pub(crate) fn push(&self, push: Push) {
        self.inner.pushes.send(push).expect("a WebSocket is open");
    }
}

async fn serve(listener: TcpListener, acceptor: Option<TlsAcceptor>, inner: Arc<Inner>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (inner, acceptor) = (Arc::clone(&inner), acceptor.clone());
        connections.spawn(async move {
            match acceptor {
                None => connection(stream, &inner).await,
                // A client that does not trust us is not an error here.
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        connection(stream, &inner).await;
                    }
                }
            }
        });
    }
}

/// One connection, and the WebSocket that it may become: both end with the fake.
async fn connection(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, inner: &Arc<Inner>) {
    let mut sockets = JoinSet::new();
    let (opened, mut upgrades) = tokio::sync::mpsc::unbounded_channel();
    let service = service_fn(|request| respond(inner, request, opened.clone()));
    let http = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // A client that disconnects is not an error either.
    let _ = http.with_upgrades().await;
    drop(opened);
    while let Some((upgraded, number)) = upgrades.recv().await {
        sockets.spawn(socket::run(Arc::clone(inner), upgraded, number));
    }
    while sockets.join_next().await.is_some() {}
}

type Opened = tokio::sync::mpsc::UnboundedSender<(hyper::upgrade::OnUpgrade, usize)>;

async fn respond(inner: &Inner, request: Request<Incoming>, opened: Opened) -> Result<Response<Body>, std::io::Error> {
    let mut request = request;
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let recorded = Recorded {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    inner.log.lock().unwrap().requests.push(recorded.clone());
    inner.changed.notify_waiters();
    if let Some(number) = inner.socket(&recorded) {
        let _ = opened.send((upgrade, number));
        return Ok(socket::switching(&recorded));
    }
    let asked = format!("{}?{}", recorded.path, recorded.query);
    let reply = inner.state.lock().unwrap().replies.iter().find(|(text, _)| asked.contains(text)).cloned();
    let proper = inner.answer(&recorded);
    match reply {
        Some((_, reply)) => replied(&reply, proper).await,
        None => Ok(proper),
    }
}

async fn replied(reply: &Reply, proper: Response<Body>) -> Result<Response<Body>, std::io::Error> {
    let (parts, body) = proper.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let half = body.slice(..body.len() / 2);
    match reply {
        Reply::Text(status, kind, body) => Ok(text(*status, kind, body.clone())),
        Reply::Redirect(to) => {
            Ok(Response::builder().status(302).header(header::LOCATION, to).body(Body::empty()).unwrap())
        }
        Reply::Half => Ok(Response::from_parts(parts, half.into())),
        Reply::CutOff => {
            let chunks = futures_util::stream::iter([Ok(half), Err(std::io::Error::other("cut off"))]);
            Ok(Response::from_parts(parts, Body::from_stream(chunks)))
        }
        Reply::Stall => std::future::pending().await,
        Reply::Close => Err(std::io::Error::other("closed")),
        Reply::Huge(bytes) => Ok(text(200, "application/json", format!("{{\"x\":\"{}\"}}", "x".repeat(*bytes)))),
    }
}

pub(crate) fn text(status: u16, kind: &str, body: String) -> Response<Body> {
    Response::builder().status(status).header(header::CONTENT_TYPE, kind).body(body.into()).unwrap()
}

pub(crate) fn json_answer(status: u16, value: &Value) -> Response<Body> {
    text(status, "application/json", value.to_string())
}

impl Inner {
    fn answer(&self, request: &Recorded) -> Response<Body> {
        let nothing = || text(404, "text/html", "<!DOCTYPE html><title>Not Found</title>".to_owned());
        let Some(path) = request.path.strip_prefix(&self.prefix) else { return nothing() };
        if let Some(path) = path.strip_prefix("/application/o/") {
            return self.oidc(request, path).unwrap_or_else(nothing);
        }
        if path.starts_with("/ws/") {
            let status = self.state.lock().unwrap().refuses_sockets.unwrap_or(403);
            return text(status, "text/plain", String::new());
        }
        let Some(resource) = path.strip_prefix("/api/v3/") else { return nothing() };
        if request.header("authorization") != Some(&format!("Bearer {}", self.state.lock().unwrap().token)) {
            return json_answer(403, &json!({ "detail": "Token invalid/expired" }));
        }
        if resource == "events/events/" && request.method == Method::POST {
            let Ok(event) = serde_json::from_str(&request.body) else { return nothing() };
            self.log.lock().unwrap().events.push(event);
            return json_answer(201, &json!({}));
        }
        self.state.lock().unwrap().resource(
            resource,
            request,
            &format!("{}{}", request.origin(self.scheme), self.prefix),
        )
    }

    /// The number of the WebSocket that this request opens, if it opens one.
    fn socket(&self, request: &Recorded) -> Option<usize> {
        let outpost = request.path.strip_prefix(&self.prefix)?.strip_prefix("/ws/outpost/")?.strip_suffix('/')?;
        let state = self.state.lock().unwrap();
        let is_known = state.outposts.iter().any(|known| known["pk"] == outpost);
        let is_permitted = request.header("authorization") == Some(&format!("Bearer {}", state.token));
        if !is_known || !is_permitted || state.refuses_sockets.is_some() {
            return None;
        }
        let mut log = self.log.lock().unwrap();
        log.sockets.push(SocketLog { request: request.clone(), hellos: Vec::new(), is_open: true });
        Some(log.sockets.len() - 1)
    }
}

/// An address of 127.0.0.1 at which nothing listens.
pub(crate) async fn dead_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap()
}
