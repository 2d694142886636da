//! ID Tokens that must not sign a user in: a page, no session, and one line in the log that names the failed check.

use serde_json::json;

use crate::browser::{Browser, WIKI};
use crate::capture::Log;
use crate::op::signing::{self, Key};
use crate::op::{Behaviour, CLIENT_SECRET, Callback, Reply};
use crate::test_outpost::wiki;

/// A misbehaviour and its text in the log.
type Row = (&'static str, fn(&mut Behaviour), &'static str);

/// Checks that each misbehaviour refuses the sign-in, and that a correct one succeeds afterwards.
async fn check(rows: &[Row]) {
    let (test_outpost, op) = wiki().await;
    for (name, misbehave, expected) in rows {
        op.reform();
        op.behave(misbehave);
        let log = Log::start();
        let mut browser = Browser::default();
        let page = browser.come_back(&test_outpost, &op, WIKI).await;
        page.expect_refusal(403, name);
        assert_eq!(page.reason, "provider_untrustworthy", "{name}");
        let said = log.take();
        let failed: Vec<_> = said.lines().filter(|line| line.contains("sign-in failed")).collect();
        assert!(matches!(failed.as_slice(), [line] if line.contains(expected)), "{name}: {said}");
        assert!(!page.body.contains(expected), "{name}: the page has a reference, the log the cause");
        assert_eq!(browser.open(&test_outpost, WIKI).await.reason, "sign_in_started", "{name}: still a stranger");
    }
    op.reform();
    Browser::default().sign_in(&test_outpost, &op, WIKI).await;
}

#[tokio::test]
async fn oc_1_5_6_7_form_algorithm_and_signature() {
    check(&[
        ("OC-1 encrypted", |b| b.id_token_text = |token| format!("{token}.x.y"), "is encrypted"),
        ("OC-5 broken signature", |b| b.key = Key::Bytes(vec![7; 256]), "signature does not verify"),
        ("OC-5 another key", |b| b.key = Key::RsaB, "signature does not verify"),
        (
            "OC-5 none",
            |b| {
                b.header = json!({"alg": "none"});
                b.key = Key::Nothing;
            },
            "not signed with the configured algorithm",
        ),
        (
            "OC-5 ES256 by a published key",
            |b| {
                b.header = json!({"alg": "ES256"});
                b.key = Key::P256;
                b.key_set = json!({"keys": [signing::jwk(&Key::P256, "a")]});
            },
            "not signed with the configured algorithm",
        ),
        (
            "OC-6 HS256 over the public key",
            |b| {
                b.header = json!({"alg": "HS256"});
                b.key = Key::Secret(signing::RSA_A_PEM.into());
            },
            "not signed with the configured algorithm",
        ),
        (
            "OC-6 HS256 by the secret, not pinned",
            |b| {
                b.header = json!({"alg": "HS256"});
                b.key = Key::Secret(CLIENT_SECRET.into());
            },
            "not signed with the configured algorithm",
        ),
        (
            "OC-7 a key in the header",
            |b| {
                b.header = json!({"jwk": signing::jwk(&Key::RsaB, "a")});
                b.key = Key::RsaB;
            },
            "signature does not verify",
        ),
        ("OC-7 crit", |b| b.header = json!({"crit": ["b64"]}), "header has a parameter that is not supported"),
        ("OC-7 two iss", |b| b.payload_text = |text| text.replacen('{', r#"{"iss":"x","#, 1), "not a well-formed"),
        (
            "JW-4 a logout token",
            |b| b.header = json!({"typ": "logout+jwt"}),
            "header has a parameter that is not supported",
        ),
    ])
    .await;
}

#[tokio::test]
async fn oc_2_3_4_8_9_10_12_a_45_claims() {
    check(&[
        ("OC-2 iss", |b| b.claims = json!({"iss": "https://evil.example/"}), "`iss` is not"),
        ("OC-2 slash more", |b| b.payload_text = |t| t.replacen("/o/wiki/\"", "/o/wiki//\"", 1), "`iss` is not"),
        ("OC-3 aud", |b| b.claims = json!({"aud": "other"}), "`aud` is not"),
        ("OC-3 stranger", |b| b.claims = json!({"aud": ["wiki:1", "other"]}), "`aud` is not"),
        ("OC-4 azp", |b| b.claims = json!({"azp": "other"}), "`azp` is not"),
        ("OC-8 expired", |b| b.clock_skew = -600, "`exp` was 300 s ago"),
        ("OC-8 not yet", |b| b.clock_skew = 600, "`iat` is 600 s ahead"),
        ("OC-8 nbf", |b| b.claims = json!({"nbf": 1_900_000_100}), "`nbf` is 100 s ahead"),
        ("OC-8 exp text", |b| b.claims = json!({"exp": "1900000300"}), "`exp` is missing or not a number"),
        ("A-60 exp 1e300", |b| b.claims = json!({"exp": 1e300}), "`exp` is missing or not a number"),
        ("A-45 no nonce", |b| b.claims = json!({"nonce": null}), "`nonce` is missing"),
        ("A-45 another nonce", |b| b.claims = json!({"nonce": "A".repeat(43)}), "`nonce` is missing"),
        ("OC-10 no sub", |b| b.claims = json!({"sub": null}), "`sub` is missing"),
        ("OC-10 number", |b| b.claims = json!({"sub": 1}), "`sub` is missing"),
        ("OC-12 at_hash", |b| b.claims = json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}), "`at_hash` does not belong"),
        (
            "OC-13 another's UserInfo",
            |b| {
                b.sparse = true;
                b.user = json!({"sub": "mallory"});
            },
            "UserInfo's `sub`",
        ),
    ])
    .await;
}

