//! Logout tokens with real signatures: key, algorithm, how often keys are fetched; and revocation.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use gatepost::domain::oidc::jwt::TokenFault;
use gatepost::domain::oidc::logout_token::{Ending, VerifiedLogoutToken};
use gatepost::domain::oidc::relying_party::LogoutTokenExp;
use gatepost::outbound::provider::{OpenIdProviders, ProviderSettings};
use gatepost::ports::{IdentityProvider as _, LogoutTokenFault};
use gatepost::testing::ManualClock;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use crate::op::signing::{Key, jwk};
use crate::op::{Behaviour, CLIENT_ID, HostileOp, Reply, SUBJECT, merged};
use crate::test_client::{TestClient, relying_party, settings};

const NOW: u64 = 1_900_000_000;

/// The result for a token, in a form that tables can compare.
#[derive(Debug, PartialEq, Eq)]
enum Judged {
    Good,
    Refused(TokenFault),
    Unavailable,
}

fn claims(test_client: &TestClient) -> Value {
    json!({
        "iss": test_client.op.issuer(), "sub": SUBJECT, "aud": CLIENT_ID, "iat": NOW, "exp": NOW + 120, "jti": "j-1",
        "sid": "provider-session", "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    })
}

async fn show(test_client: &TestClient, token: &str) -> Result<VerifiedLogoutToken, LogoutTokenFault> {
    test_client.providers.verify_logout_token(&test_client.relying_party, &token.into()).await
}

async fn judged(test_client: &TestClient, token: &str) -> Judged {
    match show(test_client, token).await {
        Ok(_) => Judged::Good,
        Err(LogoutTokenFault::Refused(fault)) => Judged::Refused(fault),
        Err(LogoutTokenFault::Unavailable(_)) => Judged::Unavailable,
    }
}

/// The base token of the test cases with these changes.
fn signed(test_client: &TestClient, header: &Value, changes: &Value) -> String {
    let header = merged(json!({"typ": "logout+jwt"}), header);
    test_client.op.sign(&header, &merged(claims(test_client), changes))
}

#[tokio::test]
async fn the_base_token_names_user_and_session() {
    let test_client = TestClient::new().await;
    let token = show(&test_client, &signed(&test_client, &json!({}), &json!({}))).await.unwrap();
    let Ending::ProviderSession(session, Some(user)) = token.ending() else { panic!("{token:?}") };
    assert_eq!((session.id.as_str(), user.subject.as_str()), ("provider-session", SUBJECT));
    assert_eq!((session.issuer.as_str(), user.issuer.as_str()), (test_client.op.issuer(), test_client.op.issuer()));
}

#[tokio::test]
async fn the_casebook() {
    let test_client = TestClient::new().await;
    let refused = Judged::Refused;
    for (name, header, changes, expected) in [
        ("base", json!({}), json!({}), Judged::Good),
        ("no typ (BL-11)", json!({"typ": null}), json!({}), Judged::Good),
        ("typ JWT (BL-11)", json!({"typ": "JWT"}), json!({}), Judged::Good),
        ("unknown claim (BL-1)", json!({}), json!({"x": [1]}), Judged::Good),
        ("only sub (BL-12)", json!({}), json!({"sid": null}), Judged::Good),
        ("only sid (BL-12)", json!({}), json!({"sub": null}), Judged::Good),
        ("aud a list (BL-5)", json!({}), json!({"aud": [CLIENT_ID]}), Judged::Good),
        ("alg none (BL-4)", json!({"alg": "none"}), json!({}), refused(TokenFault::ALGORITHM)),
        ("typ at+jwt (BL-11)", json!({"typ": "at+jwt"}), json!({}), refused(TokenFault::Header)),
        (
            "iss longer (BL-5)",
            json!({}),
            json!({"iss": format!("{}x", test_client.op.issuer())}),
            refused(TokenFault::ISSUER),
        ),
        ("aud altered (BL-5)", json!({}), json!({"aud": "wiki:2"}), refused(TokenFault::AUDIENCE)),
        ("no iat (BL-5)", json!({}), json!({"iat": null}), refused(TokenFault::Time("iat"))),
        ("no exp (BL-5)", json!({}), json!({"exp": null}), refused(TokenFault::Time("exp"))),
        ("past (BL-5)", json!({}), json!({"exp": NOW - 61}), refused(TokenFault::Expired(61))),
        ("nobody (BL-6)", json!({}), json!({"sub": null, "sid": null}), refused(TokenFault::NoSubjectOrSession)),
        ("no events (BL-7)", json!({}), json!({"events": null}), refused(TokenFault::Event)),
        ("events an array (BL-7)", json!({}), json!({"events": []}), refused(TokenFault::Event)),
        ("nonce (BL-8)", json!({}), json!({"nonce": "n"}), refused(TokenFault::UnexpectedNonce)),
        ("no jti (BL-9)", json!({}), json!({"jti": null}), refused(TokenFault::TokenId)),
    ] {
        assert_eq!(judged(&test_client, &signed(&test_client, &header, &changes)).await, expected, "{name}");
    }
    let token = signed(&test_client, &json!({}), &json!({}));
    let (message, _) = token.rsplit_once('.').unwrap();
    for (name, token, fault) in [
        ("encrypted (BL-2)", format!("{token}.x.y"), TokenFault::Encrypted),
        ("broken signature (BL-3)", format!("{message}.c2ln"), TokenFault::SIGNATURE),
        ("no signature (BL-3)", format!("{message}."), TokenFault::SIGNATURE),
    ] {
        assert_eq!(judged(&test_client, &token).await, refused(fault), "{name}");
    }
}

/// Ory Hydra's tokens, as version 2.3.0 sends them.
#[tokio::test]
async fn bl_5_a_token_without_exp_counts_where_the_operator_says_so() {
    let test_client = TestClient::with(settings(), |party| party.logout_token_exp = LogoutTokenExp::Optional).await;
    for (iat, expected) in
        [(NOW, Judged::Good), (NOW - 119, Judged::Good), (NOW - 120, Judged::Refused(TokenFault::Expired(60)))]
    {
        let token = signed(&test_client, &json!({"typ": "JWT"}), &json!({"exp": null, "sub": null, "iat": iat}));
        assert_eq!(judged(&test_client, &token).await, expected, "{iat}");
    }
}

#[tokio::test]
async fn bl_4_a_published_key_of_another_algorithm_does_not_count() {
    let test_client = TestClient::new().await;
    test_client.op.behave(|b| {
        b.key_set = json!({"keys": [jwk(&Key::RsaA, "a"), jwk(&Key::P256, "ec")]});
        b.key = Key::P256;
    });
    let token = signed(&test_client, &json!({"alg": "ES256", "kid": "ec"}), &json!({}));
    assert_eq!(judged(&test_client, &token).await, Judged::Refused(TokenFault::ALGORITHM));
}

#[tokio::test]
async fn bl_3_a_key_that_was_rotated_just_before_is_fetched() {
    let test_client = TestClient::new().await;
    test_client.op.behave(|b| {
        b.key_set = json!({"keys": [jwk(&Key::RsaB, "new")]});
        b.key = Key::RsaB;
    });
    assert_eq!(judged(&test_client, &signed(&test_client, &json!({"kid": "new"}), &json!({}))).await, Judged::Good);
}

#[tokio::test]
async fn jw_4_other_tokens_of_the_provider_are_no_logout_tokens() {
    let test_client = TestClient::new().await;
    let id_token = json!({
        "iss": test_client.op.issuer(), "sub": SUBJECT, "aud": CLIENT_ID, "iat": NOW, "exp": NOW + 120, "nonce": "n",
    });
    let kinds = [json!({"typ": "JWT"}), json!({"typ": "at+jwt"}), json!({})];
    for header in kinds {
        assert!(
            matches!(judged(&test_client, &test_client.op.sign(&header, &id_token)).await, Judged::Refused(_)),
            "{header}"
        );
    }
}

/// BL-16: what can be rejected without a key fetches none; the rest fetches keys no more often than any unauthenticated
/// client may cause.
#[tokio::test]
async fn bl_16_junk_fetches_no_keys() {
    let test_client = TestClient::new().await;
    let before = test_client.asked("/keys");
    let foreign =
        [json!({"iss": "https://other.example/"}), json!({"aud": "other"}), json!({"events": {}}), json!({"jti": 1})];
    let junk: Vec<String> =
        foreign.iter().map(|changes| signed(&test_client, &json!({"kid": "unknown"}), changes)).collect();
    for number in 0..10_000 {
        let token = match number % 5 {
            4 => "x.y.z".to_owned(),
            kind => junk[kind].clone(),
        };
        assert!(matches!(judged(&test_client, &token).await, Judged::Refused(_)));
    }
    assert_eq!(test_client.asked("/keys"), before);
    let unknown = signed(&test_client, &json!({"kid": "unknown"}), &json!({}));
    for _ in 0..50 {
        assert_eq!(judged(&test_client, &unknown).await, Judged::Refused(TokenFault::SIGNATURE));
    }
    assert!(test_client.asked("/keys") <= before + 5, "OC-24");
}

#[tokio::test]
async fn a_provider_that_never_answered_vouches_for_nothing() {
    let test_client = TestClient::new().await;
    let token = signed(&test_client, &json!({}), &json!({}));
    let stranger = TestClient::new().await;
    assert_eq!(judged(&stranger, &token).await, Judged::Refused(TokenFault::ISSUER), "each issuer for itself");
}

async fn revoked_with(misbehave: impl FnOnce(&mut Behaviour)) -> (TestClient, Duration) {
    let test_client = TestClient::new().await;
    test_client.op.behave(misbehave);
    let begun = Instant::now();
    test_client.providers.revoke(&test_client.relying_party, &"refresh-1".into());
    (test_client, begun.elapsed())
}

#[tokio::test]
async fn rfc_7009_the_token_is_revoked_by_an_authenticated_client() {
    let (test_client, _) = revoked_with(|_| {}).await;
    test_client.providers.settled().await;
    let asked = test_client.op.recorded("/revoke");
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].form("token").as_deref(), Some("refresh-1"));
    assert_eq!(asked[0].form("token_type_hint").as_deref(), Some("refresh_token"));
    assert!(asked[0].authorization().is_some_and(|value| value.starts_with("Basic ")));
}

