//! The life of the WebSocket over streams in memory, with a clock that stands still while anything can proceed.

use std::sync::Mutex;

use async_trait::async_trait;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, advance, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::dial::{Dial, Transport};
use super::*;
use crate::testing::SystemEntropy;

const SID: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// authentik's side: each attempt appears here, and is answered by a script.
struct FakeDial {
    attempts: mpsc::UnboundedSender<(u64, Instant)>,
    refuse: Arc<Mutex<bool>>,
    accepted: mpsc::UnboundedSender<DuplexStream>,
}

#[async_trait]
impl Dial for FakeDial {
    async fn dial(&self, attempt: u64) -> Result<Box<dyn Transport>, String> {
        let _ = self.attempts.send((attempt, Instant::now()));
        if *self.refuse.lock().unwrap() {
            return Err("refused".to_owned());
        }
        let (ours, theirs) = tokio::io::duplex(256 * 1024);
        let _ = self.accepted.send(theirs);
        Ok(Box::new(ours))
    }
}

struct Scene {
    subscription: Subscription,
    attempts: mpsc::UnboundedReceiver<(u64, Instant)>,
    accepted: mpsc::UnboundedReceiver<DuplexStream>,
    refuse: Arc<Mutex<bool>>,
}

impl Scene {
    fn new(update_delay: u64) -> Self {
        let (attempts, attempted) = mpsc::unbounded_channel();
        let (accept, accepted) = mpsc::unbounded_channel();
        let refuse = Arc::new(Mutex::new(false));
        let dial = FakeDial { attempts, refuse: Arc::clone(&refuse), accepted: accept };
        let hello = Instance::new("edge-1", &SystemEntropy).unwrap().hello();
        let delay = Duration::from_secs(update_delay);
        let subscription = subscription(dial, hello, delay, WebSocketSettings::default());
        Self { subscription, attempts: attempted, accepted, refuse }
    }

    fn refuse(&self, refuse: bool) {
        *self.refuse.lock().unwrap() = refuse;
    }

    /// The server's end of the next connection.
    async fn server(&mut self) -> Server {
        let stream = self.accepted.recv().await.unwrap();
        Server(WebSocketStream::from_raw_socket(stream, Role::Server, None).await)
    }

    /// A connection on which a HELLO was answered.
    async fn connected(&mut self) -> Server {
        let mut server = self.server().await;
        server.hello().await;
        server.ack().await;
        self.subscription.state.wait_for(WebSocketState::is_connected).await.unwrap();
        server
    }

    /// The seconds between the next `count` attempts.
    async fn delays(&mut self, count: usize) -> Vec<u64> {
        let (_, mut last) = self.attempts.recv().await.unwrap();
        let mut delays = Vec::new();
        for _ in 0..count {
            let (_, at) = self.attempts.recv().await.unwrap();
            delays.push((at - last).as_secs());
            last = at;
        }
        delays
    }

    fn update_is_due(&mut self) -> bool {
        self.subscription.updates.next().now_or_never().is_some()
    }
}

struct Server(WebSocketStream<DuplexStream>);

impl Server {
    /// The next HELLO.
    async fn hello(&mut self) -> Value {
        let message = self.0.next().await.unwrap().unwrap();
        let hello: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
        assert_eq!(hello["instruction"], 1);
        hello
    }

