//! F-15, section 5: connections are counted, and no listener's loop ends.

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::support::{Setup, TestApp, eventually, within};

#[tokio::test]
async fn f_15_one_source_gets_its_share_and_again_when_it_leaves() {
    let mut setup = Setup::default();
    setup.limits.connections.per_source = 3;
    let app = TestApp::start(setup).await;
    let address = app.addresses.http.expect("listens");
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(TcpStream::connect(address).await.expect("connects"));
    }
    let mut excess = TcpStream::connect(address).await.expect("is accepted by the system");
    assert_eq!(within(excess.read(&mut [0; 1])).await.unwrap_or(0), 0, "is closed at once");
    held.clear();
    let ping = "GET /outpost.goauthentik.io/ping HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n";
    eventually(async || app.http(ping).await.status() == 204).await;
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
