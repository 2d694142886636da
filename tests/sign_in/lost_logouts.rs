//! A store that pauses in the middle of a logout: the real Redis, paused as a host under load may pause it. Later it
//! executes the commands that it had received, so a command without an answer may have been executed.

use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gatepost::domain::crypto::sealing::{SealingKey, SealingKeys};
use gatepost::outbound::store::{Address, Credentials, RedisSettings, StoreSettings, Topology};
use gatepost::testing::ManualClock;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use crate::browser::{Answer, Browser, WIKI};
use crate::op::HostileOp;
use crate::strangers::{logout, logout_token};
use crate::test_outpost::{Storage, TestOutpost, application};

/// The time limit for any step of these tests.
const SOON: Duration = Duration::from_secs(60);

struct Redis {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Redis {
    async fn start() -> Self {
        let port = {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            listener.local_addr().unwrap().port()
        };
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]).arg(folder.path());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        Self { child, port, _folder: folder }
    }

    /// Sends one inline command.
    async fn ask(&self, command: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.unwrap();
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A wiki whose sessions are stored there, and a browser in which its user is signed in.
async fn signed_in(redis: &Redis) -> (TestOutpost, HostileOp, Browser) {
    let clock = ManualClock::new();
    let op = HostileOp::start(clock.clone()).await;
    let storage = Storage {
        store: StoreSettings::Redis(Box::new(RedisSettings {
            topology: Topology::Single(Address { host: "127.0.0.1".to_owned(), port: redis.port }),
            database: 0,
            credentials: Credentials::default(),
            sentinel_credentials: Credentials::default(),
            tls: None,
            key_prefix: "gatepost:".to_owned(),
            connect_timeout: Duration::from_secs(1),
            command_timeout: Duration::from_millis(100),
            cache_bytes: 1 << 20,
            outage_grace: Duration::ZERO,
        })),
        keys: SealingKeys::new(SealingKey::new([1; 32]), Vec::new()),
    };
    let test_outpost = TestOutpost::new(vec![application("wiki", op.issuer())], &clock, &storage);
    let (mut browser, begun) = (Browser::default(), Instant::now());
    while browser.come_back(&test_outpost, &op, WIKI).await.reason != "sign_in_completed" {
        assert!(begun.elapsed() < SOON, "the store never answers");
        sleep(Duration::from_millis(20)).await;
    }
    assert!(browser.open(&test_outpost, WIKI).await.allowed);
    (test_outpost, op, browser)
}

/// The answer to the provider's next delivery of the same token that does not meet a store that is down.
async fn delivered_again(test_outpost: &TestOutpost, token: &str) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = test_outpost.check(logout(token)).await;
        if answer.reason != "store_unavailable" {
            return answer;
        }
        assert!(begun.elapsed() < SOON, "the store never comes back");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn expect_carried_out_once(test_outpost: &TestOutpost, token: &str, browser: &mut Browser) {
    let again = delivered_again(test_outpost, token).await;
    assert_eq!((again.status, again.reason.as_str()), (200, "logout_by_provider"), "{again:#?}");
    assert_eq!(browser.open(test_outpost, WIKI).await.reason, "sign_in_started");
    let third = delivered_again(test_outpost, token).await;
    assert_eq!((third.status, third.reason.as_str()), (400, "logout_refused"), "BL-9");
}

#[tokio::test]
async fn bl_9_a_logout_during_which_the_store_stands_still_is_carried_out_at_the_next_delivery() {
    let redis = Redis::start().await;
    let (test_outpost, op, mut browser) = signed_in(&redis).await;
    let token = logout_token(&op, "stopped");
    redis.signal("STOP");
    let refused = test_outpost.check(logout(&token)).await;
    assert_eq!((refused.status, refused.reason.as_str()), (400, "store_unavailable"));
    redis.signal("CONT");
    expect_carried_out_once(&test_outpost, &token, &mut browser).await;
}

/// Reads are answered while writes pause: the fault occurs between the look-up of the replay key and the end of the
/// sessions.
#[tokio::test]
async fn bl_9_a_logout_whose_writes_stand_still_is_carried_out_at_the_next_delivery() {
    let redis = Redis::start().await;
    let (test_outpost, op, mut browser) = signed_in(&redis).await;
    let token = logout_token(&op, "paused");
    assert!(redis.ask("CLIENT PAUSE 60000 WRITE").await.starts_with("+OK"));
    let refused = test_outpost.check(logout(&token)).await;
    assert_eq!((refused.status, refused.reason.as_str()), (400, "store_unavailable"));
    assert!(redis.ask("CLIENT UNPAUSE").await.starts_with("+OK"));
    expect_carried_out_once(&test_outpost, &token, &mut browser).await;
}

/// The replay key of an attempt may have been stored although the answer was lost; the code was not sent in that case.
#[tokio::test]
async fn a_callback_during_which_the_store_stands_still_ends_signed_in_on_reload() {
    let redis = Redis::start().await;
    let (test_outpost, op, _) = signed_in(&redis).await;
    let mut browser = Browser::default();
    let back = op.authorize(&browser.begin(&test_outpost, WIKI).await);
    let codes = op.recorded("/token").len();
    redis.signal("STOP");
    let page = browser.open(&test_outpost, back.as_str()).await;
    assert_eq!((page.status, page.reason.as_str()), (503, "store_unavailable"));
    assert_eq!(op.recorded("/token").len(), codes, "no code is sent whose attempt is not marked");
    redis.signal("CONT");
    let begun = Instant::now();
    let mut next = back;
    loop {
        let answer = browser.open(&test_outpost, next.as_str()).await;
        match answer.reason.as_str() {
            "sign_in_completed" => break,
            "sign_in_restarted" => next = op.authorize(&answer.location()),
            "store_unavailable" => sleep(Duration::from_millis(20)).await,
            _ => panic!("{answer:#?}"),
        }
        assert!(begun.elapsed() < SOON, "it never completes");
    }
    assert!(browser.open(&test_outpost, WIKI).await.allowed);
}