    async fn ack(&mut self) {
        self.send(r#"{"instruction":0,"args":{}}"#).await;
    }

    async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// Sends a ping and waits for its pong: everything before it has been handled.
    async fn settle(&mut self) {
        self.0.send(Message::Ping("x".into())).await.unwrap();
        while !matches!(self.0.next().await.unwrap().unwrap(), Message::Pong(_)) {}
    }
}

const TRIGGER: &str = r#"{"instruction":2,"args":{}}"#;

fn session_end(sid: &str) -> String {
    format!(r#"{{"instruction":4,"args":{{"type":"event.session.end","session_id":"{sid}"}}}}"#)
}

#[tokio::test(start_paused = true)]
async fn the_outpost_reports_itself_at_once_and_every_ten_seconds() {
    let mut scene = Scene::new(0);
    let begun = Instant::now();
    let mut server = scene.server().await;
    assert!(!scene.subscription.state.borrow().is_connected());
    let first = server.hello().await;
    assert_eq!(begun.elapsed().as_secs(), 0);
    for name in ["version", "buildHash", "uuid", "hostname"] {
        assert!(first["args"][name].is_string(), "{name}");
    }
    for hello in 1..=20 {
        server.ack().await;
        assert_eq!(server.hello().await, first);
        assert_eq!(begun.elapsed().as_secs(), hello * 10);
    }
    assert!(scene.subscription.state.borrow().is_connected());
    assert!(scene.attempts.recv().await.is_some() && scene.attempts.try_recv().is_err(), "one connection");
    assert!(!scene.update_is_due(), "nothing was lost before the first connection");
}

#[tokio::test(start_paused = true)]
async fn attempts_are_numbered_and_come_at_growing_delays() {
    let mut scene = Scene::new(0);
    scene.refuse(true);
    assert_eq!(scene.delays(11).await, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    assert_eq!(scene.attempts.recv().await.unwrap().0, 12);
}

#[tokio::test(start_paused = true)]
async fn an_answered_hello_resets_the_delay_and_a_connection_alone_does_not() {
    let mut scene = Scene::new(0);
    scene.refuse(true);
    assert_eq!(scene.delays(4).await, [1, 2, 4, 8]);
    scene.refuse(false);
    // Connected, never answered, closed.
    drop(scene.server().await);
    assert_eq!(scene.delays(1).await, [32]);
    let server = scene.server().await;
    drop(server);
    let mut server = scene.connected().await;
    server.0.close(None).await.unwrap();
    drop(server);
    scene.refuse(true);
    let (_, at) = scene.attempts.recv().await.unwrap();
    assert_eq!(scene.attempts.len(), 0);
    let closed = Instant::now();
    assert_eq!((scene.attempts.recv().await.unwrap().1 - closed).as_secs(), 1, "{at:?}");
    assert!(!scene.subscription.state.borrow().is_connected());
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_answers_ends_after_thirty_seconds() {
    let mut scene = Scene::new(0);
    let mut server = scene.connected().await;
    let begun = Instant::now();
    assert_eq!(scene.attempts.recv().await.unwrap().0, 0);
    let (attempt, at) = scene.attempts.recv().await.unwrap();
    assert_eq!((attempt, (at - begun).as_secs()), (1, 31));
    // Pongs are no answers: the operating system of a dead authentik may send them.
    while let Some(Ok(message)) = server.0.next().await {
        assert!(message.is_text() || message.is_close(), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_does_not_hold_the_outpost() {
    let mut scene = Scene::new(0);
    let _server = scene.server().await;
    assert_eq!(scene.attempts.recv().await.unwrap().0, 0);
    assert_eq!(timeout(Duration::from_secs(40), scene.attempts.recv()).await.unwrap().unwrap().0, 1);
}

#[tokio::test(start_paused = true)]
async fn a_trigger_is_an_update_after_the_delay() {
    let mut scene = Scene::new(7);
    let mut server = scene.connected().await;
    let begun = Instant::now();
    server.send(TRIGGER).await;
    scene.subscription.updates.next().await;
    assert_eq!(begun.elapsed().as_secs(), 7);
    assert!(!scene.update_is_due());
}

#[tokio::test(start_paused = true)]
async fn triggers_are_gathered() {
    let mut scene = Scene::new(5);
    let mut server = scene.connected().await;
    for _ in 0..100 {
        server.send(TRIGGER).await;
    }
    server.settle().await;
    scene.subscription.updates.next().await;
    assert!(timeout(Duration::from_secs(10), scene.subscription.updates.next()).await.is_err(), "one for all");
    server.ack().await;
    // Those that come while a refresh is under way are one more.
    server.send(TRIGGER).await;
    scene.subscription.updates.next().await;
    for _ in 0..100 {
        server.send(TRIGGER).await;
    }
    server.settle().await;
    scene.subscription.updates.next().await;
    assert!(timeout(Duration::from_secs(10), scene.subscription.updates.next()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_an_update_may_be_given_up() {
    let mut scene = Scene::new(5);
    let mut server = scene.connected().await;
    server.send(TRIGGER).await;
    server.settle().await;
    for _ in 0..4 {
        assert!(timeout(Duration::from_secs(1), scene.subscription.updates.next()).await.is_err());
    }
    assert!(timeout(Duration::from_secs(2), scene.subscription.updates.next()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_session_waits_for_nothing() {
    let mut scene = Scene::new(9);
    let mut server = scene.connected().await;
    let begun = Instant::now();
    server.send(TRIGGER).await;
    server.send(&session_end(SID)).await;
    server.send(&session_end(SID)).await;
    server.send(&format!(r#"{{"instruction":3,"args":{{"sub_type":"logout","session_id":"{SID}"}}}}"#)).await;
    for _ in 0..3 {
        assert_eq!(scene.subscription.session_ends.next().await.as_deref(), Some(SID));
    }
    assert_eq!(begun.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_used_is_skipped() {
    let mut scene = Scene::new(0);
    let mut server = scene.connected().await;
    for odd in ["garbage", "{}", r#"{"instruction":99,"args":{}}"#, r#"{"instruction":3,"args":{"type":"rac"}}"#] {
        server.send(odd).await;
    }
    for sid in ["", &SID.to_uppercase(), "not hexadecimal", &SID[1..]] {
        server.send(&session_end(sid)).await;
    }
    server.0.send(Message::binary(vec![0, 159, 146, 150])).await.unwrap();
    server.settle().await;
    assert!(scene.subscription.session_ends.next().now_or_never().is_none());
    assert!(!scene.update_is_due());
    server.send(&session_end(SID)).await;
    assert_eq!(scene.subscription.session_ends.next().await.as_deref(), Some(SID), "on the same connection");
    assert!(scene.attempts.recv().await.is_some() && scene.attempts.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_message_beyond_the_limit_ends_the_connection() {
    let mut scene = Scene::new(0);
    let mut server = scene.connected().await;
    assert_eq!(scene.attempts.recv().await.unwrap().0, 0);
    let _ = server.0.send(Message::text("x".repeat(65 * 1024))).await;
    assert_eq!(scene.attempts.recv().await.unwrap().0, 1);
    let mut server = scene.connected().await;
    server.send(&session_end(SID)).await;
    assert_eq!(scene.subscription.session_ends.next().await.as_deref(), Some(SID));
}

#[tokio::test(start_paused = true)]
async fn after_a_gap_everything_is_read_anew() {
    let mut scene = Scene::new(3);
    drop(scene.connected().await);
    let _server = scene.connected().await;
    let begun = Instant::now();
    scene.subscription.updates.next().await;
    assert_eq!(begun.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_task_closes_the_connection() {
    let mut scene = Scene::new(0);
    let mut server = scene.connected().await;
    drop(scene.subscription.task);
    assert!(!matches!(server.0.next().await, Some(Ok(_))));
    assert_eq!(scene.subscription.session_ends.next().await, None);
    advance(Duration::from_secs(600)).await;
    assert_eq!(scene.attempts.len(), 1);
}