#[tokio::test]
async fn oc_19_token_answers() {
    check(&[
        ("no id_token", |b| b.answer = json!({"id_token": null}), "not usable"),
        ("token_type", |b| b.answer = json!({"token_type": "mac"}), "not usable"),
        ("no JSON", |b| b.token = Reply::Text(200, "text/html", "<html>".to_owned()), "not usable"),
        (
            "client refused",
            |b| {
                b.token = Reply::Text(401, "application/json", r#"{"error":"invalid_client"}"#.to_owned());
            },
            "invalid_client",
        ),
    ])
    .await;
}

#[tokio::test]
async fn oc_9_a_46_the_token_of_another_sign_in_is_refused() {
    let (test_outpost, op) = wiki().await;
    let (mut alice, mut mallory) = (Browser::default(), Browser::default());
    let hers = crate::browser::parameter(&alice.begin(&test_outpost, WIKI).await, "nonce");
    let claims = json!({
        "iss": op.issuer(), "sub": "alice", "aud": "wiki:1", "nonce": hers, "iat": 1_900_000_000, "exp": 1_900_000_300,
    });
    let injected = op.sign(&json!({}), &claims);
    op.behave(|b| b.answer = json!({"id_token": injected}));
    mallory.come_back(&test_outpost, &op, WIKI).await.expect_refusal(403, "a token that was made for alice's attempt");
    assert!(!mallory.has_session());
}

/// A misbehaviour and the compared values in the log.
type Compared<'a> = (fn(&mut Behaviour), [&'a str; 2]);

/// The operator sees both compared values; the refused user sees neither.
#[tokio::test]
async fn a_refusal_says_what_was_compared() {
    let (test_outpost, op) = wiki().await;
    let log = Log::start();
    let rows: [Compared<'_>; 4] = [
        (|b| b.claims = json!({"iss": "https://other.example/"}), ["https://other.example/", op.issuer()]),
        (|b| b.header = json!({"alg": "PS256"}), ["PS256", "RS256"]),
        (|b| b.header = json!({"kid": "kid-of-nobody"}), ["kid-of-nobody", "of 1 published keys 0 were tried"]),
        (
            |b| b.callback = Callback::Issuer("https://other.example/".to_owned()),
            ["https://other.example/", op.issuer()],
        ),
    ];
    for (misbehave, words) in rows {
        op.reform();
        op.behave(misbehave);
        log.take();
        let page = Browser::default().come_back(&test_outpost, &op, WIKI).await;
        let said = log.take();
        let failed: Vec<_> = said.lines().filter(|line| line.contains("sign-in failed")).collect();
        let [line] = failed.as_slice() else { panic!("{said}") };
        for word in words {
            assert!(line.contains(word), "{word}: {line}");
        }
        assert!(!page.body.contains(words[0]), "{}", page.body);
    }
}
