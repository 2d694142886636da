//! The service, started in process on free ports and stopped by the test that started it.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request as CheckedRequest};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest, CheckResponse};
use gatepost::admin_api::sessions_client::SessionsClient;
use gatepost::domain::application::endpoints::Prefixes;
use gatepost::domain::application::registry::Applications;
use gatepost::domain::application::{Application, Mode};
use gatepost::domain::policy::PublicPaths;
use gatepost::domain::session::{Lifetimes, Session, SessionId, SessionRecord};
use gatepost::inbound::connections::MutualTls;
use gatepost::inbound::forward_auth::ForwardAuthSettings;
use gatepost::inbound::side_listener::TlsIdentity;
use gatepost::outpost::{Outpost, Parts};
use gatepost::ports::{Audit, SessionStore};
use gatepost::server::{Addresses, Bound, Certificates, Fault, Limits, Listen, Service, Shutdown};
use gatepost::testing::{
    CountingEntropy, FakeProvider, FakeStore, Loading, ManualClock, NOW, application, sealing_keys, session_record,
    unavailable,
};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tonic::transport::Channel;

/// The time limit for any step of a test.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// A session cookie that causes a look-up in the store.
pub(crate) const SESSION_COOKIE: &str = "__Host-gatepost-session-wiki=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

pub(crate) struct Setup {
    pub(crate) limits: Limits,
    pub(crate) shutdown: Shutdown,
    pub(crate) loading: Loading,
    /// [`SESSION_COOKIE`] is the cookie of alice's session.
    pub(crate) signed_in: bool,
    /// A real store instead of the fake one.
    pub(crate) sessions: Option<Arc<dyn SessionStore>>,
    pub(crate) admin_tls: Option<MutualTls>,
    pub(crate) audit: Audit,
    pub(crate) tls: Option<TlsIdentity>,
    pub(crate) forward_auth: Option<ForwardAuthSettings>,
    pub(crate) legacy_prefix: bool,
    /// The mode of the only application.
    pub(crate) mode: Mode,
}

impl Default for Setup {
    fn default() -> Self {
        let mut limits = Limits::default();
        limits.grpc.max_concurrent_streams = Some(128);
        limits.grpc.max_local_error_reset_streams = 64;
        let shutdown = Shutdown { delay: Duration::ZERO, grace: Duration::from_secs(10) };
        Self {
            limits,
            shutdown,
            loading: Loading::Answers,
            signed_in: false,
            sessions: None,
            admin_tls: None,
            audit: Audit::default(),
            tls: None,
            forward_auth: None,
            legacy_prefix: false,
            mode: Mode::ForwardSingle,
        }
    }
}

pub(crate) struct TestApp {
    pub(crate) addresses: Addresses,
    pub(crate) store: Arc<FakeStore>,
    stop: mpsc::UnboundedSender<()>,
    run: JoinHandle<Result<usize, Fault>>,
}

impl TestApp {
    pub(crate) async fn start(setup: Setup) -> Self {
        let store = FakeStore::new(setup.loading);
        if setup.signed_in {
            store.put(&SessionId::new([0; 32]).key(), alice());
        }
        let sessions = setup.sessions.unwrap_or_else(|| store.clone());
        let clock = ManualClock::new();
        let provider = FakeProvider::new(clock.clone());
        provider.has_end_session.store(false, Ordering::Relaxed);
        provider.refresh_tokens.answer_with(Some(unavailable));
        let lifetimes = Lifetimes { absolute: Duration::from_secs(3600), idle: Duration::from_secs(600) };
        let parts = Parts {
            applications: Applications::new(vec![wiki(setup.mode)])
                .expect("do not clash")
                .with_prefixes(Prefixes::new(setup.legacy_prefix))
                .into(),
            name: "gatepost".into(),
            lifetimes,
            sealing: sealing_keys(7),
            store: Arc::clone(&sessions),
            provider: Arc::new(provider),
            clock: clock.clone(),
            entropy: Arc::new(CountingEntropy::default()),
            audit: setup.audit,
        };
        let service = Service {
            outpost: Arc::new(Outpost::new(parts).expect("has entropy")),
            store: sessions,
            clock,
            lifetimes,
            applications: vec!["wiki".into()],
            certificates: Certificates::new(setup.tls.into_iter().collect(), vec!["wiki.example.com".into()]).unwrap(),
            admin_tls: setup.admin_tls,
            forward_auth: setup.forward_auth,
            limits: setup.limits,
            shutdown: setup.shutdown,
        };
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listen = Listen { grpc: any, http: Some(any), https: Some(any), metrics: any, admin: Some(any) };
        let bound = Bound::bind(service, &listen).await.expect("binds free ports");
        let addresses = bound.addresses();
        let (stop, mut stops) = mpsc::unbounded_channel();
        let run = tokio::spawn(bound.run(std::future::pending(), async move || {
            if stops.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
        }));
        Self { addresses, store, stop, run }
    }

    /// Sends one request to stop.
    pub(crate) fn ask_to_stop(&self) {
        self.stop.send(()).expect("still runs");
    }

    /// Waits for the end; returns how many connections were cut.
    pub(crate) async fn ended(self) -> Result<usize, Fault> {
        within(self.run).await.expect("does not panic")
    }

    pub(crate) async fn stop(self) {
        self.ask_to_stop();
        self.ended().await.expect("stops cleanly");
    }

