//! Health, reflection, readiness, metrics.

use gatepost::telemetry::names::ALL;
use tokio_stream::StreamExt as _;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use super::support::{Setup, TestApp, check, exchange, status, within};

const AUTHORIZATION: &str = "envoy.service.auth.v3.Authorization";

fn asked(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

#[tokio::test]
async fn health_knows_the_server_and_its_service_and_nothing_else() {
    let app = TestApp::start(Setup::default()).await;
    let mut health = HealthClient::new(app.channel().await);
    for name in ["", AUTHORIZATION] {
        let answer = within(health.check(asked(name))).await.expect("is known").into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{name:?}");
        let mut watch = within(health.watch(asked(name))).await.expect("is known").into_inner();
        let first = within(watch.next()).await.expect("says something").expect("is a status");
        assert_eq!(first.status(), ServingStatus::Serving);
    }
    let unknown = within(health.check(asked("nobody"))).await.expect_err("is unknown");
    assert_eq!(unknown.code(), Code::NotFound);
    drop(health);
    app.stop().await;
}

#[tokio::test]
async fn reflection_lists_the_services_and_knows_their_files() {
    let app = TestApp::start(Setup::default()).await;
    let mut reflection = ServerReflectionClient::new(app.channel().await);
    let mut ask = async |question: MessageRequest| {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
        let mut answers = within(reflection.server_reflection_info(tokio_stream::once(request)))
            .await
            .expect("is served")
            .into_inner();
        within(answers.next()).await.expect("is answered").expect("is no error").message_response
    };
    let Some(MessageResponse::ListServicesResponse(list)) = ask(MessageRequest::ListServices(String::new())).await
    else {
        panic!("is no list")
    };
    let names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
    for name in [AUTHORIZATION, "grpc.health.v1.Health"] {
        assert!(names.iter().any(|own| own == name), "{names:?}");
        let file = ask(MessageRequest::FileContainingSymbol(name.to_owned())).await;
        assert!(matches!(file, Some(MessageResponse::FileDescriptorResponse(_))), "{file:?}");
    }
    drop(reflection);
    app.stop().await;
}

/// Every metric on the page has the type, the help text and the labels of the table; none is a summary.
fn stands_in_the_table(page: &str) {
    let types: Vec<(&str, &str)> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    assert!(types.len() > 5, "{page}");
    for (name, kind) in types {
        let metric = ALL.iter().find(|metric| metric.name == name);
        let metric = metric.unwrap_or_else(|| panic!("{name} is not in the table"));
        assert_eq!(metric.kind.as_str(), kind, "{name}");
        assert!(page.contains(&format!("# HELP {name} {}\n", metric.help)), "{name}");
        let samples = page.lines().filter_map(|line| line.strip_prefix(name)?.split_once('{')?.1.split_once("} "));
        for (labels, _) in samples.filter(|(_, value)| value.parse::<f64>().is_ok()) {
            let known = |label: &&str| metric.labels.contains(label) || *label == "le";
            let names = labels.split("\",").filter_map(|label| Some(label.split_once('=')?.0));
            let strange: Vec<&str> = names.filter(|label| !known(label)).collect();
            assert!(strange.is_empty(), "{name}: {strange:?}");
        }
    }
}

#[tokio::test]
async fn probes_and_metrics_have_a_port_of_their_own() {
    let app = TestApp::start(Setup::default()).await;
    let (live, ready) = (app.admin("/livez").await, app.admin("/readyz").await);
    assert_eq!((live.status(), ready.status()), (200, 200), "{ready:?}");
    for path in ["/", "/livez/", "/outpost.goauthentik.io/ping/", "/outpost.goauthentik.io/start", "/debug/pprof"] {
        assert_eq!(app.admin(path).await.status(), 404, "{path}");
    }
    for path in ["/metrics", "/livez", "/readyz", "/debug", "/admin"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: wiki.example.com\r\nConnection: close\r\n\r\n");
        assert_eq!(app.http(&request).await.status(), 404, "{path} is not public");
    }
    app.stop().await;
}

#[tokio::test]
async fn probes_are_read_and_nothing_else() {
    let app = TestApp::start(Setup::default()).await;
    let ask = async |method: &str, path: &str| {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n");
        exchange(app.addresses.metrics, request.as_bytes()).await
    };
    for path in ["/livez", "/readyz", "/metrics", "/outpost.goauthentik.io/ping", "/nowhere"] {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "X"] {
            let reply = ask(method, path).await;
            assert_eq!((reply.status(), reply.header("allow")), (405, Some("GET, HEAD")), "{method} {path}: {reply:?}");
            assert!(reply.text.ends_with("\r\n\r\nMethod Not Allowed\n"), "{reply:?}");
        }
    }
    for (path, expected) in
        [("/livez?x=1", 200), ("/readyz", 200), ("/metrics", 200), ("/nowhere", 404), ("/live%7a", 404)]
    {
        let (got, head) = (ask("GET", path).await, ask("HEAD", path).await);
        assert_eq!((got.status(), head.status()), (expected, expected), "{path}");
        assert_eq!(got.header("cache-control"), Some("no-store"), "{path}: {got:?}");
        assert!(head.text.ends_with("\r\n\r\n"), "{path}: {head:?}");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_ping_is_answered_alike_on_every_listener() {
    let app = TestApp::start(Setup::default()).await;
    for address in [app.addresses.metrics, app.addresses.http.expect("listens")] {
        for method in ["GET", "HEAD"] {
            let request =
                format!("{method} /outpost.goauthentik.io/ping HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n");
            let reply = exchange(address, request.as_bytes()).await;
            assert_eq!(reply.status(), 204, "{address} {method}: {reply:?}");
            assert!(reply.text.ends_with("\r\n\r\n"), "{reply:?}");
            let headers = ["cache-control", "x-content-type-options", "content-type", "content-length"];
            let headers = headers.map(|name| reply.header(name));
            assert_eq!(headers, [Some("no-store"), Some("nosniff"), None, None], "{reply:?}");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn every_decision_is_counted_under_closed_labels() {
    let app = TestApp::start(Setup::default()).await;
    let redirects = "gatepost_decisions_total{protocol=\"ext_authz\",application=\"wiki\",decision=\"redirect\",reason=\"sign_in_started\"}";
    let before = app.metric(redirects).await.unwrap_or(0.0);
    let mut checks = app.checks().await;
    for (path, expected) in [("/", 302), ("/page", 302), ("/public/a", 200)] {
        let answer = within(checks.check(check(path, None))).await.expect("is answered").into_inner();
        assert_eq!(status(&answer), expected, "{path}");
    }
    assert!(app.metric(redirects).await.is_some_and(|count| count >= before + 2.0));
    let page = app.admin("/metrics").await;
    assert_eq!(page.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for line in [
        "# HELP gatepost_decisions_total ",
        "gatepost_decision_seconds_bucket{protocol=\"ext_authz\",le=\"0.01\"} ",
        "gatepost_build_info{version=\"",
        "gatepost_connections_open{listener=\"grpc\"} ",
        "reason=\"public_path\"",
    ] {
        assert!(page.text.contains(line), "{line} is missing in {}", page.text);
    }
    stands_in_the_table(&page.text);
    drop(checks);
    app.stop().await;
}
