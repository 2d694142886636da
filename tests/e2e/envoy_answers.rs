//! How the real Envoy interprets each part of an answer. Gatepost's own answers rely on it; `ARCHITECTURE.md` lists the
//! versions of Envoy on which the same was seen.

use std::net::{Ipv4Addr, SocketAddr};

use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::authorization_server::{Authorization, AuthorizationServer};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse, DeniedHttpResponse, OkHttpResponse};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::rpc::Status;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;

use crate::support::application::{Application, Seen};
use crate::support::envoy::{Envoy, Ports, Scenario, shipped};
use crate::support::ports::free_port;
use crate::support::raw;

/// An authorization service that always gives the same answer.
struct Always(CheckResponse);

#[tonic::async_trait]
impl Authorization for Always {
    async fn check(&self, _: tonic::Request<CheckRequest>) -> Result<tonic::Response<CheckResponse>, tonic::Status> {
        Ok(tonic::Response::new(self.0.clone()))
    }
}

/// The shipped Envoy file in front of an application, with that service in place of Gatepost.
struct Stage {
    _envoy: Envoy,
    service: JoinHandle<()>,
    _application: Application,
    front: u16,
    _folder: TempDir,
}

impl Stage {
    async fn start(answer: CheckResponse) -> Self {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.expect("a port");
        let grpc = listener.local_addr().expect("its address").port();
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_serving::<AuthorizationServer<Always>>().await;
        let server = Server::builder().add_service(health).add_service(AuthorizationServer::new(Always(answer)));
        let service = tokio::spawn(async move {
            server.serve_with_incoming(TcpListenerStream::new(listener)).await.expect("a server");
        });
        let application = Application::start();
        let [front, admin, http] = [(); 3].map(|()| free_port());
        let ports = Ports { front, admin, grpc, http, application: application.port };
        let folder = tempfile::tempdir().expect("a folder");
        let envoy = Envoy::start(&shipped(Scenario::InsideTheCheck, ports), admin, folder.path()).await;
        Self { _envoy: envoy, service, _application: application, front, _folder: folder }
    }

    /// The answer to a request with cookies, and the request that reached the application.
    async fn ask(&self) -> (String, Option<Seen>) {
        let answer = raw::get_with(self.front, "wiki.demo.localhost", "/private", &[("Cookie", "own=1; app=1")]).await;
        let seen = Seen::from_body(raw::body(&answer));
        (answer, seen)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.service.abort();
    }
}

fn line(key: &str, value: &str, raw_value: &[u8]) -> HeaderValueOption {
    let header = HeaderValue { key: key.to_owned(), value: value.to_owned(), raw_value: raw_value.to_vec() };
    let append_action = HeaderAppendAction::OverwriteIfExistsOrAdd.into();
    HeaderValueOption { header: Some(header), append_action, ..HeaderValueOption::default() }
}

fn answer(code: i32, http_response: HttpResponse) -> CheckResponse {
    let status = Some(Status { code, ..Status::default() });
    CheckResponse { status, http_response: Some(http_response), ..CheckResponse::default() }
}

fn denial(status: i32, headers: Vec<HeaderValueOption>) -> CheckResponse {
    let denied = DeniedHttpResponse { status: Some(HttpStatus { code: status }), headers, body: String::new() };
    answer(16, HttpResponse::DeniedResponse(denied))
}

/// `raw_value` is for what Envoy sends, not for what it receives: in an answer Envoy takes it for an empty value, and
/// ignores it beside `value`.
#[tokio::test(flavor = "multi_thread")]
async fn envoy_does_not_read_raw_values() {
    let lines = |name: &str| vec![line(name, "", b"raw"), line(&format!("{name}-both"), "text", b"raw")];
    let allowed = OkHttpResponse {
        headers: [vec![line("cookie", "", b"app=1")], lines("x-request")].concat(),
        response_headers_to_add: lines("x-response"),
        ..OkHttpResponse::default()
    };
    let stage = Stage::start(answer(0, HttpResponse::OkResponse(allowed))).await;
    let (answer, seen) = stage.ask().await;
    let seen = seen.unwrap_or_else(|| panic!("not the application's answer: {answer}"));
    assert_eq!((seen.header("cookie"), seen.header("x-request")), (Some(""), Some("")), "{seen:?}");
    assert_eq!(seen.header("x-request-both"), Some("text"));
    assert!(answer.contains("x-response: \r\n") && answer.contains("x-response-both: text\r\n"), "{answer}");

    let stage = Stage::start(denial(401, lines("x-denied"))).await;
    let (answer, _) = stage.ask().await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.contains("x-denied: \r\n") && answer.contains("x-denied-both: text\r\n"), "{answer}");
}

/// What Gatepost sends instead of raw values: text in `value`, names to remove, several cookies, and every status that it
/// uses.
#[tokio::test(flavor = "multi_thread")]
async fn envoy_honours_what_gatepost_relies_on() {
    let allowed = OkHttpResponse {
        headers: vec![line("cookie", "app=1; n=café", b""), line("x-blank", "", b"")],
        headers_to_remove: vec!["X-Unknown".to_owned(), "user-agent".to_owned()],
        ..OkHttpResponse::default()
    };
    let stage = Stage::start(answer(0, HttpResponse::OkResponse(allowed))).await;
    let (answer, seen) = stage.ask().await;
    let seen = seen.unwrap_or_else(|| panic!("not the application's answer: {answer}"));
    assert_eq!((seen.header("cookie"), seen.header("x-blank")), (Some("app=1; n=café"), Some("")));

    for status in [200, 204, 302, 303, 400, 401, 403, 404, 405, 431, 500, 503] {
        let append = HeaderAppendAction::AppendIfExistsOrAdd.into();
        let cookie = |value| HeaderValueOption { append_action: append, ..line("set-cookie", value, b"") };
        let stage = Stage::start(denial(status, vec![cookie("a=1"), cookie("b=2"), line("allow", "GET", b"")])).await;
        let (answer, _) = stage.ask().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        for expected in ["set-cookie: a=1\r\n", "set-cookie: b=2\r\n", "allow: GET\r\n"] {
            assert!(answer.contains(expected), "{answer}");
        }
    }
}
