//! Clients without a secret in the request: public ones, assertions, certificates (RFC 7523, RFC 8705), at each endpoint where a
//! client authenticates.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gatepost::domain::oidc::algorithm::SigningAlgorithm;
use gatepost::domain::oidc::client_authentication::{
    AssertionAudience, AssertionKey, ClientAssertion, ClientAuthentication, ClientCertificate, SecretPem,
};
use gatepost::domain::oidc::credentials::{AcceptedCredentials, BearerCheck};
use gatepost::domain::oidc::credentials::{Credential, IntrospectionRules};
use gatepost::domain::oidc::jws::{KeySet, Purpose};
use gatepost::domain::oidc::jwt::CompactToken;
use gatepost::domain::session::{Lifetimes, Session};
use gatepost::domain::time::Timestamp;
use gatepost::outbound::provider::ProviderSettings;
use gatepost::outbound::trusted_certificates::TrustedCertificates;
use gatepost::ports::{CredentialFault, ExchangeFault, IdentityProvider as _};
use gatepost::testing::signing::{Key, RSA_A_PEM, jwk};
use gatepost::testing::{ManualClock, NOW};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::json;
use tokio_rustls::TlsAcceptor;

use crate::fixture::application;
use crate::op::{CLIENT_ID, ClientCheck, HostileOp, Recorded};
use crate::test_client::{Outcome, TestClient, relying_party, settings};

const DAY: Duration = Duration::from_secs(86_400);

fn key(audience: AssertionAudience) -> AssertionKey {
    let private_key = SecretPem::new(RSA_A_PEM.as_bytes());
    AssertionKey { private_key, algorithm: SigningAlgorithm::PS256, key_id: Some("a".to_owned()), audience }
}

/// A client that authenticates like this, at a provider that accepts nothing else.
async fn client(authentication: ClientAuthentication, check: ClientCheck) -> TestClient {
    let test_client = TestClient::with(settings(), |party| party.token_endpoint_auth_method = authentication).await;
    test_client.op.behave(|b| b.client = check);
    test_client
}

/// Goes to each endpoint at which clients authenticate, and returns the four requests.
async fn all_requests(test_client: &TestClient) -> [Recorded; 4] {
    test_client.op.behave(|b| b.answer = json!({"refresh_token": "refresh-first"}));
    let signed_in = test_client.sign_in().await.expect("a sign-in");
    let mut application = application(test_client);
    let verify = BearerCheck::Introspection(IntrospectionRules::Clients(vec!["ci".to_owned()]));
    let bearer = Some(verify.into());
    application.credentials = AcceptedCredentials { bearer, ..AcceptedCredentials::default() };
    let lifetimes = Lifetimes { absolute: DAY, idle: DAY };
    let session = Session::begin(signed_in, &application, Timestamp::from_unix(NOW), lifetimes);
    test_client.providers.refresh(&test_client.relying_party, session.record()).await.expect("a refresh");
    let token = Credential::Token("access-presented".into());
    test_client.providers.verify(&Arc::new(application), &token).await.expect("a good token");
    test_client.providers.revoke(&test_client.relying_party, &"refresh-1".into());
    test_client.providers.settled().await;
    let requests = ["/token", "/introspect", "/revoke"].map(|suffix| test_client.op.recorded(suffix)).concat();
    requests.try_into().expect("token, refresh, introspection, revocation")
}

#[tokio::test]
async fn a_public_client_sends_its_id_alone() {
    let test_client = client(ClientAuthentication::None, ClientCheck::Public).await;
    for request in all_requests(&test_client).await {
        assert_eq!(request.form("client_id").as_deref(), Some(CLIENT_ID));
        assert_eq!((request.authorization(), request.form("client_secret")), (None, None), "{}", request.path);
    }
    assert!(test_client.op.recorded("/token")[0].form("code_verifier").is_some(), "PKCE");
    let test_client = client(ClientAuthentication::None, ClientCheck::Secret).await;
    let outcome = test_client.outcome(|_| {}).await;
    assert_eq!(outcome, Outcome::Refused("invalid_client".to_owned()), "a provider that wants a secret");
}

