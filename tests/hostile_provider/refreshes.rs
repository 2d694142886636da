//! Answers to a refresh (OpenID Connect Core section 12.2, RFC 6749 section 6).

use std::time::Duration;

use gatepost::domain::application::Application;
use gatepost::domain::oidc::jwt::TokenFault;
use gatepost::domain::session::{Lifetimes, Refresh, Session, SessionRecord};
use gatepost::domain::time::Timestamp;
use gatepost::ports::{ExchangeFault, IdentityProvider as _};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::fixture::application;
use crate::op::{Behaviour, CLIENT_SECRET, Key, NULL, Reply};
use crate::test_client::{Outcome, Row, TestClient};

const NOW: Timestamp = Timestamp::from_unix(1_900_000_000);
const DAY: Duration = Duration::from_secs(86_400);

/// A session that can be refreshed, at a provider that may misbehave from now on.
struct Fixture {
    test_client: TestClient,
    application: Application,
    session: Session,
}

impl Fixture {
    async fn new() -> Self {
        Self::signed_in(|_| {}).await
    }

    async fn signed_in(behaviour: impl FnOnce(&mut Behaviour)) -> Self {
        let test_client = TestClient::new().await;
        test_client.op.behave(|b| b.answer = json!({"refresh_token": "refresh-first"}));
        test_client.op.behave(|b| b.claims = json!({"auth_time": 5}));
        test_client.op.behave(behaviour);
        let signed_in = test_client.sign_in().await.expect("a proper sign-in");
        let application = application(&test_client);
        let session = Session::begin(signed_in, &application, NOW, Lifetimes { absolute: DAY, idle: DAY });
        assert!(session.record().refresh.is_some(), "a refresh token");
        Self { test_client, application, session }
    }

    /// The session after a refresh while the provider misbehaves.
    async fn refreshed(&self, misbehave: impl FnOnce(&mut Behaviour)) -> Result<Session, ExchangeFault> {
        self.test_client.op.reform();
        self.test_client.op.behave(misbehave);
        let refreshed =
            self.test_client.providers.refresh(&self.test_client.relying_party, self.session.record()).await;
        if let Err(fault) = &refreshed {
            let text = format!("{fault} {fault:?}");
            assert!(!text.contains(CLIENT_SECRET) && !text.contains("refresh-"), "no secrets in faults: {text}");
        }
        refreshed.map(|refreshed| {
            let text = format!("{refreshed:?}");
            assert!(!text.contains("refresh-second") && !text.contains("access-refreshed"), "no secrets: {text}");
            self.session.refreshed(refreshed, &self.application, NOW)
        })
    }

    async fn check(&self, rows: Vec<Row>) {
        for (name, misbehave, expected) in rows {
            let outcome = match self.refreshed(misbehave).await {
                Ok(_) => Outcome::SignedIn,
                Err(ExchangeFault::Unavailable(_)) => Outcome::Unavailable,
                Err(ExchangeFault::Refused(code)) => Outcome::Refused(code),
                Err(ExchangeFault::Malformed(_)) => Outcome::Malformed,
                Err(ExchangeFault::Untrustworthy(fault)) => Outcome::Untrustworthy(fault),
            };
            assert_eq!(outcome, expected, "{name}");
        }
    }
}

fn refresh(record: &SessionRecord) -> &Refresh {
    record.refresh.as_ref().expect("goes on")
}

fn token(record: &SessionRecord) -> &str {
    record.refresh_token().expect("goes on").expose_secret()
}

#[tokio::test]
async fn a_refresh_shows_the_token_and_the_client_and_asks_for_no_other_scope() {
    let fixture = Fixture::new().await;
    let refreshed = fixture.refreshed(|_| {}).await.expect("a proper refresh");
    let request = fixture.test_client.op.recorded("/token").pop().expect("a request");
    assert_eq!(request.form("grant_type").as_deref(), Some("refresh_token"));
    assert_eq!(request.form("refresh_token").as_deref(), Some("refresh-first"));
    assert_eq!((request.form("scope"), request.form("client_secret")), (None, None));
    assert!(request.authorization().is_some_and(|value| value.starts_with("Basic ")) && request.query.is_empty());
    let record = refreshed.record();
    assert_eq!((token(record), record.generation), ("refresh-second", 1));
    assert_eq!(refresh(record).stale, NOW.plus(Duration::from_secs(300)));
    assert_eq!(record.access_token.as_ref().map(secrecy::ExposeSecret::expose_secret), Some("access-refreshed"));
    assert_ne!(
        record.id_token.as_ref().map(ExposeSecret::expose_secret),
        fixture.session.record().id_token.as_ref().map(ExposeSecret::expose_secret)
    );
    assert_eq!(record.claims.value("auth_time"), Some(&json!(5)), "the sign-in stays what it was");
}

