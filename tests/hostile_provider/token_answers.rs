//! The token request, and its answers.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gatepost::domain::oidc::client_authentication::ClientAuthentication;
use gatepost::testing::ManualClock;
use http::Method;
use serde_json::json;

use crate::op::{CLIENT_ID, CLIENT_SECRET, HostileOp, Reply, parameter};
use crate::test_client::{Outcome, Row, TestClient, check, settings};

#[tokio::test]
async fn oc_19_the_request_carries_code_verifier_and_credentials() {
    let test_client = TestClient::new().await;
    test_client.sign_in().await.unwrap();
    let [request] = test_client.op.recorded("/token").try_into().expect("one request");
    assert_eq!(request.method, Method::POST);
    assert_eq!(request.form("code").as_deref(), Some("c0de 0+/="));
    assert_eq!(request.form("redirect_uri").as_deref(), Some(test_client.relying_party.redirect_uri.as_str()));
    assert_eq!(request.form("code_verifier").map(|verifier| verifier.len()), Some(43));
    assert_eq!((request.form("client_id"), request.form("client_secret")), (None, None), "one way only (RFC 6749 2.3)");
    let encoded = request.authorization().unwrap().strip_prefix("Basic ").unwrap().to_owned();
    let credentials = String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap();
    assert!(credentials.starts_with("wiki%3A1:p%25s%2Bw+%26+rd%3A%C3%A4%C3%B6%2F"), "{credentials}");
    assert!(!request.query.contains("code"), "no secrets in an address");
}

#[tokio::test]
async fn oc_19_client_secret_post() {
    let test_client = TestClient::with(settings(), |party| {
        party.token_endpoint_auth_method = ClientAuthentication::ClientSecretPost;
    })
    .await;
    test_client.sign_in().await.unwrap();
    let [request] = test_client.op.recorded("/token").try_into().expect("one request");
    assert_eq!(request.authorization(), None);
    assert_eq!(request.form("client_id").as_deref(), Some(CLIENT_ID));
    assert_eq!(request.form("client_secret").as_deref(), Some(CLIENT_SECRET));
}

#[tokio::test]
async fn oc_16_pk_1_pk_2_nonce_and_challenge_are_fresh_and_match() {
    let test_client = TestClient::new().await;
    let mut seen = std::collections::HashSet::new();
    for _ in 0..3 {
        // the provider compares challenge and verifier itself
        test_client.sign_in().await.unwrap();
    }
    for request in test_client.op.recorded("/token") {
        let verifier = request.form("code_verifier").unwrap();
        let challenge = URL_SAFE_NO_PAD.encode(ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes()));
        assert_ne!(challenge, verifier);
        assert!(seen.insert(verifier), "one verifier per attempt");
    }
    assert_eq!(seen.len(), 3);
    assert_eq!(parameter("a=b%20c", "a").as_deref(), Some("b c"));
}

#[tokio::test]
async fn oc_19_answers() {
    let malformed = || Outcome::Malformed;
    let rows: Vec<Row> = vec![
        ("bearer", |b| b.answer = json!({"token_type": "bearer"}), Outcome::SignedIn),
        ("BEARER", |b| b.answer = json!({"token_type": "BEARER"}), Outcome::SignedIn),
        ("DPoP", |b| b.answer = json!({"token_type": "DPoP"}), malformed()),
        ("no token type", |b| b.answer = json!({"token_type": null}), malformed()),
        ("no ID Token", |b| b.answer = json!({"id_token": null}), malformed()),
        ("ID Token is a list", |b| b.answer = json!({"id_token": ["x"]}), malformed()),
        ("ID Token is empty", |b| b.answer = json!({"id_token": ""}), malformed()),
        ("access token is a number", |b| b.answer = json!({"access_token": 1}), malformed()),
        ("expires_in absent", |b| b.answer = json!({"expires_in": null}), Outcome::SignedIn),
        ("expires_in zero", |b| b.answer = json!({"expires_in": 0}), Outcome::SignedIn),
        ("expires_in negative", |b| b.answer = json!({"expires_in": -1}), Outcome::SignedIn),
        ("expires_in text", |b| b.answer = json!({"expires_in": "soon"}), Outcome::SignedIn),
        ("expires_in huge", |b| b.answer = json!({"expires_in": 1e300}), Outcome::SignedIn),
        ("201", |b| b.token = Reply::Status(201), malformed()),
        ("204", |b| b.token = Reply::Text(204, "application/json", String::new()), malformed()),
        ("empty", |b| b.token = Reply::Text(200, "application/json", String::new()), malformed()),
        ("array", |b| b.token = Reply::Text(200, "application/json", "[]".into()), malformed()),
        ("HTML", |b| b.token = Reply::Text(200, "text/html", "<html>".into()), malformed()),
        (
            "form-encoded",
            |b| b.token = Reply::Text(200, "application/x-www-form-urlencoded", "id_token=x&token_type=Bearer".into()),
            malformed(),
        ),
        (
            "two ID Tokens",
            |b| {
                let body = r#"{"token_type":"Bearer","id_token":"a","id_token":"b"}"#;
                b.token = Reply::Text(200, "application/json", body.into());
            },
            malformed(),
        ),
        ("JW-2 bomb", |b| b.token = Reply::Bomb, malformed()),
    ];
    check(&TestClient::new().await, rows).await;
}

