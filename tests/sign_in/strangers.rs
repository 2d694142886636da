//! Unauthenticated clients that make us wait for the provider, and a signed-in user beside them, over the real gRPC
//! listener.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier;
use envoy_types::pb::envoy::config::core::v3::{Address, SocketAddress, address};
use envoy_types::pb::envoy::service::auth::v3::CheckRequest;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::Peer;
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use gatepost::server::{Bound, Certificates, Limits, Listen, Service, Shutdown};
use gatepost::testing::ManualClock;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};
use tonic::transport::Channel;
use url::Url;

use crate::browser::{Answer, Browser, WIKI};
use crate::op::{CLIENT_ID, HostileOp, Reply, SUBJECT};
use crate::test_outpost::{Storage, TestOutpost, application};

/// More than the listener answers at a time.
const STRANGERS: usize = 1200;
/// Maximum waiting requests for one purpose at one provider.
const WAITING: usize = 128;
const CHECKS: usize = 200;

/// Answers by the number of the request.
type Answers = JoinSet<(usize, Answer)>;

/// An outpost behind its gRPC listener.
struct ServicePort {
    /// Several connections, because the number of calls on each is limited.
    clients: Vec<AuthorizationClient<Channel>>,
    stop: mpsc::UnboundedSender<()>,
    run: JoinHandle<()>,
}

impl ServicePort {
    async fn of(test_outpost: &TestOutpost) -> Self {
        let mut limits = Limits::default();
        // Waiting requests have to wait until the test is over.
        limits.grpc.callback_deadline = Duration::from_secs(60);
        limits.grpc.call_deadline = Duration::from_secs(20);
        let service = Service {
            outpost: test_outpost.outpost.clone(),
            store: test_outpost.store.clone(),
            clock: test_outpost.clock.clone(),
            lifetimes: test_outpost.lifetimes,
            applications: vec!["wiki".to_owned()],
            certificates: Certificates::new(Vec::new(), Vec::new()).unwrap(),
            admin_tls: None,
            forward_auth: None,
            limits,
            shutdown: Shutdown { delay: Duration::ZERO, grace: Duration::ZERO },
        };
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listen = Listen { grpc: any, http: None, https: None, metrics: any, admin: None };
        let bound = Bound::bind(service, &listen).await.unwrap();
        let address = format!("http://{}", bound.addresses().grpc);
        let (stop, mut stops) = mpsc::unbounded_channel();
        let run = tokio::spawn(async move {
            let next_stop = async move || {
                if stops.recv().await.is_none() {
                    std::future::pending::<()>().await;
                }
            };
            bound.run(std::future::pending(), next_stop).await.unwrap();
        });
        let mut clients = Vec::new();
        for _ in 0..4 {
            let channel = Channel::from_shared(address.clone()).unwrap().connect().await.unwrap();
            clients.push(AuthorizationClient::new(channel));
        }
        Self { clients, stop, run }
    }

    /// Sends all of these at once.
    fn ask(&self, requests: Vec<CheckRequest>) -> Answers {
        let mut answers = JoinSet::new();
        for ((number, request), client) in requests.into_iter().enumerate().zip(self.clients.iter().cycle()) {
            let mut client = client.clone();
            answers.spawn(async move {
                let answer = client.check(request).await.expect("is answered, not shed");
                (number, Answer::new(answer.into_inner()))
            });
        }
        answers
    }

    /// A signed-in user's browser loads a page with many resources.
    async fn lets_pass(&self, user: &Browser) {
        let page = user.request(&Url::parse(WIKI).unwrap(), &[]);
        let mut answers = self.ask(vec![page; CHECKS]);
        while let Some(answer) = answers.join_next().await {
            let (_, answer) = answer.unwrap();
            assert!(answer.allowed, "{answer:#?}");
        }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        drop(self.clients);
        self.run.await.unwrap();
    }
}

/// Takes the answers that arrive at once, all refusals, while the others keep waiting; returns the numbers of the refused
/// requests.
async fn expect_turned_away(answers: &mut Answers, count: usize, status: i32) -> Vec<usize> {
    let mut turned_away = Vec::new();
    for _ in 0..count {
        let answer = timeout(Duration::from_secs(60), answers.join_next()).await.expect("is answered at once");
        let (number, answer) = answer.unwrap().unwrap();
        assert_eq!(answer.status, status, "{answer:#?}");
        assert_eq!(answer.header("retry-after"), (status == 503).then_some("5"));
        turned_away.push(number);
    }
    turned_away
}

/// The request of a client at one of 60 addresses.
fn from(stranger: usize, mut request: CheckRequest) -> CheckRequest {
    let socket = SocketAddress {
        address: format!("192.0.2.{}", stranger % 60),
        port_specifier: Some(PortSpecifier::PortValue(4711)),
        ..SocketAddress::default()
    };
    let address = Address { address: Some(address::Address::SocketAddress(socket)) };
    request.attributes.as_mut().unwrap().source = Some(Peer { address: Some(address), ..Peer::default() });
    request
}

