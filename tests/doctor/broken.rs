//! One thing is wrong at a time, and the finding names it.

use std::sync::Arc;

use gatepost::testing::signing::{self, Key};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::fake_provider::{FakeProvider, Flaws};
use crate::run::Setup;

const MEMORY: &str = "session: { store: memory }\n";
const FILE: &str = "session: { store: file, path: sessions.db }\n";

/// Asserts that the findings of this check have this level, and a text with these words.
#[track_caller]
pub(crate) fn says(findings: &Value, check: &str, level: &str, words: &str) {
    let sections = findings["sections"].as_array().unwrap();
    let mut all = sections.iter().flat_map(|section| section["findings"].as_array().unwrap());
    let found = all.any(|finding| {
        let text = format!("{} {}", finding["text"].as_str().unwrap(), finding["help"].as_str().unwrap_or_default());
        finding["check"] == check && finding["level"] == level && text.contains(words)
    });
    assert!(found, "{check}, {level}, {words}: {findings:#}");
}

fn flawed(metadata: Value) -> Flaws {
    Flaws { metadata: Some(metadata), ..Flaws::default() }
}

#[tokio::test]
async fn another_issuer_is_shown_byte_for_byte() {
    let provider = FakeProvider::start(flawed(json!({ "issuer": "http://127.0.0.1/" }))).await;
    let setup = Setup::new(&provider.issuer(), "", MEMORY);
    let (code, findings) = setup.findings().await;
    assert_eq!(code, Some(1));
    says(&findings, "reachable", "ok", "answers 200");
    says(&findings, "metadata", "fail", "\"http://127.0.0.1/\"");
    says(&findings, "metadata", "fail", &format!("{:?}", provider.issuer()));
    says(&findings, "provider", "note", "its issuer");
}

#[tokio::test]
async fn clocks_and_clients_are_compared() {
    for (slow, level) in [(0, "ok"), (30, "warn"), (3600, "fail")] {
        let provider = FakeProvider::start(Flaws { slow, ..Flaws::default() }).await;
        let (code, findings) = Setup::new(&provider.issuer(), "", MEMORY).findings().await;
        says(&findings, "clock", level, "clock");
        assert_eq!(code, Some(i32::from(level == "fail")), "{findings:#}");
    }
    let provider = FakeProvider::start(Flaws { refuses_clients: true, ..Flaws::default() }).await;
    let setup = Setup::new(&provider.issuer(), "", MEMORY);
    let (code, findings) = setup.findings().await;
    assert_eq!(code, Some(1));
    says(&findings, "client_credentials", "fail", "invalid_client");
    assert!(!findings.to_string().contains("client_secret_post"), "the secret has nothing to encode: {findings:#}");
    setup.write("secret", "hunter2/+", 0o600);
    says(&setup.findings().await.1, "client_credentials", "fail", "use client_secret_post");
    setup.edit(|text| {
        text.replace("client_secret_file", "token_endpoint_auth_method: client_secret_post\n    client_secret_file")
    });
    says(&setup.findings().await.1, "client_credentials", "fail", "compare `client_id`");
}

#[tokio::test]
async fn the_step_of_connecting_that_fails_is_named() {
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = unused.local_addr().unwrap();
    drop(unused);
    for (issuer, words) in [
        (format!("http://{closed}"), "no TCP connection"),
        ("https://gatepost-doctor.invalid".to_owned(), "the name gatepost-doctor.invalid"),
    ] {
        let (code, findings) = Setup::new(&issuer, "", MEMORY).findings().await;
        assert_eq!(code, Some(1));
        says(&findings, "reachable", "fail", words);
    }
}

/// TLS with a certificate for `localhost` that ran out in 2002, of an authority whose certificate is returned as PEM.
fn expired() -> (TlsAcceptor, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "authority of a test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2001, 1, 1);
    params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), authority.pem())
}

#[tokio::test]
async fn an_expired_certificate_is_described() {
    let (tls, authority) = expired();
    let provider = FakeProvider::with_tls(tls).await;
    let issuer = format!("https://localhost:{}", provider.address.port());
    let setup = Setup::new(&issuer, "", &format!("{MEMORY}provider: {{ ca_file: ca.pem }}\n"));
    setup.write("ca.pem", &authority, 0o644);
    let (code, findings) = setup.findings().await;
    assert_eq!(code, Some(1));
    for words in ["expired", "for localhost, issued by \"CN=authority of a test\"", "valid until Jan  1 00:00:00 2002"]
    {
        says(&findings, "reachable", "fail", words);
    }
    says(&findings, "file", "ok", "ca.pem holds certificates");
}

