//! The rows of `docs/security.md` on logout tokens, as far as they concern claims and forms. The
//! checks without a signature give the same results as those with one.

use secrecy::ExposeSecret;
use serde_json::json;

use super::*;
use crate::testing::signing::verified;
use crate::testing::{application, signing};

const NOW: u64 = 1_900_000_000;
const ISSUER: &str = "https://op.example/o/wiki/";

fn proper() -> Value {
    json!({
        "iss": ISSUER, "sub": "alice", "aud": "wiki", "iat": NOW, "exp": NOW + 120, "jti": "j-1", "sid": "s-1",
        "events": { EVENT: {} },
    })
}

fn raw(header: &Value, claims: &Value) -> String {
    signing::token(&header.to_string(), &claims.to_string())
}

fn check_raw(raw: &str) -> Result<VerifiedLogoutToken, TokenFault> {
    let known = application("https://wiki.example.com").relying_party;
    let party = RelyingParty { issuer: ISSUER.into(), ..known };
    let expected = ExpectedLogoutToken { relying_party: &party, now: Timestamp::from_unix(NOW) };
    let checked =
        verified(raw, Purpose::LogoutToken(&party)).and_then(|token| VerifiedLogoutToken::check(token, &expected));
    assert_eq!(check_unsigned(&raw.into(), &expected).err(), checked.as_ref().err().cloned(), "{raw:.80}");
    checked
}

/// `value` with `changes` applied; `null` removes a member.
fn changed(mut value: Value, changes: &Value) -> Value {
    for (name, change) in changes.as_object().expect("is an object") {
        let members = value.as_object_mut().expect("is an object");
        if change.is_null() {
            members.remove(name)
        } else {
            members.insert(name.clone(), change.clone())
        };
    }
    value
}

fn check(claims: &Value) -> Result<VerifiedLogoutToken, TokenFault> {
    check_raw(&raw(&json!({ "alg": "RS256", "typ": "logout+jwt" }), &changed(proper(), claims)))
}

fn of_header(header: &Value) -> Option<TokenFault> {
    check_raw(&raw(&changed(json!({ "alg": "RS256", "typ": "logout+jwt" }), header), &proper())).err()
}

#[test]
fn a_logout_token_of_several_tenants_names_its_own() {
    let known = application("https://wiki.example.com").relying_party;
    let party = RelyingParty {
        issuer: "https://login.example/{tenantid}/v2.0".to_owned(),
        allowed_tenants: vec!["one".to_owned(), "two".to_owned()],
        trusted_audiences: vec!["project".to_owned()],
        ..known
    };
    let expected = ExpectedLogoutToken { relying_party: &party, now: Timestamp::from_unix(NOW) };
    let check = |changes: Value| {
        let raw = raw(&json!({ "alg": "RS256", "typ": "logout+jwt" }), &changed(proper(), &changes));
        verified(&raw, Purpose::LogoutToken(&party)).and_then(|token| VerifiedLogoutToken::check(token, &expected))
    };
    let one = "https://login.example/one/v2.0";
    let token = check(json!({ "iss": one, "tid": "one" })).unwrap();
    let Ending::ProviderSession(session, Some(user)) = token.ending() else { panic!("{token:?}") };
    assert_eq!((session.issuer.as_str(), user.issuer.as_str()), (one, one));
    let other = check(json!({ "iss": "https://login.example/two/v2.0", "tid": "two" })).unwrap();
    assert_ne!(token.replay_key(), other.replay_key(), "`jti` is unique for its issuer only");
    for (changes, fault) in [
        (json!({ "iss": one, "tid": "two" }), TokenFault::ISSUER),
        (json!({ "iss": one }), TokenFault::Tenant(crate::domain::oidc::operands::Operands::NONE)),
        (json!({ "iss": one, "tid": "one", "aud": ["wiki", "project"] }), TokenFault::AUDIENCE),
    ] {
        assert_eq!(check(changes.clone()).err(), Some(fault), "{changes}");
    }
}