async fn test_outpost() -> (TestOutpost, HostileOp, Browser) {
    let clock = ManualClock::new();
    let op = HostileOp::start(clock.clone()).await;
    let test_outpost = TestOutpost::new(vec![application("wiki", op.issuer())], &clock, &Storage::default());
    let mut alice = Browser::default();
    alice.sign_in(&test_outpost, &op, WIKI).await;
    (test_outpost, op, alice)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callbacks_that_wait_for_a_slow_provider_keep_no_signed_in_user_out() {
    let (test_outpost, op, alice) = test_outpost().await;
    let mut callbacks = Vec::new();
    let mut strangers = Vec::new();
    for number in 0..STRANGERS {
        let mut stranger = Browser::default();
        let back = op.authorize(&stranger.begin(&test_outpost, WIKI).await);
        callbacks.push(from(number, stranger.request(&back, &[])));
        strangers.push((stranger, back));
    }
    op.behave(|b| b.token = Reply::Stall);
    let before = op.recorded("/token").len();
    let port = ServicePort::of(&test_outpost).await;
    let mut answers = port.ask(callbacks);
    let turned_away = expect_turned_away(&mut answers, STRANGERS - WAITING, 503).await;
    port.lets_pass(&alice).await;
    assert_eq!(answers.len(), WAITING, "they still wait");
    assert_eq!(op.recorded("/token").len() - before, 32, "one request for each code whose turn it is");
    // Besides those there is the connection that was used for metadata, keys and alice's code.
    assert!((32..=34).contains(&op.most_connections()), "{}", op.most_connections());

    // A refused request has consumed nothing: the same address completes as soon as there is room.
    answers.shutdown().await;
    op.reform();
    let begun = Instant::now();
    for number in turned_away.into_iter().take(30) {
        let (stranger, back) = &mut strangers[number];
        let mut done = stranger.open(&test_outpost, back.as_str()).await;
        while done.status == 503 {
            assert!(begun.elapsed() < Duration::from_secs(30), "those who gave up still hold their places");
            tokio::time::sleep(Duration::from_millis(10)).await;
            done = stranger.open(&test_outpost, back.as_str()).await;
        }
        assert_eq!(done.reason, "sign_in_completed", "{done:#?}");
    }
    port.stop().await;
}

/// One client is one address, however many attempts it has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_takes_no_more_than_its_share() {
    let (test_outpost, op, _) = test_outpost().await;
    let mut callbacks = Vec::new();
    for _ in 0..200 {
        let mut stranger = Browser::default();
        let back = op.authorize(&stranger.begin(&test_outpost, WIKI).await);
        callbacks.push(from(7, stranger.request(&back, &[])));
    }
    op.behave(|b| b.token = Reply::Stall);
    let port = ServicePort::of(&test_outpost).await;
    let mut answers = port.ask(callbacks);
    expect_turned_away(&mut answers, 200 - 64, 503).await;
    assert_eq!(answers.len(), 64);
    port.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logout_tokens_with_unknown_keys_wait_for_one_fetch_and_keep_nobody_out() {
    let (test_outpost, op, alice) = test_outpost().await;
    let claims = |jti: &str| {
        json!({
            "iss": op.issuer(), "sub": "somebody else", "aud": CLIENT_ID, "iat": 1_900_000_000, "exp": 1_900_000_120_u64,
            "jti": jti, "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        })
    };
    let token = |kid: &str, jti: &str| op.sign(&json!({ "kid": kid, "typ": "logout+jwt" }), &claims(jti));
    op.behave(|b| b.keys = Reply::Stall);
    let before = op.recorded("/keys").len();
    let port = ServicePort::of(&test_outpost).await;
    let unknown = logout(&token("unknown", "1"));
    let mut answers = port.ask((0..STRANGERS).map(|number| from(number, unknown.clone())).collect());
    // BL-15 defines no status but 400 for a logout that is not carried out.
    expect_turned_away(&mut answers, STRANGERS - WAITING, 400).await;
    port.lets_pass(&alice).await;
    let mut providers_own = port.ask(vec![from(0, logout(&token("a", "2")))]);
    let (_, done) = providers_own.join_next().await.unwrap().unwrap();
    assert_eq!((done.status, done.reason.as_str()), (200, "logout_by_provider"), "with a known key it does not wait");
    assert_eq!(answers.len(), WAITING, "they still wait");
    assert_eq!(op.recorded("/keys").len() - before, 1, "for one fetch");
    assert!(op.most_connections() <= 3, "{}", op.most_connections());
    port.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_visits_that_wait_for_metadata_keep_nobody_out() {
    let clock = ManualClock::new();
    let (op, slow) = (HostileOp::start(clock.clone()).await, HostileOp::start(clock.clone()).await);
    slow.behave(|b| b.discovery = Reply::Stall);
    let applications = vec![application("wiki", op.issuer()), application("board", slow.issuer())];
    let test_outpost = TestOutpost::new(applications, &clock, &Storage::default());
    let mut alice = Browser::default();
    alice.sign_in(&test_outpost, &op, WIKI).await;
    let port = ServicePort::of(&test_outpost).await;
    let board = Url::parse("https://board.example.com/").unwrap();
    let visits = (0..STRANGERS).map(|number| from(number, Browser::default().request(&board, &[]))).collect();
    let mut answers = port.ask(visits);
    port.lets_pass(&alice).await;
    expect_turned_away(&mut answers, STRANGERS, 503).await;
    assert_eq!(slow.most_connections(), 1);
    port.stop().await;
}

/// The provider's post of a logout token, as Envoy sends it.
pub(crate) fn logout(token: &str) -> CheckRequest {
    let address = Url::parse("https://wiki.example.com/outpost.goauthentik.io/backchannel_logout").unwrap();
    let mut request = Browser::default().request(&address, &[("content-type", "application/x-www-form-urlencoded")]);
    let http = request.attributes.as_mut().and_then(|it| it.request.as_mut()).and_then(|it| it.http.as_mut()).unwrap();
    http.method = "POST".to_owned();
    http.body = format!("logout_token={token}");
    request
}

/// A logout token that ends all sessions of the provider's only user.
pub(crate) fn logout_token(op: &HostileOp, jti: &str) -> String {
    let claims = json!({
        "iss": op.issuer(), "sub": SUBJECT, "aud": CLIENT_ID, "iat": 1_900_000_000, "exp": 1_900_000_120_u64, "jti": jti,
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    });
    op.sign(&json!({ "typ": "logout+jwt" }), &claims)
}
