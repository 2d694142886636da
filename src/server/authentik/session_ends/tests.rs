//! Reports that the store cannot carry out, with a clock that stands still while anything can proceed.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::*;
use crate::domain::application::registry::Applications;
use crate::domain::decision::Verdict;
use crate::domain::session::{Session, SessionId, SessionRecord};
use crate::outpost::Parts;
use crate::ports::Audit;
use crate::telemetry::SECOND_DISPATCHER;
use crate::testing::{
    CountingEntropy, FakeProvider, FakeStore, ISSUER, LIFETIMES, Loading, ManualClock, NOW, application, request,
    sealing_keys, session_record,
};

/// More than are tried at the same time.
const MANY: u8 = 200;

/// An outpost whose sessions end when they are reported.
struct Scene {
    outpost: Arc<Outpost>,
    store: Arc<FakeStore>,
    issuers: Issuers,
}

impl Scene {
    fn new() -> Self {
        let (clock, store) = (ManualClock::new(), FakeStore::new(Loading::Answers));
        let parts = Parts {
            applications: Applications::new(vec![application("https://wiki.example.com")]).unwrap().into(),
            name: "outpost".into(),
            lifetimes: LIFETIMES,
            sealing: sealing_keys(1),
            store: store.clone(),
            provider: Arc::new(FakeProvider::new(clock.clone())),
            clock,
            entropy: Arc::new(CountingEntropy::default()),
            audit: Audit::default(),
        };
        let issuers = Arc::new(Mutex::new([ISSUER.to_owned()].into()));
        Self { outpost: Arc::new(Outpost::new(parts).unwrap()), store, issuers }
    }

    /// Follows a WebSocket: where it reports, and the task that ends the sessions.
    fn follow(&self) -> (mpsc::Sender<String>, JoinHandle<()>) {
        let (reported, ended) = SessionEnds::channel();
        let ending = tokio::spawn(end_sessions(ended, Arc::clone(&self.outpost), Arc::clone(&self.issuers)));
        (reported, ending)
    }

    /// Stores the session of a browser.
    fn sign_in(&self, browser: u8) {
        let record = session_record(&format!("user-{browser}"), &json!({}), NOW);
        let record = SessionRecord { provider_session: Some(sid(browser)), ..record };
        self.store.put(&SessionId::new([browser; 32]).key(), Session::restore(record));
    }

    async fn is_signed_in(&self, browser: u8) -> bool {
        let cookie = format!("__Host-gatepost-session-wiki={}", SessionId::new([browser; 32]).to_cookie_value());
        let request = request("wiki.example.com", "/", &[("cookie", &cookie)]).into();
        let decision = self.outpost.answer(&self.outpost.route(&request)).await;
        matches!(decision.verdict, Verdict::Allow(_))
    }

    async fn is_denied(&self, browser: u8) {
        eventually(async || !self.is_signed_in(browser).await).await;
    }

    async fn has_sessions(&self, count: usize) {
        eventually(async || self.store.all().len() == count).await;
    }
}

fn sid(browser: u8) -> String {
    format!("sid-{browser}")
}

async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !holds().await {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(60), asking).await.expect("happens");
}

/// Counts the warnings of this thread.
struct Warnings {
    count: Arc<AtomicUsize>,
    _guard: DefaultGuard,
}

struct WarningCounter(Arc<AtomicUsize>);