#[tokio::test]
async fn files_that_others_may_use_are_named() {
    let provider = FakeProvider::start(Flaws::default()).await;
    let setup = Setup::new(&provider.issuer(), "", FILE);
    setup.write("secret", crate::run::SECRET, 0o644);
    setup.write("sessions.db.key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", 0o644);
    setup.write("sessions.db", "not a database, but a text", 0o600);
    let (code, findings) = setup.findings().await;
    assert_eq!(code, Some(1));
    says(&findings, "file", "warn", "secret has mode 0644");
    says(&findings, "sealing_key", "fail", "has mode 0644");
    says(&findings, "store", "fail", "is not a session file of Gatepost");

    std::fs::remove_file(setup.path().join("sessions.db.key")).unwrap();
    let (_, findings) = setup.findings().await;
    says(&findings, "sealing_key", "fail", "does not exist, so the sessions in sessions.db cannot be read");

    let key = setup.write("sessions.db.key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", 0o660);
    let (_, findings) = setup.findings().await;
    says(&findings, "sealing_key", "warn", "has mode 0660");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(key).unwrap());
    assert_eq!(mode & 0o777, 0o660, "the command changes nothing");
}

#[tokio::test]
async fn a_session_file_that_only_systemd_places_is_not_vouched_for() {
    let provider = FakeProvider::start(Flaws::default()).await;
    let setup = Setup::new(&provider.issuer(), "", "");
    let (_, findings) = setup.findings().await;
    let folder = setup.path().canonicalize().unwrap();
    let words = format!("gatepost-sessions.db in {} was looked at", folder.display());
    says(&findings, "store", "note", &words);
    assert!(!findings.to_string().contains("does not exist yet"), "{findings}");
    setup.write("gatepost-sessions.db", "not a database, but a text", 0o600);
    let (code, findings) = setup.findings().await;
    assert_eq!(code, Some(1));
    says(&findings, "store", "note", &words);
    says(&findings, "store", "fail", "is not a session file of Gatepost");
}

#[tokio::test]
async fn a_redis_that_does_not_answer_is_named() {
    let provider = FakeProvider::start(Flaws::default()).await;
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = unused.local_addr().unwrap();
    drop(unused);
    let redis = format!("redis: {{ url: 'redis://:hunter2@{closed}' }}");
    let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let sections = format!("session: {{ store: redis, sealing_key: {key}, {redis} }}\n");
    let (code, findings) = Setup::new(&provider.issuer(), "", &sections).findings().await;
    assert_eq!(code, Some(1));
    says(&findings, "reachable", "fail", &format!("redis {closed}: {closed}: Connection refused"));
}

/// An application that accepts bearer tokens of another issuer.
fn accepting(provider: &FakeProvider, issuer: &str, further: &str) -> Setup {
    let of_application = format!(
        "    bearer:\n      verify: jwt\n      audience: wiki\n      issuers:\n        - issuer: {issuer}\n          \
         audiences: [wiki]\n{further}    allow: [{{ issuers: [{issuer}], claims: [{{ claim: sub, values: [ci] }}] }}, {{ groups: [staff] }}]\n"
    );
    Setup::new(&provider.issuer(), &of_application, MEMORY)
}

#[tokio::test]
async fn an_issuer_of_bearer_tokens_is_asked_for_its_keys() {
    let provider = FakeProvider::start(Flaws::default()).await;
    let ci = FakeProvider::start(Flaws::default()).await;
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}", unused.local_addr().unwrap());
    drop(unused);
    let keys = format!("          jwks_uri: {}/keys\n", ci.issuer());
    let in_file = "          jwks_file: keys.json\n".to_owned();
    let es256 = "          algorithms: [ES256]\n".to_owned();
    for (issuer, further, code, found) in [
        (ci.issuer(), String::new(), 0, [("reachable", "ok", "answers 200"), ("bearer_algorithms", "ok", "RS256")]),
        ("spiffe://mesh".to_owned(), keys, 0, [("metadata", "ok", "no metadata is read"), ("keys", "ok", "1 usable")]),
        (
            "ci".to_owned(),
            in_file,
            0,
            [("keys", "ok", "configured key set has 1"), ("bearer_algorithms", "ok", "RS256")],
        ),
        (ci.issuer(), es256, 1, [("keys", "ok", "1 usable"), ("bearer_algorithms", "fail", "none of the 1 published")]),
        (closed, String::new(), 1, [("reachable", "fail", "no TCP connection"), ("reachable", "fail", "jwks_uri")]),
    ] {
        let setup = accepting(&provider, &issuer, &further);
        let jwks = json!({ "keys": [signing::jwk(&Key::RsaA, "one")] });
        setup.write("keys.json", &jwks.to_string(), 0o644);
        let (exit, mut findings) = setup.findings().await;
        assert_eq!(exit, Some(code), "{issuer}: {findings:#}");
        let subject = format!("issuer {issuer} (bearer.issuers)");
        findings["sections"].as_array_mut().unwrap().retain(|section| section["subject"] == subject);
        for (check, level, words) in found {
            says(&findings, check, level, words);
        }
    }
    let setup = accepting(&provider, &ci.issuer(), "");
    setup.edit(|text| text.replace("verify: jwt", "verify: jwt\n      algorithms: [ES256]"));
    let (code, findings) = setup.findings().await;
    says(&findings, "bearer_algorithms", "fail", "none of the 1 published");
    assert_eq!(code, Some(1));
}
