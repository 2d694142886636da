//! Every duty about a signed access token's header and claims, in tables.

use secrecy::ExposeSecret as _;
use serde_json::json;

use super::*;
use crate::domain::oidc::jwt::TokenFault;
use crate::testing::signing;
use crate::testing::signing::verified;

const NOW: u64 = 1_900_000_000;
const ISSUER: &str = "https://op.example/o/wiki/";

fn proper() -> Value {
    json!({
        "iss": ISSUER, "sub": "robot", "aud": ["https://other.example", "https://wiki.example"], "client_id": "ci",
        "jti": "1", "iat": NOW, "exp": NOW + 300, "scope": "read wiki",
    })
}

fn merged(mut value: Value, changes: &Value) -> Value {
    for (name, change) in changes.as_object().expect("an object") {
        let members = value.as_object_mut().expect("an object");
        if change.is_null() {
            members.remove(name)
        } else {
            members.insert(name.clone(), change.clone())
        };
    }
    value
}

fn rules(token_type: TokenType) -> AccessTokenRules {
    let algorithms = vec![SigningAlgorithm::RS256, SigningAlgorithm::ES256];
    AccessTokenRules { audiences: vec!["https://wiki.example".into()], algorithms, token_type }
}

fn check_with(token_type: TokenType, header: &Value, changes: &Value) -> Result<VerifiedCredential, Refusal> {
    let kind = if token_type == TokenType::Jwt { "JWT" } else { "at+jwt" };
    let header = merged(json!({"alg": "RS256", "typ": kind}), header);
    let raw = signing::token(&header.to_string(), &merged(proper(), changes).to_string());
    let (rules, scopes, now) = (rules(token_type), ["read".to_owned()], Timestamp::from_unix(NOW));
    let signed = verified(&raw, rules.purpose())?;
    check(signed, &ExpectedAccessToken { issuer: ISSUER.into(), rules: &rules, scopes: &scopes, now })
}

#[track_caller]
fn rows(duty: &str, token_type: TokenType, rows: &[(Value, Option<Refusal>)]) {
    for (changes, expected) in rows {
        assert_eq!(check_with(token_type, &json!({}), changes).err(), *expected, "{duty}: {changes}");
    }
}

#[test]
fn a_proper_token_passes_and_tells_what_it_says() {
    for token_type in [TokenType::AccessToken, TokenType::Jwt] {
        let verified = check_with(token_type, &json!({}), &json!({})).expect("is proper");
        assert_eq!(verified.user(), &User { issuer: ISSUER.into(), subject: "robot".into() });
        assert_eq!(verified.expires(), Some(Timestamp::from_unix(NOW + 300)));
        assert_eq!(verified.scopes().collect::<Vec<_>>(), ["read", "wiki"]);
        assert!(verified.token().is_some_and(|token| token.expose_secret().split('.').count() == 3));
        let signature = verified.token().and_then(|token| token.expose_secret().rsplit('.').next()).expect("has one");
        assert!(!format!("{verified:?}").contains(signature));
    }
}

#[test]
fn at_1_at_2_the_header() {
    let (header, algorithm) = (Some(TokenFault::Header), Some(TokenFault::ALGORITHM));
    for (token_type, changes, expected) in [
        (TokenType::AccessToken, json!({"typ": "application/AT+jwt"}), None),
        (TokenType::AccessToken, json!({"alg": "ES256"}), None),
        (TokenType::AccessToken, json!({"typ": "JWT"}), header.clone()),
        (TokenType::AccessToken, json!({"typ": null}), header.clone()),
        (TokenType::AccessToken, json!({"typ": ["at+jwt"]}), header.clone()),
        (TokenType::AccessToken, json!({"typ": "logout+jwt"}), header.clone()),
        (TokenType::AccessToken, json!({"crit": ["exp"]}), header.clone()),
        (TokenType::Jwt, json!({"typ": "jwt"}), None),
        (TokenType::Jwt, json!({"typ": "at+jwt"}), header.clone()),
        (TokenType::Jwt, json!({"typ": "id_token+jwt"}), header.clone()),
        (TokenType::Jwt, json!({"typ": null}), header.clone()),
        (TokenType::AccessToken, json!({"alg": "none"}), algorithm.clone()),
        (TokenType::AccessToken, json!({"alg": "HS256"}), algorithm.clone()),
        (TokenType::AccessToken, json!({"alg": "RS384"}), algorithm.clone()),
        (TokenType::AccessToken, json!({"alg": null}), algorithm.clone()),
    ] {
        let fault = check_with(token_type, &changes, &json!({})).err();
        assert_eq!(fault, expected.map(Refusal::Token), "{token_type:?} {changes}");
    }
}

