//! Certificates: fetched when they change, and the private key no more often than that.

use gatepost::outbound::authentik::ApiFault;
use secrecy::ExposeSecret as _;

use crate::client::{connect, settings};
use crate::fake::FakeAuthentik;
use crate::fake::answers::FakeCertificate;

const UUID: &str = "5a5a0e0e-5a55-4d7c-9d0e-0c6f6f0f2a11";

fn certificate(fingerprint: Option<&str>, chain: &str) -> FakeCertificate {
    FakeCertificate {
        uuid: UUID.to_owned(),
        name: "wildcard".to_owned(),
        fingerprint: fingerprint.map(str::to_owned),
        chain: chain.to_owned(),
        private_key: Some(format!("key of {chain}")),
    }
}

#[tokio::test]
async fn the_private_key_is_looked_at_once_for_each_fingerprint() {
    let fake = FakeAuthentik::start().await;
    let connection = connect(&settings(&fake.url()));
    let looks = || fake.log(|log| ["/view_certificate/", "/view_private_key/"].map(|part| log.requests_to(part).len()));
    let mut known = None;
    for (given, expected) in [
        (certificate(Some("aa"), "one"), [1, 1]),
        (certificate(Some("aa"), "one"), [1, 1]),
        (certificate(Some("bb"), "two"), [2, 2]),
        (certificate(Some("bb"), "two"), [2, 2]),
        // A server that tells no fingerprint: the chain shows a change.
        (certificate(None, "two"), [3, 2]),
        (certificate(None, "three"), [4, 3]),
    ] {
        fake.change(|state| state.certificates = vec![given.clone()]);
        let read = connection.certificate(UUID, known.as_ref()).await.unwrap();
        assert_eq!((&read.chain, read.uuid.as_str()), (&given.chain, UUID));
        assert_eq!(Some(read.private_key.as_secret().expose_secret()), given.private_key.as_deref());
        assert_eq!(looks(), expected, "{}", given.chain);
        assert!(!format!("{read:?}").contains("key of"));
        known = Some(read);
    }
}

#[tokio::test]
async fn a_certificate_without_key_or_without_permission_is_told() {
    let fake = FakeAuthentik::start().await;
    let connection = connect(&settings(&fake.url()));
    let fault = connection.certificate(UUID, None).await.expect_err("is unknown").to_string();
    assert!(fault.contains("404") && fault.contains("No CertificateKeyPair matches"), "{fault}");
    fake.change(|state| {
        state.certificates = vec![FakeCertificate { private_key: None, ..certificate(Some("aa"), "one") }];
    });
    let fault = connection.certificate(UUID, None).await.expect_err("has no key");
    assert!(matches!(fault, ApiFault::NoPrivateKey { .. }) && fault.to_string().contains("\"wildcard\""), "{fault}");
}