#[tokio::test]
async fn oc_19_errors() {
    let refused = |code: &str| Outcome::Refused(code.to_owned());
    let rows: Vec<Row> = vec![
        (
            "invalid_grant",
            |b| b.token = Reply::Text(400, "application/json", r#"{"error":"invalid_grant"}"#.into()),
            refused("invalid_grant"),
        ),
        (
            "invalid_client",
            |b| b.token = Reply::Text(401, "application/json", r#"{"error":"invalid_client"}"#.into()),
            refused("invalid_client"),
        ),
        (
            "long",
            |b| b.token = Reply::Text(400, "application/json", json!({"error": "e".repeat(1000)}).to_string()),
            refused(&"e".repeat(64)),
        ),
        (
            "line breaks",
            |b| b.token = Reply::Text(400, "application/json", json!({"error": "a\r\nb\u{1b}[2J"}).to_string()),
            refused("a??b?[2J"),
        ),
        ("400 without a word", |b| b.token = Reply::Text(400, "text/html", "<html>".into()), Outcome::Malformed),
        ("401 with an answer", |b| b.token = Reply::Status(401), Outcome::Malformed),
        ("404", |b| b.token = Reply::Status(404), Outcome::Malformed),
        (
            "403 with a word",
            |b| b.token = Reply::Text(403, "application/json", r#"{"error":"access_denied"}"#.into()),
            Outcome::Malformed,
        ),
        ("429", |b| b.token = Reply::Status(429), Outcome::Unavailable),
        ("500", |b| b.token = Reply::Status(500), Outcome::Unavailable),
        (
            "503 with a word",
            |b| b.token = Reply::Text(503, "application/json", r#"{"error":"server_error"}"#.into()),
            Outcome::Unavailable,
        ),
        ("oversized", |b| b.token = Reply::Huge(2 << 20), Outcome::Unavailable),
        ("truncated", |b| b.token = Reply::Truncated, Outcome::Unavailable),
        ("closed", |b| b.token = Reply::Close, Outcome::Unavailable),
        ("stalled", |b| b.token = Reply::Stall, Outcome::Unavailable),
    ];
    check(&TestClient::new().await, rows).await;
}

#[tokio::test]
async fn tl_2_a_redirect_takes_no_code_along() {
    let (test_client, elsewhere) = (TestClient::new().await, HostileOp::start(ManualClock::new()).await);
    let to = format!("{}token", elsewhere.issuer());
    assert_eq!(test_client.outcome(|b| b.token = Reply::Redirect(to)).await, Outcome::Malformed);
    assert!(elsewhere.recorded("").is_empty());
}

#[tokio::test]
async fn a_wrong_secret_or_a_spent_code_is_the_providers_to_refuse() {
    let test_client = TestClient::with(settings(), |party| party.client_secret = Some("wrong".into())).await;
    assert_eq!(test_client.outcome(|_| {}).await, Outcome::Refused("invalid_client".to_owned()));
}

#[tokio::test]
async fn bcp_04_pkce_and_nonce_go_out_even_if_metadata_is_silent() {
    let test_client = TestClient::new().await;
    let metadata = test_client.ready().await;
    assert!(!format!("{metadata:?}").contains("S256"), "metadata says nothing of PKCE");
    test_client.sign_in().await.expect("the provider insists on S256, verifier and nonce");
}

#[tokio::test]
async fn secrets_are_in_no_debug_output() {
    let test_client = TestClient::new().await;
    let signed_in = test_client.sign_in().await.unwrap();
    let shown = format!("{signed_in:?} {:?}", test_client.relying_party);
    for secret in ["access-c0de", "eyJ", CLIENT_SECRET] {
        assert!(!shown.contains(secret), "{secret}");
    }
}
