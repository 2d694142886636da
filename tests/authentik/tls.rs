//! TLS to authentik: the same for API and WebSocket.

use std::time::Duration;

use gatepost::outbound::authentik::{ApiFault, ConnectionSettings, Instance, WebSocketSettings, WebSocketState};
use gatepost::outbound::trusted_certificates::TrustedCertificates;
use gatepost::testing::SystemEntropy;

use crate::authority::authority;
use crate::client::{connect, settings};
use crate::fake::FakeAuthentik;

/// Whether the WebSocket is answered; it is not when the connection is refused at the first attempt.
async fn websocket_connects(fake: &FakeAuthentik, settings: &ConnectionSettings) -> bool {
    let (connection, outpost) = (connect(settings), crate::fake::OUTPOST.to_owned().try_into().unwrap());
    let instance = Instance::new("edge-1", &SystemEntropy).unwrap();
    let mut open = connection.subscribe(&outpost, &instance, Duration::ZERO, WebSocketSettings::default());
    let mut published = open.state.clone();
    tokio::select! {
        connected = open.state.wait_for(WebSocketState::is_connected) => connected.is_ok(),
        // The end of an attempt is published, too.
        Ok(()) = published.changed() => fake.log(|log| !log.sockets.is_empty()),
    }
}

#[tokio::test]
async fn an_authority_that_is_named_is_trusted() {
    let (ca, acceptor) = authority("localhost", |_| {});
    let fake = FakeAuthentik::start_tls(acceptor).await;
    let settings = ConnectionSettings { ca_certificates: ca, ..settings(&fake.url()) };
    let connection = connect(&settings);
    assert!(connection.outpost().await.is_ok());
    assert!(connection.providers().await.unwrap().valid[0].oidc_configuration.issuer.starts_with("https://localhost:"));
    assert!(websocket_connects(&fake, &settings).await);
}

#[tokio::test]
async fn every_other_certificate_is_refused_unless_the_operator_says_otherwise() {
    let (other_ca, _) = authority("localhost", |_| {});
    let (_, unknown) = authority("localhost", |_| {});
    let (named_ca, wrong_name) = authority("other.example", |_| {});
    let (old_ca, expired) = authority("localhost", |params| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    });
    for (name, acceptor, ca_certificates) in [
        ("unknown authority", unknown.clone(), TrustedCertificates::default()),
        ("another authority", unknown, other_ca),
        ("wrong host", wrong_name, named_ca),
        ("expired", expired, old_ca),
    ] {
        let fake = FakeAuthentik::start_tls(acceptor).await;
        let settings = ConnectionSettings { ca_certificates, ..settings(&fake.url()) };
        let fault = connect(&settings).outpost().await.expect_err(name);
        assert!(matches!(fault, ApiFault::UntrustedCertificate { .. }), "{name}: {fault}");
        assert!(fault.to_string().contains("ca_file"), "{fault}");
        assert!(!websocket_connects(&fake, &settings).await, "{name}");
        assert!(fake.log(|log| log.requests.is_empty()), "{name}");
        let insecure = ConnectionSettings { insecure: true, ..settings };
        assert!(connect(&insecure).outpost().await.is_ok(), "{name}");
        assert!(websocket_connects(&fake, &insecure).await, "{name}");
    }
}