#[tokio::test]
async fn an_assertion_is_signed_anew_for_each_request() {
    for (audience, is_endpoint) in [(AssertionAudience::Issuer, false), (AssertionAudience::TokenEndpoint, true)] {
        let assertion = ClientAssertion::Signed(key(audience));
        let test_client = client(ClientAuthentication::PrivateKeyJwt(assertion), ClientCheck::Assertion).await;
        let issuer = test_client.op.issuer().to_owned();
        let expected = if is_endpoint { format!("{issuer}token") } else { issuer };
        let keys = json!({ "keys": [jwk(&Key::RsaA, "a")] }).to_string();
        let keys = KeySet::parse(keys.as_bytes()).unwrap();
        let mut ids = Vec::new();
        for request in all_requests(&test_client).await {
            assert_eq!((request.authorization(), request.form("client_secret")), (None, None));
            assert!(!request.query.contains("assertion"), "no secrets in an address");
            let raw = request.form("client_assertion").unwrap();
            let purpose = Purpose::AccessToken { algorithms: &[SigningAlgorithm::PS256], token_type: Some("jwt") };
            assert!(keys.verify(&raw.as_str().into(), purpose).is_ok(), "{}", request.path);
            let claims = CompactToken::parse(&raw).unwrap().payload;
            assert_eq!((&claims["iss"], &claims["sub"]), (&json!(CLIENT_ID), &json!(CLIENT_ID)));
            assert_eq!(claims["aud"], *expected, "{}", request.path);
            assert_eq!((&claims["iat"], &claims["exp"]), (&json!(NOW), &json!(NOW + 60)));
            ids.push(claims["jti"].as_str().unwrap().to_owned());
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 4, "each `jti` is used once");
    }
}

fn file(path: PathBuf) -> ClientAuthentication {
    ClientAuthentication::PrivateKeyJwt(ClientAssertion::File(path))
}

#[tokio::test]
async fn an_assertion_in_a_file_is_read_for_each_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let test_client = client(file(path.clone()), ClientCheck::Assertion).await;
    for number in 0..2 {
        let claims = json!({ "iss": "https://platform.example", "sub": CLIENT_ID, "jti": number });
        let assertion = test_client.op.sign(&json!({}), &claims);
        std::fs::write(&path, format!("{assertion}\n")).unwrap();
        assert_eq!(Outcome::from(&test_client.sign_in().await), Outcome::SignedIn);
        assert_eq!(test_client.op.recorded("/token")[number].form("client_assertion"), Some(assertion));
    }
    let again = test_client.sign_in().await;
    assert_eq!(Outcome::from(&again), Outcome::Refused("invalid_client".to_owned()), "the provider judges it");
}

/// The other clients of the provider go on, however often the file of one is missing.
#[tokio::test]
async fn an_assertion_file_that_vanished_is_an_outage_of_this_client_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let test_client = client(file(path.clone()), ClientCheck::Assertion).await;
    for content in [None, Some(""), Some("hunter2"), Some("hunter2.x.y&client_id=other")] {
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let Err(ExchangeFault::Unavailable(fault)) = test_client.sign_in().await else { panic!("{content:?}") };
        let shown = path.display().to_string();
        assert!(fault.cause.contains(&shown) && fault.cause.contains(CLIENT_ID), "{fault}");
        assert!(!fault.cause.contains("hunter2"), "{fault}");
    }
    assert_eq!(test_client.asked("/token"), 0, "no request without an assertion");

    let mut application = application(&test_client);
    let verify = BearerCheck::Introspection(IntrospectionRules::Clients(vec!["ci".to_owned()]));
    let bearer = Some(verify.into());
    application.credentials = AcceptedCredentials { bearer, ..AcceptedCredentials::default() };
    let mut other = application.clone();
    other.relying_party.token_endpoint_auth_method = ClientAuthentication::ClientSecretPost;
    let (application, other) = (Arc::new(application), Arc::new(other));
    for number in 0..20 {
        let token = Credential::Token(format!("access-{number}").into());
        let fault = test_client.providers.verify(&application, &token).await.expect_err("no assertion");
        assert!(matches!(fault, CredentialFault::Unavailable(_)), "{fault:?}");
    }
    test_client.op.behave(|b| b.client = ClientCheck::Secret);
    let token = Credential::Token("access-of-another".into());
    assert!(test_client.providers.verify(&other, &token).await.is_ok(), "no call is suspended");
}

