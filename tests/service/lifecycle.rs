//! F-16, FI-9: a stop drains first, cuts at a deadline, and counts what was cut. F-23: panics.

use std::sync::atomic::Ordering;
use std::time::Duration;

use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use gatepost::server::Fault;
use gatepost::testing::Loading;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt as _;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::frames::{
    Attacker, CHECK, DATA, END_HEADERS, END_STREAM, Frame, HEADERS, PING, call, frame, literal, message, nth_stream,
};
use super::support::{SESSION_COOKIE, Setup, TestApp, check, eventually, status, within};

fn waiting() -> Setup {
    let mut setup = Setup { loading: Loading::Waits, ..Setup::default() };
    setup.limits.grpc.call_deadline = Duration::from_secs(60);
    setup
}

#[tokio::test]
async fn f_16_a_stop_is_announced_and_what_runs_is_finished() {
    let mut setup = waiting();
    setup.shutdown.delay = Duration::from_secs(1);
    let app = TestApp::start(setup).await;
    let mut checks = app.checks().await;
    let running = tokio::spawn(async move { checks.check(check("/", Some(SESSION_COOKIE))).await });
    eventually(async || app.store.loads.load(Ordering::SeqCst) == 1).await;
    let mut health = HealthClient::new(app.channel().await);
    let asked = || HealthCheckRequest { service: String::new() };
    let mut watch = within(health.watch(asked())).await.expect("is known").into_inner();
    let mut said = async || within(watch.next()).await.map(|status| status.expect("is a status").status());
    assert_eq!(said().await, Some(ServingStatus::Serving));

    app.ask_to_stop();
    assert_eq!(said().await, Some(ServingStatus::NotServing));
    let ready = app.admin("/readyz").await;
    assert_eq!(ready.status(), 503);
    assert!(ready.text.ends_with("not ready: draining\n"), "{ready:?}");
    let mut late = app.checks().await;
    let answer = within(late.check(check("/", None))).await.expect("is served during the delay").into_inner();
    assert_eq!(status(&answer), 302);
    assert_eq!(said().await, None, "watches end with the delay");
    for address in [app.addresses.grpc, app.addresses.http.expect("listens")] {
        eventually(async || TcpStream::connect(address).await.is_err()).await;
    }
    assert_eq!(app.admin("/livez").await.status(), 200);

    app.store.permits.add_permits(1);
    let answer = within(running).await.expect("does not panic").expect("is answered").into_inner();
    assert_eq!(status(&answer), 302);
    assert_eq!(app.ended().await.expect("stops cleanly"), 0);
}

#[tokio::test]
async fn what_does_not_finish_is_cut_and_counted() {
    let mut setup = waiting();
    setup.shutdown.grace = Duration::from_millis(200);
    let app = TestApp::start(setup).await;
    let mut checks = app.checks().await;
    let running = tokio::spawn(async move { checks.check(check("/", Some(SESSION_COOKIE))).await });
    eventually(async || app.store.loads.load(Ordering::SeqCst) == 1).await;
    app.ask_to_stop();
    assert_eq!(app.ended().await.expect("stops by itself"), 1);
    assert!(within(running).await.expect("does not panic").is_err(), "the caller is told");
}

#[tokio::test]
async fn fi_9_a_second_signal_ends_at_once() {
    let mut setup = waiting();
    setup.shutdown.delay = Duration::from_secs(600);
    let app = TestApp::start(setup).await;
    app.ask_to_stop();
    app.ask_to_stop();
    assert!(matches!(app.ended().await, Err(Fault::StoppedAtOnce)));
}

#[tokio::test]
async fn f_23_a_panic_refuses_that_request_only() {
    let app = TestApp::start(Setup { loading: Loading::Panics, ..Setup::default() }).await;
    let mut checks = app.checks().await;
    let before = app.metric("gatepost_panics_total{listener=\"grpc\"}").await.unwrap_or(0.0);
    let refused = within(checks.check(check("/", Some(SESSION_COOKIE)))).await.expect_err("is refused");
    assert_eq!(refused.code(), Code::Internal);
    let answer = within(checks.check(check("/", None))).await.expect("lives on").into_inner();
    assert_eq!(status(&answer), 302);
    let path = "/outpost.goauthentik.io/sign_out";
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: wiki.example.com\r\nSec-Fetch-Site: none\r\nCookie: {SESSION_COOKIE}\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(app.http(&request).await.status(), 500);
    assert!(app.metric("gatepost_panics_total{listener=\"grpc\"}").await.is_some_and(|count| count > before));
    drop(checks);
    app.stop().await;
}

