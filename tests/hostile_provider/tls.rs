//! TLS towards providers: always verified, with the system's certificates and the operator's.

use std::time::Duration;

use gatepost::outbound::provider::ProviderSettings;
use gatepost::outbound::trusted_certificates::TrustedCertificates;
use gatepost::ports::IdentityProvider as _;
use gatepost::testing::ManualClock;
use tokio_rustls::TlsAcceptor;

use crate::authority::authority;
use crate::op::HostileOp;
use crate::test_client::{Outcome, TestClient, relying_party, settings};

async fn test_client(acceptor: TlsAcceptor, ca_certificates: TrustedCertificates) -> TestClient {
    let clock = ManualClock::new();
    let op = HostileOp::start_tls(acceptor, clock.clone()).await;
    let party = relying_party(op.issuer());
    let settings = ProviderSettings { ca_certificates, timeout: Duration::from_secs(5), ..settings() };
    TestClient::around(op, party, &settings, clock)
}

#[tokio::test]
async fn tl_1_a_private_authority_by_file() {
    let (ca, acceptor) = authority("localhost", |_| {});
    let test_client = test_client(acceptor, ca).await;
    assert_eq!(test_client.outcome(|_| {}).await, Outcome::SignedIn);
}

#[tokio::test]
async fn tl_1_anything_else_is_refused() {
    let (other_ca, _) = authority("localhost", |_| {});
    let (_, unknown) = authority("localhost", |_| {});
    let (named_ca, wrong_name) = authority("other.example", |_| {});
    let (old_ca, expired) = authority("localhost", |params| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    });
    for (name, acceptor, ca) in [
        ("unknown authority", unknown.clone(), TrustedCertificates::default()),
        ("another authority", unknown, other_ca),
        ("wrong host", wrong_name, named_ca),
        ("expired", expired, old_ca),
    ] {
        let test_client = test_client(acceptor, ca).await;
        let fault = test_client.providers.metadata(&test_client.relying_party).await.expect_err(name);
        assert!(fault.cause.contains("certificate"), "{name}: {fault}");
        assert!(test_client.op.recorded("").is_empty(), "{name}");
    }
}
