//! User names and app passwords: authentik's grant for them, and the ID Token that it returns.

use gatepost::domain::oidc::credentials::{BearerCheck, IntrospectionRules, Refusal};
use gatepost::domain::oidc::jwt::TokenFault;
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::fixture::{Fixture, Judged, password};
use crate::op::signing::Key;
use crate::op::{Behaviour, CLIENT_ID, Reply, SUBJECT};

/// A misbehaviour and its required result.
type Row = (&'static str, fn(&mut Behaviour), Judged);

async fn fixture() -> Fixture {
    Fixture::with(BearerCheck::Introspection(IntrospectionRules::Clients(Vec::new())), &[]).await
}

#[tokio::test]
async fn the_grant_names_the_client_and_proves_nothing() {
    let fixture = fixture().await;
    let verified = fixture.show_password().await.unwrap();
    assert_eq!(
        (verified.user().subject.as_str(), verified.claims().text("email")),
        (SUBJECT, Some("alice@example.test"))
    );
    assert_eq!(verified.token().unwrap().expose_secret().split('.').count(), 3, "the ID Token");
    let [request] = fixture.test_client.op.recorded("/token").try_into().expect("one request");
    assert!(request.authorization().is_none() && request.form("client_secret").is_none());
    for (name, expected) in [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT_ID),
        ("username", "alice"),
        ("password", "good-0"),
        ("scope", "openid profile email"),
    ] {
        assert_eq!(request.form(name).as_deref(), Some(expected), "{name}");
    }
    assert_eq!(fixture.test_client.asked("/userinfo"), 0, "nothing was missing");
}

#[tokio::test]
async fn in_4_a_password_is_tried_once_and_a_wrong_one_not_again_at_once() {
    let fixture = fixture().await;
    for _ in 0..5 {
        assert_eq!(Judged::from(&fixture.show(&password("good")).await), Judged::Good);
        assert_eq!(Judged::from(&fixture.show(&password("bad")).await), Judged::Refused(Refusal::Password));
    }
    assert_eq!(fixture.test_client.asked("/token"), 2);
}

#[tokio::test]
async fn the_id_token_is_checked_in_full() {
    let token = |fault| Judged::Refused(Refusal::Token(fault));
    let error = |status, code: &str| Reply::Text(status, "application/json", json!({"error": code}).to_string());
    let rows: Vec<Row> = vec![
        ("proper", |_| {}, Judged::Good),
        ("somebody else's nonce", |b| b.claims = json!({"nonce": "n"}), token(TokenFault::Nonce)),
        ("for another client", |b| b.claims = json!({"aud": "other"}), token(TokenFault::AUDIENCE)),
        ("other issuer", |b| b.claims = json!({"iss": "https://evil.example"}), token(TokenFault::ISSUER)),
        ("over", |b| b.clock_skew = -361, token(TokenFault::Expired(61))),
        ("other key", |b| b.key = Key::RsaB, token(TokenFault::SIGNATURE)),
        ("unsigned", |b| b.header = json!({"alg": "none"}), token(TokenFault::ALGORITHM)),
        ("an access token", |b| b.header = json!({"typ": "at+jwt"}), token(TokenFault::Header)),
        ("wrong at_hash", |b| b.claims = json!({"at_hash": "x"}), token(TokenFault::AccessTokenHash)),
        (
            "UserInfo of another user",
            |b| {
                b.sparse = true;
                b.user = json!({"sub": "mallory"});
            },
            token(TokenFault::OtherSubject),
        ),
        ("no ID Token", |b| b.answer = json!({"id_token": null}), Judged::Unavailable),
        ("no bearer token", |b| b.answer = json!({"token_type": "mac"}), Judged::Unavailable),
        ("proper again", |_| {}, Judged::Good),
        ("500", |b| b.token = Reply::Status(500), Judged::Unavailable),
        ("closed", |b| b.token = Reply::Close, Judged::Unavailable),
        ("stalled", |b| b.token = Reply::Stall, Judged::Unavailable),
    ];
    let fixture = fixture().await;
    for (name, misbehave, expected) in rows {
        fixture.misbehave(misbehave);
        assert_eq!(Judged::from(&fixture.show_password().await), expected, "{name}");
    }
    for (reply, expected) in [
        (error(400, "invalid_grant"), Judged::Refused(Refusal::Password)),
        (error(401, "invalid_client"), Judged::Unavailable),
        (error(400, "unsupported_grant_type"), Judged::Unavailable),
        (error(400, "invalid_scope"), Judged::Unavailable),
    ] {
        fixture.misbehave(|b| b.token = reply.clone());
        assert_eq!(Judged::from(&fixture.show_password().await), expected, "{reply:?}");
    }
}

#[tokio::test]
async fn claims_that_the_id_token_lacks_come_from_user_info() {
    let fixture = fixture().await;
    fixture.misbehave(|b| b.sparse = true);
    let verified = fixture.show_password().await.unwrap();
    assert_eq!(verified.claims().text("preferred_username"), Some("alice"));
    let [request] = fixture.test_client.op.recorded("/userinfo").try_into().expect("one request");
    assert_eq!(request.authorization(), Some("Bearer access-of-an-app-password"));
}