#[tokio::test]
async fn bl_15_nobody_waits_for_a_provider_that_hangs() {
    let (test_client, took) = revoked_with(|b| b.revocation = Reply::Stall).await;
    assert!(took < Duration::from_millis(250), "{took:?}");
    // A stop waits, but only as long as one request may take.
    let begun = Instant::now();
    test_client.providers.settled().await;
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn f_16_a_stop_waits_for_revocations_under_way() {
    let permits = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&permits);
    let (test_client, _) = revoked_with(move |b| b.revocation = Reply::Held(held)).await;
    for _ in 0..20 {
        test_client.providers.revoke(&test_client.relying_party, &"refresh-2".into());
    }
    assert!(test_client.providers.settled().now_or_never().is_none());
    permits.add_permits(21);
    test_client.providers.settled().await;
    assert_eq!(test_client.asked("/revoke"), 21);
}

/// Also when as many tokens wait for the one that hangs as may wait.
#[tokio::test]
async fn a_provider_that_hangs_delays_no_revocation_at_another() {
    let clock = ManualClock::new();
    let (hanging, other) = (HostileOp::start(clock.clone()).await, HostileOp::start(clock.clone()).await);
    let parties = [relying_party(hanging.issuer()), relying_party(other.issuer())];
    let settings = ProviderSettings { timeout: Duration::from_secs(60), ..settings() };
    let providers = OpenIdProviders::start(&settings, &parties, clock).unwrap();
    let known = async {
        for party in &parties {
            while providers.metadata(party).await.is_err() {
                sleep(Duration::from_millis(10)).await;
            }
        }
    };
    timeout(Duration::from_secs(20), known).await.expect("the providers become known");
    hanging.behave(|b| b.revocation = Reply::Held(Arc::new(Semaphore::new(0))));
    let [at_hanging, at_other] = &parties;
    for _ in 0..1001 {
        providers.revoke(at_hanging, &"refresh-1".into());
    }
    providers.revoke(at_other, &"refresh-2".into());
    let revoked = async {
        while other.recorded("/revoke").is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(30), revoked).await.expect("does not wait for the other provider");
}

#[tokio::test]
async fn without_an_endpoint_there_is_nothing_to_do() {
    let TestClient { op, relying_party, .. } = TestClient::new().await;
    op.behave(|b| b.metadata = json!({"revocation_endpoint": null}));
    let fresh = TestClient::around(op, relying_party, &settings(), ManualClock::new());
    fresh.ready().await;
    fresh.providers.revoke(&fresh.relying_party, &"refresh-1".into());
    fresh.providers.settled().await;
    assert_eq!(fresh.asked("/revoke"), 0);
}
