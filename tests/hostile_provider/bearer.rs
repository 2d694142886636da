//! Signed access tokens: their signatures, and that no other kind of token is accepted as one.

use gatepost::domain::oidc::algorithm::SigningAlgorithm;
use gatepost::domain::oidc::credentials::{AccessTokenRules, BearerCheck, Refusal, TokenType};
use gatepost::domain::oidc::jwt::TokenFault;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::fixture::{Fixture, Judged};
use crate::op::signing::{self, Key, RSA_A_PEM};
use crate::op::{CLIENT_ID, CLIENT_SECRET, SUBJECT, merged};

async fn fixture(token_type: TokenType) -> Fixture {
    let algorithms = vec![SigningAlgorithm::RS256, SigningAlgorithm::ES256];
    let rules = AccessTokenRules { audiences: vec!["https://wiki.example".to_owned()], algorithms, token_type };
    Fixture::with(BearerCheck::Jwt(rules), &["read"]).await
}

/// A valid access token with these changes, and another `jti` each time.
fn token(fixture: &Fixture, header: &Value, claims: &Value, key: &Key) -> String {
    let now = 1_900_000_000;
    let proper = json!({
        "iss": fixture.test_client.op.issuer(), "sub": SUBJECT, "aud": "https://wiki.example", "client_id": "ci",
        "jti": fixture.fresh().to_string(), "iat": now, "exp": now + 300, "scope": "read", "groups": ["robots"],
    });
    let header = merged(json!({"alg": "RS256", "typ": "at+jwt", "kid": "a"}), header);
    signing::signed(&header, &merged(proper, claims).to_string(), key)
}

#[tokio::test]
async fn at_2_a_token_that_the_provider_signed_is_good_without_asking_anybody() {
    let fixture = fixture(TokenType::AccessToken).await;
    let raw = token(&fixture, &json!({}), &json!({}), &Key::RsaA);
    let verified = fixture.show_token(&raw).await.unwrap();
    assert_eq!(verified.user().subject, SUBJECT);
    assert_eq!(verified.claims().texts("groups").collect::<Vec<_>>(), ["robots"]);
    assert_eq!(verified.token().map(|token| token.expose_secret().to_owned()), Some(raw));
    for path in ["/token", "/userinfo", "/introspect"] {
        assert_eq!(fixture.test_client.asked(path), 0, "{path}");
    }
}

#[tokio::test]
async fn at_2_oc_5_oc_7_nothing_else_signs() {
    let fixture = fixture(TokenType::AccessToken).await;
    let (signature, algorithm) = (TokenFault::SIGNATURE, TokenFault::ALGORITHM);
    let rows: Vec<(&str, Value, Key, TokenFault)> = vec![
        ("another key", json!({}), Key::RsaB, signature.clone()),
        ("another key, unnamed", json!({"kid": null}), Key::RsaB, signature.clone()),
        ("an embedded key", json!({"kid": null, "jwk": signing::jwk(&Key::RsaB, "a")}), Key::RsaB, signature.clone()),
        ("jku", json!({"kid": "b", "jku": "https://evil.example/keys"}), Key::RsaB, signature.clone()),
        ("no signature", json!({}), Key::Nothing, signature.clone()),
        ("none", json!({"alg": "none"}), Key::Nothing, algorithm.clone()),
        ("None", json!({"alg": "None"}), Key::Nothing, algorithm.clone()),
        (
            "HMAC over the public key",
            json!({"alg": "HS256"}),
            Key::Secret(RSA_A_PEM.as_bytes().to_vec()),
            algorithm.clone(),
        ),
        ("HMAC over the client secret", json!({"alg": "HS256"}), Key::Secret(CLIENT_SECRET.into()), algorithm.clone()),
        ("not on the list", json!({"alg": "RS384"}), Key::RsaA, algorithm.clone()),
        ("crit", json!({"crit": ["b64"], "b64": false}), Key::RsaA, TokenFault::Header),
    ];
    for (name, header, key, expected) in rows {
        let raw = token(&fixture, &header, &json!({}), &key);
        let judged = Judged::from(&fixture.show_token(&raw).await);
        assert_eq!(judged, Judged::Refused(Refusal::Token(expected)), "{name}");
    }
    let raw = token(&fixture, &json!({}), &json!({}), &Key::RsaA);
    let cut = raw.rsplit_once('.').unwrap().0;
    for broken in [format!("{raw}A"), format!("{raw}.x"), cut.to_owned(), format!("{raw}..x"), "x".to_owned()] {
        assert!(matches!(Judged::from(&fixture.show_token(&broken).await), Judged::Refused(_)), "JW-1: {broken}");
    }
    assert_eq!(Judged::from(&fixture.show_token(&raw).await), Judged::Good);
}

/// Every other kind of token that this provider signs, presented as a bearer token.
#[tokio::test]
async fn at_1_jw_4_other_kinds_of_tokens_are_none() {
    let strict = fixture(TokenType::AccessToken).await;
    let lenient = fixture(TokenType::Jwt).await;
    let other_header = || Judged::Refused(TokenFault::Header.into());
    let kinds: Vec<(&str, Value, Value, Judged)> = vec![
        ("an ID Token", json!({"typ": "JWT"}), json!({"nonce": "n"}), Judged::Refused(Refusal::OtherKind("nonce"))),
        ("an ID Token for us", json!({"typ": "JWT"}), json!({"aud": CLIENT_ID}), Judged::Refused(Refusal::Audience)),
        ("a logout token", json!({"typ": "logout+jwt"}), json!({"events": {}}), other_header()),
        (
            "an old logout token",
            json!({"typ": "JWT"}),
            json!({"events": {}}),
            Judged::Refused(Refusal::OtherKind("events")),
        ),
        ("signed UserInfo", json!({"typ": null}), json!({"exp": null}), other_header()),
        ("an introspection answer", json!({"typ": "token-introspection+jwt"}), json!({}), other_header()),
    ];
    for (name, header, claims, by_lenient) in kinds {
        let shown = strict.show_token(&token(&strict, &header, &claims, &Key::RsaA)).await;
        assert_eq!(Judged::from(&shown), other_header(), "{name}");
        let shown = lenient.show_token(&token(&lenient, &header, &claims, &Key::RsaA)).await;
        assert_eq!(Judged::from(&shown), by_lenient, "{name}, with `JWT`");
    }
}

#[tokio::test]
async fn at_2_a_new_key_is_fetched_and_junk_does_not_fetch_for_ever() {
    let fixture = fixture(TokenType::AccessToken).await;
    fixture.misbehave(|b| b.key_set = json!({"keys": [signing::jwk(&Key::P256, "new")]}));
    let header = json!({"kid": "new", "alg": "ES256"});
    let raw = token(&fixture, &header, &json!({}), &Key::P256);
    assert_eq!(Judged::from(&fixture.show_token(&raw).await), Judged::Good);
    let before = fixture.test_client.asked("/keys");
    for number in 0..50 {
        let raw = token(&fixture, &json!({"kid": number.to_string()}), &json!({}), &Key::RsaB);
        assert_ne!(Judged::from(&fixture.show_token(&raw).await), Judged::Good);
    }
    assert!(fixture.test_client.asked("/keys") - before <= 5, "OC-24: the brake holds for these tokens, too");
}