#[tokio::test]
async fn bcp_6_a_new_id_token_is_checked_in_full() {
    let untrustworthy = Outcome::Untrustworthy;
    let rows: Vec<Row> = vec![
        ("proper", |_| {}, Outcome::SignedIn),
        ("the same auth_time", |b| b.claims = json!({"auth_time": 5}), Outcome::SignedIn),
        ("another subject", |b| b.claims = json!({"sub": "1"}), untrustworthy(TokenFault::OtherUser)),
        ("no subject", |b| b.claims = json!({"sub": null}), untrustworthy(TokenFault::Subject)),
        ("another issuer", |b| b.claims = json!({"iss": "https://evil.example/"}), untrustworthy(TokenFault::ISSUER)),
        ("another audience", |b| b.claims = json!({"aud": "board"}), untrustworthy(TokenFault::AUDIENCE)),
        ("one audience more", |b| b.claims = json!({"aud": ["wiki:1", "x"]}), untrustworthy(TokenFault::AUDIENCE)),
        ("another party", |b| b.claims = json!({"azp": "x"}), untrustworthy(TokenFault::AuthorizedParty)),
        ("expired", |b| b.claims = json!({"exp": 1_899_999_000}), untrustworthy(TokenFault::Expired(1000))),
        ("no exp", |b| b.claims = json!({"exp": null}), untrustworthy(TokenFault::Time("exp"))),
        ("of the future", |b| b.claims = json!({"iat": 1_900_001_000}), untrustworthy(TokenFault::IssuedAt(1000))),
        ("a nonce of somebody", |b| b.claims = json!({"nonce": "x"}), untrustworthy(TokenFault::Nonce)),
        ("at_hash", |b| b.claims = json!({"at_hash": "AAAA"}), untrustworthy(TokenFault::AccessTokenHash)),
        ("auth_time", |b| b.claims = json!({"auth_time": 6}), untrustworthy(TokenFault::OtherSignIn("auth_time"))),
        ("sid", |b| b.claims = json!({"sid": "x"}), untrustworthy(TokenFault::OtherSignIn("sid"))),
        ("no sid", |b| b.claims = json!({"sid": null}), Outcome::SignedIn),
        (
            "alg none",
            |b| (b.header, b.key) = (json!({"alg": "none"}), Key::Nothing),
            untrustworthy(TokenFault::ALGORITHM),
        ),
        (
            "another key",
            |b| (b.key, b.answer) = (Key::RsaB, json!({"refresh_token": null})),
            untrustworthy(TokenFault::SIGNATURE),
        ),
        ("a logout token", |b| b.header = json!({"typ": "logout+jwt"}), untrustworthy(TokenFault::Header)),
        ("no token at all", |b| b.id_token_text = |_| "x".into(), untrustworthy(TokenFault::Malformed)),
    ];
    let fixture = Fixture::new().await;
    fixture.check(rows).await;
    let nonce = fixture.session.record().claims.text("nonce").expect("has one").to_owned();
    assert!(fixture.refreshed(|b| b.claims = json!({"nonce": nonce})).await.is_ok(), "the nonce of the sign-in");
}

