//! Opaque tokens: the introspection request, the meaning of answers, and the result when there is none.

use std::sync::Arc;
use std::time::Duration;

use gatepost::domain::oidc::client_authentication::ClientAuthentication;
use gatepost::domain::oidc::credentials::{BearerCheck, Credential, IntrospectionRules, Refusal};
use gatepost::domain::oidc::jwt::TokenFault;
use gatepost::ports::CredentialFault;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::fixture::{Fixture, Judged};
use crate::op::{Behaviour, NULL, Reply};

/// A misbehaviour and its required result.
type Row = (&'static str, fn(&mut Behaviour), Judged);

async fn fixture() -> Fixture {
    office_for(None).await
}

async fn office_for(audience: Option<&str>) -> Fixture {
    let rules = match audience {
        Some(audience) => IntrospectionRules::Audience(audience.to_owned()),
        None => IntrospectionRules::Clients(vec!["ci".to_owned()]),
    };
    Fixture::with(BearerCheck::Introspection(rules), &["read"]).await
}

/// Waits until the provider has received this many requests.
async fn until_asked(fixture: &Fixture, times: usize) {
    let begun = Instant::now();
    while fixture.test_client.asked("/introspect") < times {
        assert!(begun.elapsed() < Duration::from_secs(10), "asked {} times", fixture.test_client.asked("/introspect"));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn in_1_the_provider_is_asked_as_the_client_and_claims_are_completed() {
    let mut fixture = fixture().await;
    for method in [ClientAuthentication::ClientSecretBasic, ClientAuthentication::ClientSecretPost] {
        Arc::make_mut(&mut fixture.application).relying_party.token_endpoint_auth_method = method;
        let verified = fixture.show_opaque().await.unwrap();
        assert_eq!(verified.claims().text("preferred_username"), Some("alice"));
        assert_eq!(verified.claims().text("client_id"), Some("ci"));
        assert_eq!(verified.claims().texts("groups").count(), 2);
    }
    let [basic, post] = fixture.test_client.op.recorded("/introspect").try_into().expect("two requests");
    assert!(basic.authorization().is_some() && basic.form("client_secret").is_none());
    assert!(post.authorization().is_none() && post.form("client_secret").is_some());
    for request in [basic, post] {
        assert!(request.form("token").unwrap().starts_with("access-"));
        assert_eq!(request.form("token_type_hint").as_deref(), Some("access_token"));
        assert!(request.query.is_empty());
    }
    let [first, _] = fixture.test_client.op.recorded("/userinfo").try_into().expect("two requests");
    assert_eq!(first.authorization(), Some("Bearer access-0"));
}

#[tokio::test]
async fn in_1_in_2_answers() {
    let token = |fault| Judged::Refused(Refusal::Token(fault));
    let rows: Vec<Row> = vec![
        ("proper", |_| {}, Judged::Good),
        ("not active", |b| b.introspected = json!({"active": false}), Judged::Refused(Refusal::Inactive)),
        ("\"true\"", |b| b.introspected = json!({"active": "true"}), Judged::Unavailable),
        ("proper again", |_| {}, Judged::Good),
        ("1", |b| b.introspected = json!({"active": 1}), Judged::Unavailable),
        ("absent", |b| b.introspected = json!({"active": null}), Judged::Unavailable),
        ("array", |b| b.introspected = json!({"active": [true]}), Judged::Unavailable),
        ("other issuer", |b| b.introspected = json!({"iss": "https://evil.example"}), token(TokenFault::ISSUER)),
        ("over", |b| b.introspected = json!({"exp": 1_899_999_000}), token(TokenFault::Expired(1000))),
        ("no user", |b| b.introspected = json!({"sub": null}), token(TokenFault::Subject)),
        (
            "other scope",
            |b| b.introspected = json!({"scope": "openid reader"}),
            Judged::Refused(Refusal::Scope("read".to_owned())),
        ),
        (
            "other client",
            |b| b.introspected = json!({"client_id": "other", "aud": "https://other.example"}),
            Judged::Refused(Refusal::Audience),
        ),
        ("bound", |b| b.introspected = json!({"cnf": {"jkt": "x"}}), Judged::Refused(Refusal::Bound)),
    ];
    let fixture = fixture().await;
    for (name, misbehave, expected) in rows {
        fixture.misbehave(misbehave);
        assert_eq!(Judged::from(&fixture.show_opaque().await), expected, "{name}");
    }
    fixture.misbehave(|_| {});
    let unknown = fixture.show_token("never-heard-of").await;
    assert_eq!(Judged::from(&unknown), Judged::Refused(Refusal::Inactive));

    let fixture = office_for(Some("https://board.example")).await;
    assert_eq!(Judged::from(&fixture.show_opaque().await), Judged::Refused(Refusal::Audience));
    let fixture = office_for(Some("https://wiki.example")).await;
    assert_eq!(Judged::from(&fixture.show_opaque().await), Judged::Good);
}

#[tokio::test]
async fn in_3_an_endpoint_that_fails_admits_nobody() {
    let html = Reply::Text(200, "text/html", "<html>".into());
    let doubled = Reply::Text(200, "application/json", r#"{"active":false,"active":true,"sub":"x"}"#.into());
    for reply in [
        Reply::Status(500),
        Reply::Status(429),
        Reply::Status(401),
        Reply::Status(404),
        Reply::Status(201),
        html,
        doubled,
        Reply::Text(200, "application/json", "[true]".into()),
        Reply::Huge(5 << 20),
        Reply::Bomb,
        Reply::Truncated,
        Reply::Stall,
        Reply::Close,
        Reply::Redirect("http://127.0.0.1:1/".into()),
    ] {
        let fixture = fixture().await;
        fixture.misbehave(|b| b.introspection = reply.clone());
        assert_eq!(Judged::from(&fixture.show_token("access-1").await), Judged::Unavailable, "{reply:?}");
        fixture.misbehave(|_| {});
        assert_eq!(Judged::from(&fixture.show_token("access-1").await), Judged::Good, "an outage is not remembered");
    }
}

#[tokio::test]
async fn in_3_a_provider_without_introspection_says_so() {
    let fixture = fixture().await;
    fixture.misbehave(|b| b.metadata = json!({"introspection_endpoint": null}));
    // Metadata is fetched at the start, so a second set of providers receives the other metadata.
    let clock = gatepost::testing::ManualClock::new();
    let settings = crate::test_client::settings();
    let parties = [&fixture.application.relying_party];
    let providers = gatepost::outbound::provider::OpenIdProviders::start(&settings, parties, clock).unwrap();
    let token = Credential::Token("access-1".into());
    let fault = gatepost::ports::IdentityProvider::verify(&*providers, &fixture.application, &token).await;
    let Err(CredentialFault::Unavailable(fault)) = fault else { panic!("{fault:?}") };
    assert!(fault.cause.contains("introspection_endpoint"), "{fault}");
    assert_eq!(fixture.test_client.asked("/introspect"), 0);
}

#[tokio::test]
async fn in_3_the_circuit_opens_and_closes_again() {
    let fixture = fixture().await;
    fixture.misbehave(|b| b.introspection = Reply::Status(500));
    for _ in 0..8 {
        assert_eq!(Judged::from(&fixture.show_opaque().await), Judged::Unavailable);
    }
    assert_eq!(fixture.test_client.asked("/introspect"), 5, "five failures, then nobody is sent there");
    fixture.misbehave(|_| {});
    assert_eq!(Judged::from(&fixture.show_opaque().await), Judged::Unavailable, "not yet");
    let begun = Instant::now();
    while Judged::from(&fixture.show_opaque().await) != Judged::Good {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never closes");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(begun.elapsed() >= Duration::from_secs(4), "it was open for a while");
}

#[tokio::test]
async fn in_3_nothing_that_strangers_send_opens_the_circuit() {
    let fixture = fixture().await;
    let error = |status, code: &str| Reply::Text(status, "application/json", json!({"error": code}).to_string());
    let taken_for_none = || Judged::Refused(Refusal::NotTaken);
    for (reply, expected) in [
        (error(400, "unsupported_token_type"), taken_for_none()),
        (error(400, "invalid_request"), taken_for_none()),
        (error(400, "invalid_client"), Judged::Unavailable),
        (Reply::Status(400), Judged::Unavailable),
        (Reply::Status(401), Judged::Unavailable),
        (Reply::Status(413), Judged::Unavailable),
    ] {
        for _ in 0..6 {
            fixture.misbehave(|b| b.introspection = reply.clone());
            assert_eq!(Judged::from(&fixture.show_opaque().await), expected, "{reply:?}");
        }
        fixture.misbehave(|_| {});
        assert_eq!(Judged::from(&fixture.show_opaque().await), Judged::Good, "after {reply:?}");
    }
}

#[tokio::test]
async fn in_3_so_many_at_a_time_and_no_more() {
    let fixture = Arc::new(fixture().await);
    let permits = Arc::new(Semaphore::new(0));
    fixture.misbehave(|b| b.introspection = Reply::Held(Arc::clone(&permits)));
    let show = |fixture: Arc<Fixture>| async move { Judged::from(&fixture.show_opaque().await) };
    let under_way: Vec<_> = (0..16).map(|_| tokio::spawn(show(Arc::clone(&fixture)))).collect();
    until_asked(&fixture, 16).await;
    assert_eq!(show(Arc::clone(&fixture)).await, Judged::Unavailable, "turned away at once");
    permits.add_permits(16);
    for one in under_way {
        assert_eq!(one.await.unwrap(), Judged::Good);
    }
    assert_eq!(fixture.test_client.asked("/introspect"), 16);
}

#[tokio::test]
async fn in_4_a_thousand_equal_tokens_are_one_call() {
    let fixture = Arc::new(fixture().await);
    let permits = Arc::new(Semaphore::new(0));
    fixture.misbehave(|b| b.introspection = Reply::Held(Arc::clone(&permits)));
    let all: Vec<_> = (0..1000)
        .map(|_| {
            let fixture = Arc::clone(&fixture);
            tokio::spawn(async move { Judged::from(&fixture.show_token("access-1").await) })
        })
        .collect();
    until_asked(&fixture, 1).await;
    permits.add_permits(1000);
    for one in all {
        assert_eq!(one.await.unwrap(), Judged::Good);
    }
    assert_eq!(Judged::from(&fixture.show_token("access-1").await), Judged::Good);
    assert_eq!((fixture.test_client.asked("/introspect"), fixture.test_client.asked("/userinfo")), (1, 1));
}

#[tokio::test]
async fn in_4_whoever_gives_up_stops_nobody_else() {
    let fixture = Arc::new(fixture().await);
    let permits = Arc::new(Semaphore::new(0));
    fixture.misbehave(|b| b.introspection = Reply::Held(Arc::clone(&permits)));
    let first = {
        let fixture = Arc::clone(&fixture);
        tokio::spawn(async move { fixture.show_token("access-1").await.is_ok() })
    };
    until_asked(&fixture, 1).await;
    first.abort();
    assert!(first.await.is_err());
    let second = {
        let fixture = Arc::clone(&fixture);
        tokio::spawn(async move { fixture.show_token("access-1").await.is_ok() })
    };
    permits.add_permits(10);
    assert!(second.await.unwrap());
    assert_eq!(fixture.test_client.asked("/introspect"), 1, "the second found the first one's call");
}

#[tokio::test]
async fn user_info_completes_and_never_contradicts() {
    let other = || Judged::Refused(TokenFault::OtherSubject.into());
    let rows: Vec<(Row, bool)> = vec![
        (("proper", |_| {}, Judged::Good), true),
        (("not for this token", |b| b.user_info = Reply::Status(401), Judged::Good), false),
        (("forbidden", |b| b.user_info = Reply::Status(403), Judged::Good), false),
        (("of another user", |b| b.user = json!({"sub": "mallory"}), other()), false),
        (("404", |b| b.user_info = Reply::Status(404), Judged::Good), false),
        (("500", |b| b.user_info = Reply::Status(500), Judged::Good), false),
        (("closed", |b| b.user_info = Reply::Close, Judged::Good), false),
        (("stalled", |b| b.user_info = Reply::Stall, Judged::Good), false),
        (("HTML", |b| b.user_info = Reply::Text(200, "text/html", "x".into()), Judged::Good), false),
        (("without `openid`", |b| b.introspected = json!({"scope": "read profile"}), Judged::Good), false),
    ];
    let fixture = fixture().await;
    for ((name, misbehave, expected), completed) in rows {
        fixture.misbehave(misbehave);
        let shown = fixture.show_opaque().await;
        assert_eq!(Judged::from(&shown), expected, "{name}");
        let email = shown.ok().and_then(|verified| verified.claims().text("email").map(str::to_owned));
        assert_eq!(email.is_some(), completed, "{name}");
    }
}

/// Access rules use UserInfo claims: an outage must not look like a user who lacks them.
#[tokio::test]
async fn user_info_that_is_needed_to_judge_is_waited_for() {
    let mut fixture = fixture().await;
    Arc::make_mut(&mut fixture.application).relying_party.claims_of_rules = vec!["groups".to_owned()];
    for (reply, expected) in [
        (Reply::Proper, Judged::Good),
        (Reply::Status(500), Judged::Unavailable),
        (Reply::Status(404), Judged::Good),
        (Reply::Close, Judged::Unavailable),
    ] {
        fixture.misbehave(|b| b.user_info = reply.clone());
        assert_eq!(Judged::from(&fixture.show_opaque().await), expected, "{reply:?}");
    }
}

#[tokio::test]
async fn in_2_an_optional_member_that_is_null_or_empty_is_absent() {
    let fixture = fixture().await;
    for name in ["iss", "exp", "nbf", "iat", "aud", "token_type", "cnf", "username"] {
        for value in [NULL, ""] {
            fixture.misbehave(|b| b.introspected = json!({name: value}));
            assert_eq!(Judged::from(&fixture.show_opaque().await), Judged::Good, "{name} {value:?}");
        }
    }
    for (name, expected) in [
        ("active", Judged::Unavailable),
        ("sub", Judged::Refused(TokenFault::Subject.into())),
        ("scope", Judged::Refused(Refusal::Scope("read".to_owned()))),
        ("client_id", Judged::Refused(Refusal::Audience)),
    ] {
        for value in [NULL, ""] {
            fixture.misbehave(|b| b.introspected = json!({name: value}));
            assert_eq!(Judged::from(&fixture.show_opaque().await), expected, "{name} {value:?}");
        }
    }
}

/// OC-14, for credentials.
#[tokio::test]
async fn oc_14_mail_of_the_answer_is_not_verified_by_user_info() {
    let fixture = fixture().await;
    fixture.misbehave(|b| {
        b.introspected = json!({"email": "mallory@victim.example"});
        b.user = json!({"email": "mallory@evil.example", "email_verified": true});
    });
    let verified = fixture.show_opaque().await.unwrap();
    let claims = verified.claims();
    assert_eq!((claims.text("email"), claims.value("email_verified")), (Some("mallory@victim.example"), None));
}
