//! F-15, section 5: connections are counted, and no listener's accept loop ends.

use gatepost::inbound::connections::FrontProxies;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::support::{Setup, TestApp, eventually, read_to_close, within};

#[tokio::test]
async fn f_15_one_source_gets_its_share_and_again_when_it_leaves() {
    let mut setup = Setup::default();
    setup.limits.connections.per_source = 3;
    // By default this machine is a front proxy.
    setup.limits.front_proxies = FrontProxies(Vec::new());
    let app = TestApp::start(setup).await;
    let address = app.addresses.http.expect("listens");
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(TcpStream::connect(address).await.expect("connects"));
    }
    let mut excess = TcpStream::connect(address).await.expect("is accepted by the system");
    assert_eq!(within(excess.read(&mut [0; 1])).await.unwrap_or(0), 0, "is closed at once");
    held.clear();
    eventually(async || app.http(PING).await.status() == 204).await;
    assert!(app.metric("gatepost_connections_refused_total{listener=\"http\",cause=\"source\"}").await.is_some());
    app.stop().await;
}

#[tokio::test]
async fn the_total_holds_for_every_listener_by_itself() {
    let mut setup = Setup::default();
    setup.limits.connections.total = 1;
    let app = TestApp::start(setup).await;
    let _held = TcpStream::connect(app.addresses.http.expect("listens")).await.expect("connects");
    let mut excess = TcpStream::connect(app.addresses.http.expect("listens")).await.expect("connects");
    assert_eq!(within(excess.read(&mut [0; 1])).await.unwrap_or(0), 0);
    assert_eq!(app.admin("/readyz").await.status(), 200, "probes have their own seats");
    app.stop().await;
}

/// A front proxy serves many clients: one of them must not affect the others.
#[tokio::test]
async fn a_front_proxy_is_no_single_source() {
    let mut setup = Setup::default();
    setup.limits.connections.per_source = 3;
    let app = TestApp::start(setup).await;
    let mut held = Vec::new();
    for address in
        [app.addresses.http, app.addresses.https, Some(app.addresses.grpc)].map(|address| address.expect("listens"))
    {
        for _ in 0..10 {
            held.push(TcpStream::connect(address).await.expect("connects"));
        }
    }
    assert_eq!(app.http(PING).await.status(), 204);
    app.channel().await;
    assert_eq!(app.metric("gatepost_connections_refused_total{listener=\"grpc\"").await, None);
    app.stop().await;
}

const PING: &str = "GET /outpost.goauthentik.io/ping HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n";
const SLOW: &str = "POST /outpost.goauthentik.io/backchannel_logout HTTP/1.1\r\nHost: wiki.example.com\r\n\
                    Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nlogout_token=";

/// A body that does not arrive affects only its own request. The oldest makes room for the next, so that clients that hold
/// their bodies back cannot keep other clients out.
#[tokio::test]
async fn bodies_that_do_not_come_make_room_for_those_that_do() {
    let mut setup = Setup::default();
    setup.limits.http.max_waiting_bodies = 4;
    setup.limits.http.body_timeout = Duration::from_secs(60);
    let app = TestApp::start(setup).await;
    let address = app.addresses.http.expect("listens");
    let slow = async || {
        let mut stream = TcpStream::connect(address).await.expect("connects");
        stream.write_all(SLOW.as_bytes()).await.expect("is taken");
        stream
    };
    let mut held = JoinSet::new();
    for _ in 0..20 {
        let mut stream = slow().await;
        held.spawn(async move { read_to_close(&mut stream).await });
    }
    for _ in 0..16 {
        let reply = within(held.join_next()).await.expect("one is given up").expect("ran");
        assert_eq!((reply.status(), reply.header("connection")), (400, Some("close")), "{reply:?}");
    }
    assert_eq!(app.http(PING).await.status(), 204, "others go on");
    // A body in two pieces waits for the second one; another had to make room for it.
    let mut stream = slow().await;
    assert_eq!(within(held.join_next()).await.expect("one is given up").expect("ran").status(), 400);
    // A token with a wrong signature, as long as the rest of the body has to be.
    let token = format!("{:A<87}", "eyJhbGciOiJSUzI1NiJ9.e30.");
    stream.write_all(token.as_bytes()).await.expect("is taken");
    let reply = read_to_close(&mut stream).await;
    assert!(reply.text.contains("signature"), "it was read: {reply:?}");
    assert_eq!(held.len(), 3, "and those that are left wait on");
    let given_up = "gatepost_bodies_given_up_total{listener=\"http\",cause=\"crowded\"}";
    assert!(app.metric(given_up).await.is_some_and(|count| count >= 17.0));
    held.shutdown().await;
    app.stop().await;
}