#[tokio::test]
async fn fi_2_an_answer_leaves_before_the_deadline() {
    let mut setup = Setup { loading: Loading::Waits, ..Setup::default() };
    setup.limits.grpc.call_deadline = Duration::from_millis(50);
    let app = TestApp::start(setup).await;
    let mut checks = app.checks().await;
    let answer = within(checks.check(check("/", Some(SESSION_COOKIE)))).await.expect("is answered").into_inner();
    assert_eq!(status(&answer), 503);
    let Some(HttpResponse::DeniedResponse(denied)) = answer.http_response else { panic!("is a denial") };
    assert!(denied.body.contains("Try again</a>"), "a page load gets a page: {}", denied.body);
    drop(checks);
    app.stop().await;
}

/// Two running Checks, each of which waits for the store.
async fn two_that_wait(
    app: &TestApp,
    checks: &AuthorizationClient<Channel>,
) -> Vec<JoinHandle<Result<Response<CheckResponse>, Status>>> {
    let running: Vec<_> = (0..2)
        .map(|_| {
            let mut checks = checks.clone();
            tokio::spawn(async move { checks.check(check("/", Some(SESSION_COOKIE))).await })
        })
        .collect();
    eventually(async || app.store.loads.load(Ordering::SeqCst) == 2).await;
    running
}

#[tokio::test]
async fn checks_beyond_the_bound_are_shed() {
    let mut setup = waiting();
    setup.limits.grpc.max_concurrent_calls = 2;
    let app = TestApp::start(setup).await;
    let checks = app.checks().await;
    let running = two_that_wait(&app, &checks).await;
    let shed = within(checks.clone().check(check("/", None))).await.expect_err("is shed");
    assert_eq!(shed.code(), Code::ResourceExhausted);
    app.store.permits.add_permits(2);
    for check in running {
        assert!(within(check).await.expect("does not panic").is_ok());
    }
    assert!(within(checks.clone().check(check("/", None))).await.is_ok());
    drop(checks);
    app.stop().await;
}

#[tokio::test]
async fn a_call_counts_among_those_that_run_once_its_message_is_there() {
    let mut setup = waiting();
    setup.limits.grpc.max_concurrent_calls = 2;
    let app = TestApp::start(setup).await;
    let mut sender = Attacker::connect(app.addresses.grpc).await;
    let (empty, mut trailers) = (message(0, b""), Vec::new());
    literal(&mut trailers, 0, b"x-more", b"none");
    sender.send(HEADERS, END_HEADERS, 1, &call(CHECK)).await;
    sender.send(DATA, 0, 1, &empty[..3]).await;
    sender.send(PING, 0, 0, b"12345678").await;
    sender.hears(|heard| heard.count(PING) > 0).await;
    // Half a message takes no permit among the calls that run.
    let checks = app.checks().await;
    let running = two_that_wait(&app, &checks).await;
    // However the message ends, the call then exceeds the limit.
    sender.send(DATA, END_STREAM, 1, &empty[3..]).await;
    let refused = |frame: &Frame, stream| frame.stream == stream && frame.kind == HEADERS;
    sender.hears(|heard| heard.frames.iter().any(|frame| refused(frame, 1))).await;
    sender.send(HEADERS, END_HEADERS, 3, &call(CHECK)).await;
    sender.send(DATA, 0, 3, &empty).await;
    sender.send(HEADERS, END_HEADERS | END_STREAM, 3, &trailers).await;
    sender.hears(|heard| heard.frames.iter().any(|frame| refused(frame, 3))).await;
    app.store.permits.add_permits(2);
    for check in running {
        assert!(within(check).await.expect("does not panic").is_ok());
    }
    sender.send(HEADERS, END_HEADERS, 5, &call(CHECK)).await;
    sender.send(DATA, END_STREAM, 5, &empty).await;
    sender.hears(|heard| heard.frames.iter().any(|frame| frame.stream == 5 && frame.kind == DATA)).await;
    let heard = sender.done().await;
    let answered: Vec<_> = heard.frames.iter().filter(|frame| frame.kind == DATA).map(|frame| frame.stream).collect();
    assert_eq!(answered, [5], "those before were refused");
    drop(checks);
    app.stop().await;
}

#[tokio::test]
async fn a_burst_of_messages_on_their_way_has_no_check_shed() {
    let mut setup = Setup::default();
    setup.limits.grpc.max_concurrent_calls = 1;
    setup.limits.grpc.call_deadline = Duration::from_millis(200);
    let app = TestApp::start(setup).await;
    let mut sender = Attacker::connect(app.addresses.grpc).await;
    for n in 0..5 {
        let mut bytes = frame(HEADERS, END_HEADERS, nth_stream(n), &call(CHECK));
        bytes.extend(frame(DATA, 0, nth_stream(n), &message(1000, b"half")));
        assert!(sender.raw(&bytes).await);
    }
    // They are given up one after the other; meanwhile the next one is waited for.
    sender.hears(|heard| heard.count(HEADERS) > 0).await;
    let mut checks = app.checks().await;
    let answer = within(checks.check(check("/", None))).await.expect("waits its turn").into_inner();
    assert_eq!(status(&answer), 302);
    sender.hears(|heard| heard.count(HEADERS) == 5).await;
    drop((sender, checks));
    app.stop().await;
}
