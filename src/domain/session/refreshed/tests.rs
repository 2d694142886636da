//! Which parts of a refresh take effect, case by case.

use serde_json::json;

use super::*;
use crate::domain::oidc::id_token::ExpectedIdToken;
use crate::domain::oidc::jws::Purpose;
use crate::domain::session::{Lifetimes, Session};
use crate::testing::signing::verified;
use crate::testing::{application, signed_in, signing};

const NOW: Timestamp = Timestamp::from_unix(1_900_000_000);

/// A session whose sign-in returned `claims`.
fn session(claims: &Value) -> Session {
    let lifetimes = Lifetimes { absolute: Duration::from_secs(86_400), idle: Duration::from_secs(3600) };
    let signed_in = signed_in(claims, NOW).refreshable("first".into(), Some(Duration::from_secs(300)));
    Session::begin(signed_in, &application("https://wiki.example.com"), NOW, lifetimes)
}

fn members(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().expect("is an object")
}

/// A refresh of `session` that returned an ID Token with these changes; `null` removes a claim.
fn refreshed(session: &SessionRecord, changes: &Value) -> Result<Refreshed, TokenFault> {
    let mut payload = members(&json!({
        "iss": "https://sso.example.com/", "aud": "wiki", "sub": "subject", "iat": NOW.as_unix(), "exp": NOW.as_unix() + 600,
    }));
    payload.extend(members(changes));
    payload.retain(|_, value| !value.is_null());
    let raw = signing::token(r#"{"alg":"RS256"}"#, &Value::Object(payload).to_string());
    let party = application("https://wiki.example.com").relying_party;
    let expected = ExpectedIdToken { relying_party: &party, nonce: None, access_token: Some("access"), now: NOW };
    let signed = verified(&raw, Purpose::IdToken(&party))?;
    let token = VerifiedIdToken::check_refreshed(signed, &expected, session.claims.text("nonce"))?;
    Refreshed::new(Some("access".into()), None, None).with_id_token(token, session)
}

#[test]
fn a_new_id_token_is_the_same_users_and_of_the_same_sign_in() {
    let session = session(&json!({"sid": "s1", "auth_time": 5}));
    let nonce = session.record().claims.text("nonce").expect("has one").to_owned();
    for (changes, fault) in [
        (json!({}), None),
        (json!({"nonce": nonce}), None),
        (json!({"nonce": "other"}), Some(TokenFault::Nonce)),
        (json!({"nonce": 1}), Some(TokenFault::Nonce)),
        (json!({"nonce": ""}), None),
        (json!({"sub": "somebody"}), Some(TokenFault::OtherUser)),
        (json!({"sub": "Subject"}), Some(TokenFault::OtherUser)),
        (json!({"sub": null}), Some(TokenFault::Subject)),
        (json!({"iss": "https://sso.example.com"}), Some(TokenFault::ISSUER)),
        (json!({"aud": ["wiki", "board"]}), Some(TokenFault::AUDIENCE)),
        (json!({"azp": "board"}), Some(TokenFault::AuthorizedParty)),
        (json!({"exp": NOW.as_unix() - 61}), Some(TokenFault::Expired(61))),
        (json!({"iat": NOW.as_unix() + 61}), Some(TokenFault::IssuedAt(61))),
        (json!({"at_hash": "AAAA"}), Some(TokenFault::AccessTokenHash)),
        (json!({"sid": "s1", "auth_time": 5}), None),
        (json!({"sid": "s2"}), Some(TokenFault::OtherSignIn("sid"))),
        (json!({"auth_time": 6}), Some(TokenFault::OtherSignIn("auth_time"))),
        (json!({"auth_time": "5"}), Some(TokenFault::OtherSignIn("auth_time"))),
    ] {
        assert_eq!(refreshed(session.record(), &changes).err(), fault, "{changes}");
    }
}

#[test]
fn where_the_sign_in_said_nothing_a_later_token_may() {
    let session = session(&json!({}));
    let refreshed = refreshed(session.record(), &json!({"sid": "s1", "auth_time": 5})).expect("is good");
    let refreshed = session.refreshed(refreshed, &application("https://wiki.example.com"), NOW);
    assert_eq!(refreshed.record().provider_session.as_deref(), Some("s1"));
}

#[test]
fn sm_7_claims_are_those_of_the_new_token_and_the_sign_in_stays() {
    let before = json!({"sid": "s1", "auth_time": 5, "acr": "2", "groups": ["admins"], "email": "a@example.test"});
    let session = session(&before);
    let refreshed = refreshed(session.record(), &json!({"groups": []})).expect("is good");
    let refreshed = session.refreshed(refreshed, &application("https://wiki.example.com"), NOW);
    let claims = &refreshed.record().claims;
    assert_eq!(claims.texts("groups").count(), 0);
    assert_eq!(claims.value("email"), None, "what is no longer said does not stand");
    for name in ["nonce", "sid", "auth_time", "acr"] {
        assert_eq!(claims.value(name), session.record().claims.value(name), "{name}");
    }
}

#[test]
fn sm_7_without_an_id_token_user_info_alone_speaks_of_the_user() {
    let session = session(&json!({"sid": "s1", "groups": ["admins"], "email": "a@example.test"}));
    let told = members(&json!({"sub": "subject", "email": "b@example.test", "sid": "s2", "exp": 1}));
    let refreshed = Refreshed::new(None, None, None).complete(told, session.record()).expect("the same user");
    let refreshed = session.refreshed(refreshed, &application("https://wiki.example.com"), NOW);
    let claims = &refreshed.record().claims;
    assert_eq!((claims.value("groups"), claims.text("email")), (None, Some("b@example.test")));
    assert_eq!((claims.text("sid"), claims.text("sub")), (Some("s1"), Some("subject")));
    assert_eq!(refreshed.record().provider_session.as_deref(), Some("s1"));
    for other in [json!({"sub": "somebody"}), json!({}), json!({"sub": ["subject"]})] {
        let fault = Refreshed::new(None, None, None).complete(members(&other), session.record()).err();
        assert_eq!(fault, Some(TokenFault::OtherSubject), "{other}");
    }
}

#[test]
fn user_info_that_does_not_answer_loses_no_group_and_no_token() {
    let session = session(&json!({"groups": ["admins"], "email": "a@example.test"}));
    let with_token = refreshed(session.record(), &json!({"email": "b@example.test"})).expect("is good");
    let without = Refreshed::new(None, Some("second".into()), Some(Duration::from_secs(300)));
    for (refreshed, mail) in [(with_token, "b@example.test"), (without, "a@example.test")] {
        let cut = refreshed.cut_short(session.record(), true);
        let refreshed = session.refreshed(cut, &application("https://wiki.example.com"), NOW);
        let record = refreshed.record();
        assert_eq!((record.claims.text("email"), record.claims.texts("groups").count()), (Some(mail), 1));
        let refresh = record.refresh.as_ref().expect("goes on");
        assert_eq!((refresh.due, refresh.stale), (NOW, NOW), "it is to be asked again");
    }
}