#[tokio::test]
async fn answers_of_the_token_endpoint() {
    let refused = |code: &str| Outcome::Refused(code.to_owned());
    let rows: Vec<Row> = vec![
        ("less scope", |b| b.answer = json!({"scope": "openid"}), Outcome::SignedIn),
        ("expires_in text", |b| b.answer = json!({"expires_in": "soon"}), Outcome::SignedIn),
        ("expires_in negative", |b| b.answer = json!({"expires_in": -1}), Outcome::SignedIn),
        ("expires_in huge", |b| b.answer = json!({"expires_in": u64::MAX}), Outcome::SignedIn),
        ("no access token", |b| b.answer = json!({"access_token": null}), Outcome::SignedIn),
        ("DPoP", |b| b.answer = json!({"token_type": "DPoP"}), Outcome::Malformed),
        ("nothing", |b| b.answer = json!({"access_token": null, "id_token": null}), Outcome::Malformed),
        ("array", |b| b.token = Reply::Text(200, "application/json", "[]".into()), Outcome::Malformed),
        ("HTML", |b| b.token = Reply::Text(200, "text/html", "<html>".into()), Outcome::Malformed),
        ("bomb", |b| b.token = Reply::Bomb, Outcome::Malformed),
        ("404", |b| b.token = Reply::Status(404), Outcome::Malformed),
        (
            "invalid_grant",
            |b| b.token = Reply::Text(400, "application/json", r#"{"error":"invalid_grant"}"#.into()),
            refused("invalid_grant"),
        ),
        (
            "invalid_request",
            |b| b.token = Reply::Text(400, "application/json", r#"{"error":"invalid_request"}"#.into()),
            refused("invalid_request"),
        ),
        (
            "invalid_client",
            |b| b.token = Reply::Text(401, "application/json", r#"{"error":"invalid_client"}"#.into()),
            refused("invalid_client"),
        ),
        ("429", |b| b.token = Reply::Status(429), Outcome::Unavailable),
        ("500", |b| b.token = Reply::Status(500), Outcome::Unavailable),
        ("truncated", |b| b.token = Reply::Truncated, Outcome::Unavailable),
        ("properly", |_| {}, Outcome::SignedIn),
        ("closed", |b| b.token = Reply::Close, Outcome::Unavailable),
        ("stalled", |b| b.token = Reply::Stall, Outcome::Unavailable),
        ("properly again", |_| {}, Outcome::SignedIn),
    ];
    Fixture::new().await.check(rows).await;
}

#[tokio::test]
async fn a_refresh_token_that_does_not_come_leaves_the_old_one() {
    let fixture = Fixture::new().await;
    for change in [json!({"refresh_token": null}), json!({"refresh_token": 1}), json!({"refresh_token": ""})] {
        let refreshed = fixture.refreshed(|b| b.answer = change.clone()).await.expect("a refresh");
        assert_eq!(token(refreshed.record()), "refresh-first", "{change}");
    }
}

/// The provider has replaced the previous token, and would take its use for theft (RFC 9700 section 4.14.2).
#[tokio::test]
async fn an_id_token_whose_signature_cannot_be_verified_loses_no_refresh_token() {
    let fixture = Fixture::new().await;
    let before = fixture.session.record();
    let refreshed = fixture.refreshed(|b| (b.key, b.claims) = (Key::RsaB, json!({"email": "new@example.test"}))).await;
    let refreshed = refreshed.expect("keeps the new refresh token");
    let record = refreshed.record();
    assert_eq!((token(record), record.generation), ("refresh-second", 1));
    assert_eq!((refresh(record).due, refresh(record).stale), (NOW, NOW), "it is tried again");
    assert_eq!(record.claims, before.claims, "nothing of an unverified token counts");
    let exposed = |token: &Option<SecretString>| token.as_ref().map(|token| token.expose_secret().to_owned());
    assert_eq!(exposed(&record.id_token), exposed(&before.id_token));
    assert_eq!(exposed(&record.access_token), exposed(&before.access_token));
}

#[tokio::test]
async fn an_id_token_that_is_null_or_empty_loses_no_refresh_token() {
    let fixture = Fixture::new().await;
    for value in [NULL, ""] {
        let refreshed = fixture.refreshed(|b| b.answer = json!({"id_token": value})).await.expect("a refresh");
        assert_eq!(token(refreshed.record()), "refresh-second", "{value:?}");
        assert_eq!(refreshed.record().claims.text("email"), Some("alice@example.test"), "{value:?}: UserInfo tells");
        let refreshed = fixture.refreshed(|b| b.answer = json!({"access_token": value})).await.expect("a refresh");
        assert_eq!(token(refreshed.record()), "refresh-second", "{value:?}");
    }
}

#[tokio::test]
async fn an_optional_claim_that_is_null_or_empty_ends_no_session() {
    let fixture = Fixture::new().await;
    for name in ["nonce", "at_hash", "c_hash", "azp", "nbf", "auth_time", "sid", "acr", "amr"] {
        for value in [NULL, ""] {
            let refreshed = fixture.refreshed(|b| b.claims = json!({name: value})).await;
            let refreshed = refreshed.unwrap_or_else(|fault| panic!("{name} {value:?}: {fault}"));
            let claims = &refreshed.record().claims;
            assert_eq!((claims.text("sid"), claims.value("auth_time")), (Some("provider-session"), Some(&json!(5))));
            assert!(claims.text("nonce").is_some(), "{name}: what the sign-in said stands");
        }
    }
}

/// OC-14, when UserInfo fails and earlier claims are combined with the new ID Token.
#[tokio::test]
async fn oc_14_a_new_address_is_not_verified_by_an_old_word() {
    let fixture = Fixture::signed_in(|b| b.claims = json!({"email": "old@example.test", "auth_time": 5})).await;
    for (claims, expected) in [
        (json!({"email": "new@example.test", "email_verified": null}), (Some("new@example.test"), None)),
        (json!({"email": null, "email_verified": true}), (Some("old@example.test"), Some(true))),
        (json!({"email": "new@example.test", "email_verified": false}), (Some("new@example.test"), Some(false))),
        (json!({"email": null, "email_verified": false}), (Some("old@example.test"), Some(true))),
    ] {
        let refreshed = fixture.refreshed(|b| {
            b.claims = claims.clone();
            b.claims["groups"] = serde_json::Value::Null;
            b.user_info = Reply::Status(500);
        });
        let refreshed = refreshed.await.expect("a refresh");
        let told = &refreshed.record().claims;
        let verified = told.value("email_verified").and_then(serde_json::Value::as_bool);
        assert_eq!((told.text("email"), verified), expected, "{claims}");
    }
}

#[tokio::test]
async fn a_sign_in_without_user_info_is_completed_soon() {
    let fixture = Fixture::signed_in(|b| {
        b.claims = json!({"groups": null, "auth_time": 5});
        b.user_info = Reply::Status(503);
    })
    .await;
    assert_eq!(fixture.session.record().claims.value("groups"), None);
    assert_eq!(refresh(fixture.session.record()).due, NOW);
    assert!(refresh(fixture.session.record()).stale > NOW, "and nobody waits for it");
    let refreshed = fixture.refreshed(|b| b.claims = json!({"groups": null})).await.expect("a refresh");
    assert_eq!(refreshed.record().claims.texts("groups").count(), 2);
}

#[tokio::test]
async fn sm_7_without_an_id_token_user_info_tells_of_the_same_user() {
    let fixture = Fixture::new().await;
    let refreshed = fixture.refreshed(|b| {
        b.answer = json!({"id_token": null});
        b.user = json!({"groups": ["staff"]});
    });
    let refreshed = refreshed.await.expect("a refresh");
    let record = refreshed.record();
    assert_eq!(record.claims.texts("groups").collect::<Vec<_>>(), ["staff"]);
    assert_eq!(
        record.id_token.as_ref().map(ExposeSecret::expose_secret),
        fixture.session.record().id_token.as_ref().map(ExposeSecret::expose_secret)
    );
    assert_eq!(record.claims.text("sid"), Some("provider-session"));
    let other = fixture.refreshed(|b| {
        b.answer = json!({"id_token": null});
        b.user = json!({"sub": "somebody"});
    });
    assert!(matches!(other.await, Err(ExchangeFault::Untrustworthy(TokenFault::OtherSubject))));
}

/// The previous tokens are invalid by now: losing the new ones would sign the user out.
#[tokio::test]
async fn user_info_that_fails_loses_neither_groups_nor_tokens() {
    let fixture = Fixture::signed_in(|b| b.sparse = true).await;
    let before: Vec<String> = fixture.session.record().claims.texts("groups").map(str::to_owned).collect();
    assert_eq!(before, ["admins", "staff"]);
    let later = NOW.plus(Duration::from_secs(240));
    for (id_token, reply, due) in [
        (true, Reply::Status(500), NOW),
        (false, Reply::Status(500), NOW),
        // A provider without an answer for us is not asked for new tokens every few seconds.
        (true, Reply::Status(401), later),
        (true, Reply::Status(404), later),
        (false, Reply::Text(200, "text/html", "<html>".into()), later),
        (false, Reply::Close, NOW),
        (false, Reply::Stall, NOW),
    ] {
        let name = format!("{id_token} {reply:?}");
        let refreshed = fixture.refreshed(|b| {
            (b.sparse, b.user_info) = (true, reply);
            b.answer = if id_token { json!({}) } else { json!({"id_token": null}) };
        });
        let refreshed = refreshed.await.unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let record = refreshed.record();
        assert_eq!(record.claims.texts("groups").collect::<Vec<_>>(), before, "{name}");
        assert_eq!((token(record), refresh(record).due), ("refresh-second", due), "{name}: and it is asked again");
    }
    let refreshed = fixture.refreshed(|b| b.sparse = true).await.expect("a refresh");
    assert_eq!(refreshed.record().claims.texts("groups").collect::<Vec<_>>(), before);
    assert!(refresh(refreshed.record()).due > NOW);
}

#[tokio::test]
async fn f_2_a_provider_that_keeps_failing_is_left_alone_for_a_while() {
    let fixture = Fixture::new().await;
    let before = fixture.test_client.asked("/token");
    for _ in 0..50 {
        assert!(matches!(
            fixture.refreshed(|b| b.token = Reply::Status(503)).await,
            Err(ExchangeFault::Unavailable(_))
        ));
    }
    assert_eq!(fixture.test_client.asked("/token") - before, 5, "five failures in a row open the circuit");
    let code = fixture.test_client.code().await.expect("a callback");
    fixture.test_client.op.reform();
    let signed_in = fixture.test_client.providers.exchange(&fixture.test_client.relying_party, code).await;
    assert!(signed_in.is_ok(), "which says nothing about sign-ins");
}