#[test]
fn what_a_proper_token_ends() {
    let alice = || User { issuer: ISSUER.into(), subject: "alice".into() };
    let session = || ProviderSession { issuer: ISSUER.into(), id: "s-1".into() };
    for (changes, ending) in [
        (json!({}), Ending::ProviderSession(session(), Some(alice()))),
        (json!({ "sub": null }), Ending::ProviderSession(session(), None)),
        (json!({ "sid": null }), Ending::User(alice())),
        (json!({ "sub": "" }), Ending::ProviderSession(session(), None)),
        (json!({ "sid": "" }), Ending::User(alice())),
        (json!({ "aud": ["wiki"], "x": 1 }), Ending::ProviderSession(session(), Some(alice()))),
        (json!({ "events": { EVENT: { "x": 1 }, "other": 1 } }), Ending::ProviderSession(session(), Some(alice()))),
    ] {
        let token = check(&changes).expect("is proper");
        assert_eq!(*token.ending(), ending, "{changes}");
        assert_eq!(*token.replay_key(), ReplayKey::logout_token(ISSUER, "j-1"));
        assert_eq!(token.until(), Timestamp::from_unix(NOW + 120 + 60), "BL-9: `exp` and the leeway");
    }
}

#[test]
fn the_casebook_of_claims() {
    for (duty, changes, fault) in [
        ("BL-5", json!({ "iss": format!("{ISSUER}x") }), TokenFault::ISSUER),
        ("BL-5", json!({ "iss": null }), TokenFault::ISSUER),
        ("BL-5", json!({ "aud": "wikj" }), TokenFault::AUDIENCE),
        ("BL-5", json!({ "aud": ["wiki", "other"] }), TokenFault::AUDIENCE),
        ("BL-5", json!({ "aud": null }), TokenFault::AUDIENCE),
        ("BL-5", json!({ "iat": null }), TokenFault::Time("iat")),
        ("BL-5", json!({ "iat": NOW + 61 }), TokenFault::IssuedAt(61)),
        ("BL-5", json!({ "exp": null }), TokenFault::Time("exp")),
        ("BL-5", json!({ "exp": "soon" }), TokenFault::Time("exp")),
        ("BL-5", json!({ "exp": NOW - 60 }), TokenFault::Expired(60)),
        ("BL-6", json!({ "sub": null, "sid": null }), TokenFault::NoSubjectOrSession),
        ("BL-6", json!({ "sub": 1 }), TokenFault::Subject),
        ("BL-6", json!({ "sub": "", "sid": "" }), TokenFault::NoSubjectOrSession),
        ("BL-6", json!({ "sid": 1 }), TokenFault::Text("sid")),
        ("BL-7", json!({ "events": null }), TokenFault::Event),
        ("BL-7", json!({ "events": { "http://schemas.openid.net/event/other": {} } }), TokenFault::Event),
        ("BL-7", json!({ "events": [EVENT] }), TokenFault::Event),
        ("BL-7", json!({ "events": EVENT }), TokenFault::Event),
        ("BL-7", json!({ "events": { EVENT: true } }), TokenFault::Event),
        ("BL-7", json!({ "events": { EVENT: [] } }), TokenFault::Event),
        ("BL-8", json!({ "nonce": "n" }), TokenFault::UnexpectedNonce),
        ("BL-8", json!({ "nonce": "" }), TokenFault::UnexpectedNonce),
        ("BL-8", json!({ "nonce": 0 }), TokenFault::UnexpectedNonce),
        ("BL-8", json!({ "nonce": [] }), TokenFault::UnexpectedNonce),
        ("BL-9", json!({ "jti": null }), TokenFault::TokenId),
        ("BL-9", json!({ "jti": "" }), TokenFault::TokenId),
        ("BL-9", json!({ "jti": 7 }), TokenFault::Text("jti")),
    ] {
        assert_eq!(check(&changes).err(), Some(fault), "{duty} {changes}");
    }
    let nothing = proper().to_string().replace("\"jti\"", "\"nonce\":null,\"jti\"");
    let token = signing::token(r#"{"alg":"RS256"}"#, &nothing);
    assert_eq!(check_raw(&token).err(), Some(TokenFault::UnexpectedNonce), "BL-8: whatever its value");
}

/// Ory Hydra sends tokens without `exp`.
#[test]
fn bl_5_a_token_without_exp_counts_for_two_minutes_where_it_may() {
    let known = application("https://wiki.example.com").relying_party;
    let party = RelyingParty { issuer: ISSUER.into(), logout_token_exp: LogoutTokenExp::Optional, ..known };
    let expected = ExpectedLogoutToken { relying_party: &party, now: Timestamp::from_unix(NOW) };
    for (changes, outcome) in [
        (json!({ "exp": null }), Ok(NOW + 60 + 60)),
        (json!({ "exp": null, "iat": NOW - 119 }), Ok(NOW + 1)),
        (json!({ "exp": null, "iat": NOW - 120 }), Err(TokenFault::Expired(60))),
        (json!({ "exp": null, "iat": NOW + 61 }), Err(TokenFault::IssuedAt(61))),
        (json!({ "exp": null, "iat": null }), Err(TokenFault::Time("iat"))),
        (json!({ "exp": null, "nbf": NOW + 61 }), Err(TokenFault::NotBefore(61))),
        (json!({ "exp": "soon" }), Err(TokenFault::Time("exp"))),
        (json!({ "exp": NOW - 60 }), Err(TokenFault::Expired(60))),
        (json!({ "exp": NOW + 600 }), Ok(NOW + 660)),
    ] {
        let raw = raw(&json!({ "alg": "RS256" }), &changed(proper(), &changes));
        let checked =
            verified(&raw, Purpose::LogoutToken(&party)).and_then(|token| VerifiedLogoutToken::check(token, &expected));
        assert_eq!(check_unsigned(&raw.into(), &expected).err(), checked.as_ref().err().cloned(), "{changes}");
        assert_eq!(checked.map(|token| token.until()), outcome.map(Timestamp::from_unix), "{changes}");
    }
}

#[test]
fn the_casebook_of_headers() {
    for (duty, header, fault) in [
        ("BL-11", json!({}), None),
        ("BL-11", json!({ "typ": null }), None),
        ("BL-11", json!({ "typ": "JWT" }), None),
        ("BL-11", json!({ "typ": "Application/Logout+JWT" }), None),
        ("BL-11", json!({ "typ": "at+jwt" }), Some(TokenFault::Header)),
        ("BL-11", json!({ "typ": "id_token+jwt" }), Some(TokenFault::Header)),
        ("BL-11", json!({ "typ": 1 }), Some(TokenFault::Header)),
        ("BL-4", json!({ "alg": "none" }), Some(TokenFault::ALGORITHM)),
        ("BL-4", json!({ "alg": "ES256" }), Some(TokenFault::ALGORITHM)),
        ("BL-4", json!({ "alg": null }), Some(TokenFault::ALGORITHM)),
        ("BL-4", json!({ "crit": ["exp"] }), Some(TokenFault::Header)),
    ] {
        assert_eq!(of_header(&header), fault, "{duty} {header}");
    }
}

#[test]
fn bl_2_bl_16_encrypted_misshapen_or_too_long() {
    let proper = raw(&json!({ "alg": "RS256" }), &proper());
    for (token, fault) in [
        (format!("{proper}.x.y"), TokenFault::Encrypted),
        (format!("{proper}.x"), TokenFault::Malformed),
        (format!("{proper}="), TokenFault::Malformed),
        (String::new(), TokenFault::Malformed),
        ("x".repeat(64 * 1024 + 1), TokenFault::TooLong),
    ] {
        assert_eq!(check_raw(&token).err(), Some(fault), "{} characters", token.len());
    }
}

#[test]
fn bl_1_a_form_with_one_logout_token() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let padded = format!("logout_token=t&x={}", "x".repeat(64 * 1024));
    for (kind, body, expected) in [
        (Some(FORM), "logout_token=a.b.c", Some("a.b.c")),
        (Some("Application/X-WWW-Form-Urlencoded; charset=utf-8"), "logout_token=a%2Eb", Some("a.b")),
        (Some(FORM), "x=1&logout_token=a&y=2", Some("a")),
        (Some(FORM), "logout_token=a&logout_token=a", None),
        (Some(FORM), "logout_token=a&logout%5Ftoken=b", None),
        (Some(FORM), "logout_token=", None),
        (Some(FORM), "logout_token", None),
        (Some(FORM), "", None),
        (Some(FORM), &padded, None),
        (Some("application/json"), r#"{"logout_token":"a"}"#, None),
        (Some("application/json"), "logout_token=a", None),
        (None, "logout_token=a", None),
    ] {
        let found = in_form(kind, body.as_bytes());
        assert_eq!(found.as_ref().map(ExposeSecret::expose_secret), expected, "{kind:?} {} bytes", body.len());
    }
}

#[test]
fn jw_4_an_id_token_is_no_logout_token() {
    let claims = json!({ "events": null, "jti": null, "sid": null, "nonce": "n" });
    assert!(check(&claims).is_err());
}