#[test]
fn at_3_the_claims() {
    let token = |fault| Some(Refusal::Token(fault));
    let audience = || Some(Refusal::Audience);
    let profile = [
        (json!({"aud": "https://wiki.example"}), None),
        (json!({"aud": "https://wiki.example/"}), audience()),
        (json!({"aud": ["https://WIKI.example"]}), audience()),
        (json!({"aud": []}), audience()),
        (json!({"aud": {"https://wiki.example": 1}}), audience()),
        (json!({"aud": null}), audience()),
        (json!({"iss": "https://op.example/o/wiki"}), token(TokenFault::ISSUER)),
        (json!({"iss": null}), token(TokenFault::ISSUER)),
        (json!({"exp": null}), token(TokenFault::Time("exp"))),
        (json!({"exp": NOW - 61}), token(TokenFault::Expired(61))),
        (json!({"exp": NOW - 59}), None),
        (json!({"iat": null}), token(TokenFault::Time("iat"))),
        (json!({"iat": NOW + 61}), token(TokenFault::IssuedAt(61))),
        (json!({"nbf": NOW + 61}), token(TokenFault::NotBefore(61))),
        (json!({"nbf": "soon"}), token(TokenFault::Time("nbf"))),
        (json!({"sub": null}), token(TokenFault::Subject)),
        (json!({"sub": ""}), token(TokenFault::Subject)),
        (json!({"cnf": {"jkt": "x"}}), Some(Refusal::Bound)),
    ];
    rows("AT-3", TokenType::AccessToken, &profile);
    rows("AT-3", TokenType::Jwt, &profile);
    rows(
        "AT-3",
        TokenType::AccessToken,
        &[
            (json!({"client_id": null}), Some(Refusal::Missing("client_id"))),
            (json!({"client_id": ""}), Some(Refusal::Missing("client_id"))),
            (json!({"jti": 7}), Some(Refusal::Missing("jti"))),
        ],
    );
}

#[test]
fn jw_4_other_kinds_of_tokens_are_told_by_what_they_have() {
    let other = |name| Some(Refusal::OtherKind(name));
    let table = [
        (json!({"client_id": null, "jti": null}), None),
        (json!({"typ": "Bearer"}), None),
        (json!({"nonce": "n"}), other("nonce")),
        (json!({"at_hash": "h"}), other("at_hash")),
        (json!({"c_hash": "h"}), other("c_hash")),
        (json!({"events": {}}), other("events")),
        (json!({"typ": "ID"}), other("typ")),
        (json!({"typ": "Refresh"}), other("typ")),
    ];
    rows("JW-4", TokenType::Jwt, &table);
}

#[test]
fn at_4_scopes_word_by_word() {
    let lacks = || Some(Refusal::Scope("read".to_owned()));
    let table = [
        (json!({"scope": "read"}), None),
        (json!({"scope": "write  read"}), None),
        (json!({"scope": "reader"}), lacks()),
        (json!({"scope": "read:all"}), lacks()),
        (json!({"scope": "Read"}), lacks()),
        (json!({"scope": "read\twrite"}), lacks()),
        (json!({"scope": ["read"]}), lacks()),
        (json!({"scope": null}), lacks()),
    ];
    rows("AT-4", TokenType::AccessToken, &table);
}
