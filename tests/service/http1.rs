//! The side listener: which requests it answers, and its limits (F-10, ASVS 4.2.1-4.2.5).

use std::time::Duration;

use gatepost::inbound::side_listener::TlsIdentity;
use gatepost::testing::Loading;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::support::{SESSION_COOKIE, Setup, TestApp, read_to_close, within};

fn get(target: &str, host: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nSec-Fetch-Mode: navigate\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn only_our_own_endpoints_are_answered() {
    let app = TestApp::start(Setup::default()).await;
    for (target, host, expected) in [
        ("/outpost.goauthentik.io/ping", "wiki.example.com", 204),
        ("/outpost.goauthentik.io/ping", "10.1.2.3:9000", 204),
        ("/outpost.goauthentik.io/ping", "gatepost_1:9000", 204),
        ("/outpost.goauthentik.io/start", "wiki.example.com", 302),
        ("/?X-authentik-logout=true", "wiki.example.com", 200),
        ("/outpost.goauthentik.io/nothing", "wiki.example.com", 404),
        ("/", "wiki.example.com", 404),
        ("/public/a", "wiki.example.com", 404),
        ("/outpost.goauthentik.io/start", "other.example.com", 404),
    ] {
        let reply = app.http(&get(target, host)).await;
        assert_eq!(reply.status(), expected, "{target} at {host}: {reply:?}");
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{reply:?}");
    }
    let reply =
        app.http(&get("/outpost.goauthentik.io/start?rd=https://wiki.example.com/page", "wiki.example.com")).await;
    assert!(
        reply.header("location").is_some_and(|to| to.starts_with("https://sso.example.com/authorize?")),
        "{reply:?}"
    );
    assert!(reply.header("set-cookie").is_some_and(|cookie| cookie.contains("__Host-gatepost-binding=")), "{reply:?}");
    app.stop().await;
}

#[tokio::test]
async fn what_names_no_one_host_or_address_is_400() {
    let app = TestApp::start(Setup::default()).await;
    let start = "/outpost.goauthentik.io/start";
    for request in [
        format!("GET {start} HTTP/1.1\r\nConnection: close\r\n\r\n"),
        format!(
            "GET {start} HTTP/1.1\r\nHost: wiki.example.com\r\nHost: wiki.example.com\r\nConnection: close\r\n\r\n"
        ),
        format!("GET {start} HTTP/1.1\r\nHost: wiki.example.com, evil.test\r\nConnection: close\r\n\r\n"),
        format!("GET http://wiki.example.com{start} HTTP/1.1\r\nHost: wiki.example.com\r\nConnection: close\r\n\r\n"),
        format!("GET {start}/%2e%2e/x HTTP/1.1\r\nHost: wiki.example.com\r\nConnection: close\r\n\r\n"),
        format!("GET {start}#x HTTP/1.1\r\nHost: wiki.example.com\r\n\r\n"),
        "CONNECT wiki.example.com:443 HTTP/1.1\r\nHost: wiki.example.com\r\nConnection: close\r\n\r\n".to_owned(),
        "GET * HTTP/1.1\r\nHost: wiki.example.com\r\nConnection: close\r\n\r\n".to_owned(),
    ] {
        let reply = app.http(&request).await;
        assert_eq!(reply.status(), 400, "{request:?}: {reply:?}");
    }
    app.stop().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_said_in_the_clients_words() {
    let app = TestApp::start(Setup::default()).await;
    for (accept, kind) in [("text/html", "text/html; charset=utf-8"), ("application/json", "application/json")] {
        let request = format!(
            "GET /outpost.goauthentik.io/start HTTP/1.1\r\nHost: a,b\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
        );
        let reply = app.http(&request).await;
        assert_eq!((reply.status(), reply.header("content-type")), (400, Some(kind)), "{reply:?}");
        assert_eq!(reply.text.contains("Try again"), accept == "text/html", "{reply:?}");
    }
    app.stop().await;
}

#[tokio::test]
async fn what_is_overdue_is_said_in_the_clients_words() {
    let mut setup = Setup { loading: Loading::Waits, ..Setup::default() };
    setup.limits.http.request_timeout = Duration::from_millis(500);
    let app = TestApp::start(setup).await;
    for (accept, kind) in [("text/html", "text/html; charset=utf-8"), ("application/json", "application/json")] {
        let request = format!(
            "GET /outpost.goauthentik.io/sign_out HTTP/1.1\r\nHost: wiki.example.com\r\nAccept: {accept}\r\n\
             Cookie: {SESSION_COOKIE}\r\nConnection: close\r\n\r\n"
        );
        let reply = app.http(&request).await;
        assert_eq!((reply.status(), reply.header("content-type")), (503, Some(kind)), "{reply:?}");
        assert_eq!(reply.header("retry-after"), Some("5"), "{reply:?}");
        let again = "<a href=\"https://wiki.example.com/outpost.goauthentik.io/sign_out\">Try again</a>";
        assert_eq!(reply.text.contains(again), accept == "text/html", "{reply:?}");
    }
    app.stop().await;
}

#[tokio::test]
async fn asvs_4_2_a_request_that_could_be_cut_in_two_ways_is_400_and_closed() {
    let app = TestApp::start(Setup::default()).await;
    let post = "POST /outpost.goauthentik.io/sign_out HTTP/1.1\r\nHost: wiki.example.com\r\n";
    for rest in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde",
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        "Content-Length: 5, 5\r\n\r\nabcde",
        "Content-Length: +5\r\n\r\nabcde",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "Content-Length : 5\r\n\r\nabcde",
        "\r\nGET /outpost.goauthentik.io/ping HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let reply = app.http(&format!("{post}{rest}")).await;
        assert_eq!(reply.status(), 400, "{rest:?}: {reply:?}");
        assert_eq!(reply.text.matches("HTTP/1.1").count(), 1, "nothing after it is answered: {reply:?}");
    }
    let reply = app.http(&format!("{post}Content-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n")).await;
    assert_eq!(reply.header("connection"), Some("close"), "after a body nothing follows: {reply:?}");
    assert_eq!(reply.text.matches("HTTP/1.1").count(), 1);
    app.stop().await;
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request() {
    let app = TestApp::start(Setup::default()).await;
    let mut stream = TcpStream::connect(app.addresses.http.expect("listens")).await.expect("connects");
    for _ in 0..3 {
        stream.write_all(b"GET /outpost.goauthentik.io/ping HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("is taken");
        let mut reply = [0; 512];
        let count = within(stream.read(&mut reply)).await.expect("answers");
        assert!(reply[..count].starts_with(b"HTTP/1.1 204"), "{:?}", String::from_utf8_lossy(&reply[..count]));
    }
    drop(stream);
    app.stop().await;
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let app = TestApp::start(Setup::default()).await;
    let ping = "GET /outpost.goauthentik.io/ping HTTP/1.1\r\nHost: a\r\n";
    let many = "x: 1\r\n".repeat(65);
    assert_eq!(app.http(&format!("{ping}{many}\r\n")).await.status(), 431);
    let long = format!("x: {}\r\n", "a".repeat(33 * 1024));
    assert_eq!(app.http(&format!("{ping}{long}\r\n")).await.status(), 431);
    let post = "POST /outpost.goauthentik.io/sign_out HTTP/1.1\r\nHost: wiki.example.com\r\n";
    let body = "a".repeat(64 * 1024 + 1);
    assert_eq!(app.http(&format!("{post}Content-Length: {}\r\n\r\n{body}", body.len())).await.status(), 413);
    app.stop().await;
}

#[tokio::test]
async fn f_10_slow_peers_are_cut() {
    let mut setup = Setup::default();
    setup.limits.http.head_timeout = Duration::from_millis(300);
    setup.limits.http.body_timeout = Duration::from_millis(300);
    setup.limits.http.idle_timeout = Duration::from_millis(300);
    let app = TestApp::start(setup).await;
    let address = app.addresses.http.expect("listens");

    let mut silent = TcpStream::connect(address).await.expect("connects");
    assert_eq!(read_to_close(&mut silent).await.text, "", "says nothing, hears nothing");

    let mut dribbling = TcpStream::connect(address).await.expect("connects");
    let (mut reader, mut writer) = dribbling.split();
    let dribble = async {
        while writer.write_all(b"GET /outpost.goauthentik.io/ping HTTP/1.1\r\nX: y\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let mut rest = Vec::new();
    tokio::select! {
        _ = within(reader.read_to_end(&mut rest)) => {}
        () = dribble => {}
    }
    assert!(!String::from_utf8_lossy(&rest).contains(" 204 "));

    let slow_body =
        "POST /outpost.goauthentik.io/sign_out HTTP/1.1\r\nHost: wiki.example.com\r\nContent-Length: 9\r\n\r\nabc";
    let reply = app.http(slow_body).await;
    assert_eq!(reply.status(), 408, "{reply:?}");
    app.stop().await;
}

#[tokio::test]
async fn https_answers_with_the_operators_certificate_and_knows_its_scheme() {
    let certified = rcgen::generate_simple_self_signed(vec!["wiki.example.com".to_owned()]).expect("is made");
    let (chain, key) = (certified.cert.pem(), certified.signing_key.serialize_pem());
    let tls = TlsIdentity::from_pem(chain.as_bytes(), key.as_bytes()).expect("fit");
    let app = TestApp::start(Setup { tls: Some(tls), ..Setup::default() }).await;
    let request = get("/outpost.goauthentik.io/start", "wiki.example.com");
    let reply = app.https(&certified.cert, &request).await;
    assert_eq!(reply.status(), 302, "{reply:?}");
    let plain = super::support::exchange(app.addresses.https.expect("listens"), request.as_bytes()).await;
    assert_ne!(plain.status(), 302, "no plain HTTP on the TLS port");
    app.stop().await;
}

#[tokio::test]
async fn without_a_certificate_one_is_made() {
    let app = TestApp::start(Setup::default()).await;
    assert!(app.addresses.https.is_some());
    app.stop().await;
}
