//! The WebSocket over the network: the handshake, what arrives, and the connection that follows a lost one. The times are
//! tested beside the code, with a clock that stands still.

use std::time::Duration;

use gatepost::outbound::authentik::{Connection, Instance, Subscription, WebSocketSettings, WebSocketState};
use gatepost::testing::SystemEntropy;
use tokio::time::timeout;

use crate::client::{connect, settings};
use crate::fake::{FakeAuthentik, OUTPOST, Push, SID, TOKEN};

const SOON: WebSocketSettings = WebSocketSettings {
    hello_interval: Duration::from_millis(50),
    ack_timeout: Duration::from_secs(10),
    connect_timeout: Duration::from_secs(10),
    first_delay: Duration::from_millis(10),
    longest_delay: Duration::from_millis(50),
};

fn subscribe(connection: &std::sync::Arc<Connection>, times: WebSocketSettings) -> Subscription {
    let instance = Instance::new("edge-1", &SystemEntropy).unwrap();
    connection.subscribe(&OUTPOST.to_owned().try_into().unwrap(), &instance, Duration::ZERO, times)
}

async fn connected(open: &mut Subscription) {
    let connected = open.state.wait_for(WebSocketState::is_connected);
    timeout(Duration::from_secs(30), connected).await.expect("connects").expect("has a task");
}

async fn session_end(open: &mut Subscription) -> Option<String> {
    timeout(Duration::from_secs(30), open.session_ends.next()).await.expect("is reported")
}

#[tokio::test]
async fn the_handshake_names_outpost_instance_and_attempt() {
    for prefix in ["", "/auth"] {
        let fake = FakeAuthentik::start_below(prefix).await;
        let mut open = subscribe(&connect(&settings(&fake.url())), SOON);
        connected(&mut open).await;
        fake.until(|log| log.hellos() >= 3).await;
        fake.push(Push::Close);
        fake.until(|log| log.sockets.len() == 2 && log.hellos() >= 5).await;
        let sockets = fake.log(|log| log.sockets.clone());
        let uuid = sockets[0].hellos[0]["args"]["uuid"].as_str().unwrap().to_owned();
        for (attempt, socket) in sockets.iter().enumerate() {
            assert_eq!(socket.request.path, format!("{prefix}/ws/outpost/{OUTPOST}/"));
            assert_eq!(socket.request.query, format!("instance_uuid={uuid}&attempt={attempt}"));
            assert_eq!(socket.request.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
            assert!(socket.request.header("user-agent").unwrap().starts_with("goauthentik.io/outpost/"));
            for hello in &socket.hellos {
                assert_eq!((&hello["instruction"], &hello["args"]["hostname"]), (&1.into(), &"edge-1".into()));
                assert_eq!(hello["args"]["uuid"], uuid.as_str());
            }
        }
    }
}

#[tokio::test]
async fn what_authentik_pushes_arrives() {
    let fake = FakeAuthentik::start().await;
    let mut open = subscribe(&connect(&settings(&fake.url())), SOON);
    connected(&mut open).await;
    for push in [
        Push::Text("garbage".to_owned()),
        Push::Binary(vec![0, 255]),
        Push::Text(r#"{"instruction":77,"args":{}}"#.to_owned()),
        Push::SessionEnd("UPPER".to_owned()),
        Push::SessionEnd(String::new()),
        Push::TriggerUpdate,
        Push::SessionEnd(SID.to_owned()),
        Push::Logout("a".repeat(64)),
    ] {
        fake.push(push);
    }
    assert_eq!(session_end(&mut open).await.as_deref(), Some(SID));
    assert_eq!(session_end(&mut open).await, Some("a".repeat(64)));
    timeout(Duration::from_secs(30), open.updates.next()).await.expect("is due");
    assert_eq!(fake.log(|log| log.sockets.len()), 1, "nothing of it ended the connection");
}

#[tokio::test]
async fn a_refused_handshake_is_tried_again_until_it_is_accepted() {
    let fake = FakeAuthentik::start().await;
    for status in [403, 404, 500, 200] {
        fake.change(|state| state.refuses_sockets = Some(status));
        let opened = fake.log(|log| log.sockets.len());
        let asked = fake.log(|log| log.requests.len());
        let mut open = subscribe(&connect(&settings(&fake.url())), SOON);
        fake.until(|log| log.requests.len() >= asked + 3).await;
        assert!(!open.state.borrow().is_connected(), "{status}");
        assert_eq!(fake.log(|log| log.sockets.len()), opened, "{status}");
        fake.change(|state| state.refuses_sockets = None);
        connected(&mut open).await;
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_left_and_found_again() {
    let fake = FakeAuthentik::start().await;
    let times = WebSocketSettings { ack_timeout: Duration::from_millis(500), ..SOON };
    let mut open = subscribe(&connect(&settings(&fake.url())), times);
    connected(&mut open).await;
    fake.change(|state| state.acknowledges = false);
    fake.until(|log| log.sockets.len() >= 2).await;
    fake.change(|state| state.acknowledges = true);
    connected(&mut open).await;
    timeout(Duration::from_secs(30), open.updates.next()).await.expect("what was lost is read");
}

#[tokio::test]
async fn a_server_that_is_started_again_is_found_again() {
    let fake = FakeAuthentik::start().await;
    let (address, connection) = (fake.address(), connect(&settings(&fake.url())));
    let mut open = subscribe(&connection, SOON);
    connected(&mut open).await;
    drop(fake);
    let lost = open.state.wait_for(|state| !state.is_connected());
    timeout(Duration::from_secs(30), lost).await.expect("is noticed").expect("has a task");
    let fake = FakeAuthentik::start_at(address, "", None).await;
    connected(&mut open).await;
    fake.push(Push::SessionEnd(SID.to_owned()));
    assert_eq!(session_end(&mut open).await.as_deref(), Some(SID));
}

#[tokio::test]
async fn dropping_the_task_closes_the_websocket() {
    let fake = FakeAuthentik::start().await;
    let mut open = subscribe(&connect(&settings(&fake.url())), SOON);
    connected(&mut open).await;
    drop(open);
    fake.until(|log| log.sockets.iter().all(|socket| !socket.is_open)).await;
}