impl<S: Subscriber> Layer<S> for WarningCounter {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == Level::WARN {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Warnings {
    fn capture() -> Self {
        LazyLock::force(&SECOND_DISPATCHER);
        let count = Arc::new(AtomicUsize::default());
        let subscriber = tracing_subscriber::registry().with(WarningCounter(Arc::clone(&count)));
        Self { count, _guard: tracing::subscriber::set_default(subscriber) }
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_store_fails_every_reported_session_counts_as_ended_and_later_each_ends() {
    let scene = Scene::new();
    (1..=3).for_each(|browser| scene.sign_in(browser));
    let warnings = Warnings::capture();
    let (reported, _ending) = scene.follow();
    scene.store.ends_fail.store(true, Ordering::Relaxed);
    for browser in [1, 2] {
        reported.send(sid(browser)).await.unwrap();
    }
    scene.is_denied(1).await;
    scene.is_denied(2).await;
    assert!(scene.is_signed_in(3).await, "its provider session goes on");
    let tried = scene.store.provider_session_ends.load(Ordering::SeqCst);
    eventually(async || scene.store.provider_session_ends.load(Ordering::SeqCst) >= tried + 6).await;
    assert_eq!(scene.store.all().len(), 3, "the store still has them");
    assert_eq!(warnings.count.load(Ordering::Relaxed), 2, "one line for each");

    scene.store.ends_fail.store(false, Ordering::Relaxed);
    scene.has_sessions(1).await;
    assert!(!scene.is_signed_in(1).await && !scene.is_signed_in(2).await);
    assert!(scene.is_signed_in(3).await);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_delays_no_report() {
    let scene = Scene::new();
    (1..=MANY).for_each(|browser| scene.sign_in(browser));
    scene.store.ends_wait.store(true, Ordering::Relaxed);
    let (reported, _ending) = scene.follow();
    for browser in 1..=MANY {
        reported.send(sid(browser)).await.unwrap();
    }
    for browser in 1..=MANY {
        scene.is_denied(browser).await;
    }
    assert_eq!(scene.store.all().len(), usize::from(MANY));
    scene.store.permits.add_permits(1);
    scene.has_sessions(0).await;
}

/// authentik's WebSocket would wait for the one that reads it.
#[tokio::test(start_paused = true)]
async fn reports_are_received_however_many_wait_for_the_store() {
    let scene = Scene::new();
    scene.sign_in(1);
    scene.store.ends_fail.store(true, Ordering::Relaxed);
    let (reported, _ending) = scene.follow();
    let reporting = async {
        for number in 0..10_000 {
            reported.send(format!("other-{number}")).await.unwrap();
        }
        reported.send(sid(1)).await.unwrap();
    };
    timeout(Duration::from_secs(60), reporting).await.expect("is received");
    scene.is_denied(1).await;
    scene.store.ends_fail.store(false, Ordering::Relaxed);
    scene.has_sessions(0).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_reports_postpones_no_further_attempt() {
    let scene = Scene::new();
    scene.sign_in(1);
    scene.store.ends_fail.store(true, Ordering::Relaxed);
    let (reported, _ending) = scene.follow();
    reported.send(sid(1)).await.unwrap();
    scene.is_denied(1).await;
    scene.store.ends_fail.store(false, Ordering::Relaxed);
    for number in 0..100 {
        reported.send(format!("other-{number}")).await.unwrap();
        sleep(Duration::from_millis(100)).await;
        if scene.store.all().is_empty() {
            return;
        }
    }
    panic!("it was not tried again within ten seconds");
}

#[tokio::test(start_paused = true)]
async fn what_a_websocket_reported_is_carried_out_after_its_end() {
    let scene = Scene::new();
    (1..=3).for_each(|browser| scene.sign_in(browser));
    scene.store.ends_fail.store(true, Ordering::Relaxed);
    let (first, ending_first) = scene.follow();
    for browser in [1, 2] {
        first.send(sid(browser)).await.unwrap();
    }
    drop(first);
    let (second, ending_second) = scene.follow();
    second.send(sid(3)).await.unwrap();
    drop(second);
    for browser in 1..=3 {
        scene.is_denied(browser).await;
    }
    assert!(!ending_first.is_finished() && !ending_second.is_finished());
    scene.store.ends_fail.store(false, Ordering::Relaxed);
    for ending in [ending_first, ending_second] {
        timeout(Duration::from_secs(60), ending).await.expect("has nothing left to do").unwrap();
    }
    assert_eq!(scene.store.all().len(), 0);
}
