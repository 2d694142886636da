//! Providers that are down: at the start or later, and their recovery.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use gatepost::outbound::provider::OpenIdProviders;
use gatepost::ports::IdentityProvider as _;
use gatepost::testing::ManualClock;

use tokio::time::Instant;

use crate::op::{HostileOp, Reply};
use crate::test_client::{Outcome, TestClient, relying_party, settings};

/// Waits until `providers` have the provider's metadata; returns how long that took.
async fn recovery(providers: &OpenIdProviders, issuer: &str) -> Duration {
    let (party, begun) = (relying_party(issuer), Instant::now());
    while providers.metadata(&party).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never recovers");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    begun.elapsed()
}

#[tokio::test]
async fn f_01_down_at_the_start_refused() {
    let clock = ManualClock::new();
    // a port that was free a moment ago, without a listener
    let address = {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        listener.local_addr().unwrap()
    };
    let issuer = format!("http://127.0.0.1:{}/o/wiki/", address.port());
    let begun = Instant::now();
    let providers: Arc<OpenIdProviders> =
        OpenIdProviders::start(&settings(), [&relying_party(&issuer)], clock.clone()).unwrap();
    let fault = providers.metadata(&relying_party(&issuer)).await.expect_err("nobody is there");
    assert!(fault.cause.contains("refused"), "{fault}");
    assert!(begun.elapsed() < Duration::from_secs(1), "told at once");
    let op = HostileOp::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, address.port())), clock).await;
    assert_eq!(op.issuer(), issuer);
    assert!(recovery(&providers, &issuer).await <= Duration::from_secs(5), "F-1: ready within 5 s");
}

#[tokio::test]
async fn f_01_down_at_the_start_stalled_or_failing() {
    for reply in [Reply::Stall, Reply::Status(500), Reply::Close] {
        let clock = ManualClock::new();
        let op = HostileOp::start(clock.clone()).await;
        op.behave(|b| b.discovery = reply.clone());
        let party = relying_party(op.issuer());
        let test_client = TestClient::around(op, party, &settings(), clock);
        let begun = Instant::now();
        assert!(test_client.providers.metadata(&test_client.relying_party).await.is_err());
        assert!(begun.elapsed() < Duration::from_millis(1500), "a sign-in waits a second at most");
        test_client.op.reform();
        assert!(recovery(&test_client.providers, test_client.op.issuer()).await <= Duration::from_secs(5), "{reply:?}");
        assert_eq!(test_client.outcome(|_| {}).await, Outcome::SignedIn);
    }
}

#[tokio::test]
async fn f_01_a_sign_in_waits_for_the_first_fetch_under_way() {
    let clock = ManualClock::new();
    let op = HostileOp::start(clock.clone()).await;
    let party = relying_party(op.issuer());
    let test_client = TestClient::around(op, party, &settings(), clock);
    assert!(
        test_client.providers.metadata(&test_client.relying_party).await.is_ok(),
        "asked before anything was fetched"
    );
}

#[tokio::test]
async fn an_unknown_issuer_is_unavailable() {
    let test_client = TestClient::new().await;
    let fault = test_client.providers.metadata(&relying_party("https://other.example")).await.expect_err("is unknown");
    assert_eq!(fault.issuer, "https://other.example");
}

#[tokio::test]
async fn f_02_down_while_running() {
    let test_client = TestClient::new().await;
    let down = test_client
        .outcome(|b| {
            b.discovery = Reply::Close;
            b.keys = Reply::Close;
            b.token = Reply::Close;
        })
        .await;
    assert_eq!(down, Outcome::Unavailable);
    assert_eq!(test_client.outcome(|_| {}).await, Outcome::SignedIn, "back at once: metadata and keys were kept");
}

#[tokio::test]
async fn fi_03_redeeming_ends_in_time_whatever_stalls() {
    let test_client = TestClient::new().await;
    let begun = Instant::now();
    let outcome = test_client
        .outcome(|b| {
            b.keys = Reply::Stall;
            b.header = serde_json::json!({"kid": "junk"});
        })
        .await;
    assert_ne!(outcome, Outcome::SignedIn);
    assert!(begun.elapsed() < Duration::from_secs(3), "one deadline for all requests of one sign-in");
}

#[tokio::test]
async fn background_work_ends_with_the_providers() {
    let frequent =
        gatepost::outbound::provider::ProviderSettings { refresh_interval: Duration::from_millis(20), ..settings() };
    let test_client = TestClient::with(frequent, |_| {}).await;
    let TestClient { op, providers, .. } = test_client;
    drop(providers);
    // the task is aborted at its next step; a request that had begun may still be recorded
    tokio::time::sleep(Duration::from_millis(100)).await;
    let asked = op.recorded("").len();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(op.recorded("").len(), asked);
}
