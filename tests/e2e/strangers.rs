//! Unauthenticated clients that make Gatepost wait, behind the real Envoy: for the provider, or for bodies that do not
//! arrive.

use std::net::{Ipv4Addr, SocketAddr};

use futures_util::future::join_all;
use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::browser::{Browser, Protocol};
use crate::support::envoy::Scenario;
use crate::support::process::{TIMEOUT, eventually};
use crate::support::raw;
use crate::support::settings::Mode;
use crate::support::site::{Plan, Site};

const STRANGERS: u32 = 1200;
/// Maximum waiting requests for one purpose at one provider, and maximum concurrent redemptions.
const WAITING: u32 = 128;

const NAVIGATION: &str = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\
                          Sec-Fetch-Site: none\r\nConnection: close\r\n\r\n";

/// A connection to Envoy from one of 60 addresses of this machine.
async fn connect(site: &Site, number: u32) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    let last = u8::try_from(number % 60 + 1).expect("a byte");
    socket.bind(SocketAddr::from(([127, 0, 1, last], 0))).expect("an address of this machine");
    socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, site.front()))).await.expect("Envoy accepts")
}

async fn answer(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    // A reset after the answer also ends it; a failure in place of an answer is named.
    match stream.read_to_end(&mut text).await {
        Err(error) if text.is_empty() => format!("no answer: {error}"),
        Ok(_) | Err(_) => String::from_utf8_lossy(&text).into_owned(),
    }
}

fn status(answer: &str) -> Option<u16> {
    answer.get(9..12)?.parse().ok()
}

fn header<'a>(answer: &'a str, name: &str) -> &'a str {
    let line = answer.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name}: {answer}"))
}

/// A forged callback of an unauthenticated client, with a sealed attempt and an invented code.
async fn callback(site: &Site) -> String {
    let host = site.host("wiki");
    let begun =
        raw::exchange(site.front(), format!("GET /page HTTP/1.1\r\nHost: {host}\r\n{NAVIGATION}").as_bytes()).await;
    let begun = begun.expect("an answer");
    let there = url::Url::parse(header(&begun, "location")).expect("the provider");
    let (_, state) = there.query_pairs().find(|(name, _)| name == "state").expect("a state");
    let binding = header(&begun, "set-cookie").split(';').next().expect("a cookie");
    let issuer = site.plan.provider.issuer();
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("X-authentik-auth-callback", "true"),
            ("code", "made-up"),
            ("state", &*state),
            ("iss", &*issuer),
        ])
        .finish();
    format!(
        "GET /outpost.goauthentik.io/callback?{query} HTTP/1.1\r\nHost: {host}\r\nCookie: {binding}\r\n{NAVIGATION}"
    )
}

/// The lines of an access log that tell of something else than a 503.
fn without_503(access_log: &str) -> String {
    let lines: Vec<&str> = access_log.lines().filter(|line| !line.contains("503")).collect();
    lines.join("\n")
}

async fn callbacks_at_a_provider_that_stands_still(scenario: Scenario) {
    let mut plan = Plan::new(scenario, Mode::Single);
    plan.settings.grpc_limits = "callback_deadline: 14s";
    plan.settings.sections = "provider: { timeout: 14s }\n";
    let site = plan.start().await;
    let alice = site.signed_in(Protocol::Http2).await;
    let mut callbacks = Vec::new();
    while callbacks.len() < STRANGERS as usize {
        callbacks.extend(join_all((0..50).map(|_| callback(&site))).await);
    }
    site.provider.as_ref().expect("runs").pause();
    let mut answers = JoinSet::new();
    for (callback, number) in callbacks.into_iter().zip(0..) {
        let mut stream = connect(&site, number).await;
        stream.write_all(callback.as_bytes()).await.expect("is taken");
        answers.spawn(answer(stream));
    }
    for _ in 0..STRANGERS - WAITING {
        let text =
            timeout(TIMEOUT, answers.join_next()).await.expect("is answered at once").expect("one").expect("ran");
        assert_eq!(status(&text), Some(503), "{text:?}\n{}", without_503(&site.envoy.access_log()));
    }
    let pages = join_all((0..200).map(|_| async { alice.open(&site.wiki("/check")).await })).await;
    for page in pages {
        assert_eq!(page.status, StatusCode::OK, "{page:#?}");
        assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));
    }
    let waiting = format!("gatepost_provider_waiting{{purpose=\"redemption\"}} {WAITING}\n");
    let metrics = raw::get(site.gatepost.port("metrics"), "/metrics").await.expect("metrics");
    assert!(metrics.contains(&waiting), "they still wait: {metrics}");
    assert!(metrics.contains("gatepost_calls_shed_total 0\n"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f_14_callbacks_that_wait_keep_no_signed_in_user_out_inside_the_check() {
    callbacks_at_a_provider_that_stands_still(Scenario::InsideTheCheck).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f_14_callbacks_that_wait_keep_no_signed_in_user_out_side_listener() {
    callbacks_at_a_provider_that_stands_still(Scenario::SideListener).await;
}

/// Envoy serves many clients from one address.
#[tokio::test(flavor = "multi_thread")]
async fn f_15_bodies_that_do_not_come_keep_nobody_from_the_side_listener() {
    let site = Site::start(Scenario::SideListener, Mode::Single).await;
    let alice = site.signed_in(Protocol::Http1).await;
    let host = site.host("wiki");
    let slow = format!(
        "POST /outpost.goauthentik.io/backchannel_logout HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\nlogout_token="
    );
    let mut held = Vec::new();
    for number in 0..200 {
        let mut stream = connect(&site, number).await;
        stream.write_all(slow.as_bytes()).await.expect("is taken");
        held.push(stream);
    }
    // 72 of the 200 have made room; the others wait, each on its own connection of Envoy's.
    let http = "gatepost_bodies_given_up_total{listener=\"http\",cause=\"crowded\"} 72\n";
    eventually("the bodies are waited for", async || {
        let metrics = raw::get(site.gatepost.port("metrics"), "/metrics").await?;
        metrics.contains(http).then_some(())
    })
    .await;
    for _ in 0..20 {
        let begun = Browser::new(Protocol::Http1).open(&site.wiki("/outpost.goauthentik.io/start")).await;
        assert_eq!(begun.status, StatusCode::FOUND, "{begun:#?}");
    }
    let left = alice.open(&site.wiki("/outpost.goauthentik.io/sign_out")).await;
    assert_eq!(left.status, StatusCode::FOUND, "{left:#?}");
    assert_eq!(alice.open(&site.wiki("/check")).await.status, StatusCode::FOUND, "she is signed out");
    drop(held);
}

/// Envoy shows its operator only a 503: Gatepost's log names the cause, once, and both settings.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_is_too_long_is_named_in_the_log() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.grpc_limits = "max_message_size: 4 KiB";
    let mut site = plan.start().await;
    let request =
        format!("GET / HTTP/1.1\r\nHost: {}\r\nX-Long: {}\r\n{NAVIGATION}", site.host("wiki"), "x".repeat(5000));
    for _ in 0..3 {
        let text = raw::exchange(site.front(), request.as_bytes()).await.expect("an answer");
        assert_eq!(status(&text), Some(503), "{text}");
    }
    site.gatepost.stop();
    let lines = site.gatepost.log().text();
    let told: Vec<&str> = lines.lines().filter(|line| line.contains("its message is too long")).collect();
    assert_eq!(told.len(), 1, "{lines}");
    for part in ["more than the 4096 of `limits.grpc.max_message_size`", "with_request_body.max_request_bytes"] {
        assert!(told[0].contains(part), "{told:?}");
    }
}