    pub(crate) async fn channel(&self) -> Channel {
        let endpoint = Channel::from_shared(format!("http://{}", self.addresses.grpc)).expect("is an address");
        within(endpoint.connect()).await.expect("connects")
    }

    /// A client of the admin port.
    pub(crate) async fn operator(&self) -> SessionsClient<Channel> {
        let address = self.addresses.admin.expect("listens");
        let endpoint = Channel::from_shared(format!("http://{address}")).expect("is an address");
        // The client's own buffering is not part of any test.
        let endpoint = endpoint.initial_stream_window_size(65_535);
        SessionsClient::new(within(endpoint.connect()).await.expect("connects"))
    }

    pub(crate) async fn checks(&self) -> AuthorizationClient<Channel> {
        AuthorizationClient::new(self.channel().await)
    }

    /// Sends one request unchanged and reads until the connection is closed.
    pub(crate) async fn http(&self, request: &str) -> Reply {
        exchange(self.addresses.http.expect("listens"), request.as_bytes()).await
    }

    pub(crate) async fn admin(&self, path: &str) -> Reply {
        let request = format!("GET {path} HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n");
        exchange(self.addresses.metrics, request.as_bytes()).await
    }

    /// The same from another address of this machine.
    pub(crate) async fn http_from(&self, source: [u8; 4], request: &str) -> Reply {
        let socket = TcpSocket::new_v4().expect("is made");
        socket.bind(SocketAddr::from((source, 0))).expect("is an address of this machine");
        let address = self.addresses.http.expect("listens");
        let mut stream = within(socket.connect(address)).await.expect("connects");
        stream.write_all(request.as_bytes()).await.expect("is taken");
        read_to_close(&mut stream).await
    }

    /// The same over TLS, to a server with this certificate.
    pub(crate) async fn https(&self, certificate: &rcgen::Certificate, request: &str) -> Reply {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der().clone()).expect("is a certificate");
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("has versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(self.addresses.https.expect("listens")).await.expect("connects");
        let name = ServerName::try_from("wiki.example.com").expect("is a name");
        let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
        let mut stream = within(connecting).await.expect("is trusted");
        stream.write_all(request.as_bytes()).await.expect("is taken");
        let mut text = Vec::new();
        // A close without a TLS close_notify is accepted.
        let _ = within(stream.read_to_end(&mut text)).await;
        Reply { text: String::from_utf8_lossy(&text).into_owned() }
    }

    /// The value of a metric's line.
    pub(crate) async fn metric(&self, line: &str) -> Option<f64> {
        let page = self.admin("/metrics").await;
        page.text.lines().find_map(|text| text.strip_prefix(line)?.trim().parse().ok())
    }
}

fn wiki(mode: Mode) -> Application {
    let public_paths = PublicPaths::compile(&["^/public/".to_owned()]).expect("compiles");
    Application { mode, public_paths, ..application("https://wiki.example.com") }
}

/// A session of the wiki; alice has no `email`.
fn alice() -> Session {
    let claims = json!({"preferred_username": "alice", "groups": ["admins", "staff"]});
    Session::restore(SessionRecord {
        id_token: Some("e30.e30.c2ln".into()),
        ..session_record("alice-id", &claims, NOW)
    })
}

/// A Check of a page load at the wiki.
pub(crate) fn check(path: &str, cookie: Option<&str>) -> CheckRequest {
    let mut headers: std::collections::HashMap<String, String> =
        [(":authority", "wiki.example.com"), ("accept", "text/html"), ("sec-fetch-mode", "navigate")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
    headers.extend(cookie.map(|cookie| ("cookie".to_owned(), cookie.to_owned())));
    let http = HttpRequest {
        method: "GET".into(),
        scheme: "https".into(),
        host: "wiki.example.com".into(),
        path: path.into(),
        headers,
        ..HttpRequest::default()
    };
    let request = CheckedRequest { http: Some(http), ..CheckedRequest::default() };
    CheckRequest { attributes: Some(AttributeContext { request: Some(request), ..AttributeContext::default() }) }
}

/// The HTTP status of a denial, or 200.
pub(crate) fn status(response: &CheckResponse) -> i32 {
    use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
    match &response.http_response {
        Some(HttpResponse::DeniedResponse(denied)) => denied.status.as_ref().map_or(0, |status| status.code),
        Some(HttpResponse::OkResponse(_)) => 200,
        Some(HttpResponse::ErrorResponse(_)) | None => 0,
    }
}

/// The bytes received until the connection was closed.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn status(&self) -> u16 {
        self.text.get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (head, _) = self.text.split_once("\r\n\r\n")?;
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Sends bytes, then reads until the peer closes; that it does is part of every test that calls this.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream.write_all(bytes).await.expect("is taken");
    read_to_close(&mut stream).await
}

pub(crate) async fn read_to_close(stream: &mut TcpStream) -> Reply {
    let mut text = Vec::new();
    // A reset after the answer is also a close.
    let _ = within(stream.read_to_end(&mut text)).await;
    Reply { text: String::from_utf8_lossy(&text).into_owned() }
}

pub(crate) async fn within<T>(step: impl Future<Output = T>) -> T {
    timeout(TIMEOUT, step).await.expect("takes no longer than anybody would wait")
}

/// Polls until the condition holds.
pub(crate) async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(asking).await;
}