/// An authority, its TLS server for `localhost` that accepts client certificates, and a client certificate.
fn mutual_tls() -> (TrustedCertificates, TlsAcceptor, ClientCertificate) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let [server, client] = ["localhost", "client.example"].map(|name| {
        let key = KeyPair::generate().unwrap();
        (CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap(), key)
    });
    let mut roots = RootCertStore::empty();
    roots.add(issuer.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.allow_unauthenticated().build().unwrap())
        .with_single_cert(
            vec![server.0.der().clone()],
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(server.1.serialize_der())),
        )
        .unwrap();
    let certificate = ClientCertificate {
        chain: client.0.pem().into_bytes(),
        private_key: SecretPem::new(client.1.serialize_pem().as_bytes()),
    };
    let trusted = TrustedCertificates::from_pem(issuer.pem().as_bytes()).unwrap();
    (trusted, TlsAcceptor::from(Arc::new(config)), certificate)
}

#[tokio::test]
async fn a_certificate_authenticates_at_the_aliases_of_the_endpoints() {
    let (ca_certificates, acceptor, certificate) = mutual_tls();
    let clock = ManualClock::new();
    let op = HostileOp::start_tls(acceptor, clock.clone()).await;
    let mut party = relying_party(op.issuer());
    party.token_endpoint_auth_method = ClientAuthentication::TlsClientAuth(certificate.clone());
    let aliases = ["token", "introspection", "revocation", "userinfo"]
        .into_iter()
        .zip(["token", "introspect", "revoke", "userinfo"])
        .map(|(name, path)| (format!("{name}_endpoint"), format!("{}mtls/{path}", op.issuer()).into()));
    let aliases: serde_json::Map<_, _> = aliases.collect();
    op.behave(|b| {
        b.metadata = json!({ "mtls_endpoint_aliases": aliases });
        b.client = ClientCheck::Certificate;
        b.sparse = true;
    });
    let settings = ProviderSettings { ca_certificates, timeout: Duration::from_secs(5), ..settings() };
    let test_client = TestClient::around(op, party, &settings, clock);
    test_client.ready().await;
    for request in all_requests(&test_client).await {
        assert!(request.path.contains("/mtls/"), "{}", request.path);
        assert_eq!(request.form("client_id").as_deref(), Some(CLIENT_ID));
        assert_eq!((request.authorization(), request.form("client_secret")), (None, None));
        assert!(request.certificate.is_some(), "{}", request.path);
    }
    let asked = test_client.op.recorded("/userinfo");
    assert!(!asked.is_empty() && asked.iter().all(|it| it.path.contains("/mtls/") && it.certificate.is_some()));
    let public = test_client.op.recorded("openid-configuration");
    assert!(public.iter().all(|request| request.certificate.is_none()), "only where the client authenticates");

    // A client with a secret, at the same provider: neither certificate nor aliases.
    test_client.op.behave(|b| b.client = ClientCheck::Secret);
    let mut with_secret = test_client.relying_party.clone();
    with_secret.token_endpoint_auth_method = ClientAuthentication::ClientSecretBasic;
    let before = test_client.asked("/token");
    let code = test_client.code().await.unwrap();
    test_client.providers.exchange(&with_secret, code).await.expect("a sign-in");
    let requests = test_client.op.recorded("/token");
    let [request] = &requests[before..] else { panic!("one request") };
    assert!(request.certificate.is_none() && !request.path.contains("/mtls/"), "{}", request.path);

    // A certificate that the configuration does not have any more.
    let (_, _, other) = mutual_tls();
    let mut rotated = test_client.relying_party.clone();
    rotated.token_endpoint_auth_method = ClientAuthentication::TlsClientAuth(other.clone());
    let code = test_client.code().await.unwrap();
    let fault = test_client.providers.exchange(&rotated, code).await.expect_err("an unknown certificate");
    assert!(matches!(fault, ExchangeFault::Unavailable(_)), "{fault:?}");
    test_client.providers.update(&settings, [&rotated]).unwrap();
    let code = test_client.code().await.unwrap();
    let fault = test_client.providers.exchange(&rotated, code).await.expect_err("a stranger's certificate");
    assert!(matches!(fault, ExchangeFault::Unavailable(_)), "the TLS handshake fails: {fault:?}");
    test_client.providers.update(&settings, [&test_client.relying_party]).unwrap();
    test_client.op.behave(|b| b.client = ClientCheck::Certificate);
    assert_eq!(Outcome::from(&test_client.sign_in().await), Outcome::SignedIn);
}
