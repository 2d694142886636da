//! ID Tokens: form, signature, claims.

use gatepost::domain::oidc::algorithm::SigningAlgorithm;
use gatepost::domain::oidc::jwt::TokenFault;
use gatepost::outbound::provider::{OpenIdProviders, StartFault};
use gatepost::testing::ManualClock;
use serde_json::json;

use crate::op::signing::{self, Key};
use crate::op::{Behaviour, CLIENT_SECRET, NULL, SUBJECT};
use crate::test_client::{Outcome, Row, TestClient, check, relying_party, settings};

const fn untrustworthy(fault: TokenFault) -> Outcome {
    Outcome::Untrustworthy(fault)
}

#[tokio::test]
async fn a_proper_sign_in_says_who_it_is() {
    let test_client = TestClient::new().await;
    let signed_in = test_client.sign_in().await.unwrap();
    assert_eq!(signed_in.claims().text("sub"), Some(SUBJECT));
    assert_eq!(signed_in.claims().text("preferred_username"), Some("alice"));
    assert_eq!(signed_in.claims().text("sid"), Some("provider-session"));
    assert_eq!(test_client.asked("/userinfo"), 0);
}

#[tokio::test]
async fn oc_01_encrypted_or_misshapen() {
    let (encrypted, malformed) = (untrustworthy(TokenFault::Encrypted), || untrustworthy(TokenFault::Malformed));
    let rows: Vec<Row> = vec![
        ("five parts", |b| b.id_token_text = |token| format!("{token}.x.y"), encrypted),
        ("four parts", |b| b.id_token_text = |token| format!("{token}.x"), malformed()),
        ("two parts", |b| b.id_token_text = |token| token.rsplit_once('.').unwrap().0.to_owned(), malformed()),
        ("padding (JW-1)", |b| b.id_token_text = |token| format!("{token}=="), malformed()),
        ("white space (JW-1)", |b| b.id_token_text = |token| format!("{token} "), malformed()),
        ("too long (JW-1)", |b| b.claims = json!({"x": "x".repeat(64 * 1024)}), untrustworthy(TokenFault::TooLong)),
        ("not JSON", |b| b.payload_text = |_| "sub=alice".to_owned(), malformed()),
        ("an array", |b| b.payload_text = |payload| format!("[{payload}]"), malformed()),
    ];
    check(&TestClient::new().await, rows).await;
}

#[tokio::test]
async fn oc_02_03_04_made_by_this_issuer_for_this_client() {
    let issuer = || untrustworthy(TokenFault::ISSUER);
    let audience = || untrustworthy(TokenFault::AUDIENCE);
    let party = || untrustworthy(TokenFault::AuthorizedParty);
    let rows: Vec<Row> = vec![
        ("OC-2 slash more", |b| b.payload_text = |text| text.replacen("/o/wiki/\"", "/o/wiki//\"", 1), issuer()),
        ("OC-2 slash dropped", |b| b.payload_text = |text| text.replacen("/o/wiki/\"", "/o/wiki\"", 1), issuer()),
        ("OC-2 scheme", |b| b.payload_text = |text| text.replacen("http://", "HTTP://", 1), issuer()),
        ("OC-2 none", |b| b.claims = json!({"iss": null}), issuer()),
        ("OC-3 list of one", |b| b.claims = json!({"aud": ["wiki:1"]}), Outcome::SignedIn),
        ("OC-3 stranger", |b| b.claims = json!({"aud": ["wiki:1", "other"], "azp": "wiki:1"}), audience()),
        ("OC-3 empty", |b| b.claims = json!({"aud": []}), audience()),
        ("OC-3 number", |b| b.claims = json!({"aud": 1}), audience()),
        ("OC-3 none", |b| b.claims = json!({"aud": null}), audience()),
        ("OC-4 azp", |b| b.claims = json!({"azp": "wiki:1"}), Outcome::SignedIn),
        ("OC-4 other azp", |b| b.claims = json!({"azp": "other"}), party()),
    ];
    check(&TestClient::new().await, rows).await;
}

#[tokio::test]
async fn oc_05_only_the_pinned_algorithm() {
    let algorithm = || untrustworthy(TokenFault::ALGORITHM);
    let signature = || untrustworthy(TokenFault::SIGNATURE);
    let rows: Vec<Row> = vec![
        ("broken signature", |b| b.key = Key::Bytes(vec![7; 256]), signature()),
        ("signature of other key", |b| b.key = Key::RsaB, signature()),
        ("empty signature", |b| b.key = Key::Nothing, signature()),
        ("cut signature", |b| b.id_token_text = |token| token[..token.len() - 2].to_owned(), signature()),
        (
            "altered payload",
            |b| {
                b.id_token_text = |token| {
                    let mut parts: Vec<&str> = token.split('.').collect();
                    parts[1] = "e30";
                    parts.join(".")
                };
            },
            signature(),
        ),
        (
            "none",
            |b| {
                b.header = json!({"alg": "none"});
                b.key = Key::Nothing;
            },
            algorithm(),
        ),
        (
            "None",
            |b| {
                b.header = json!({"alg": "None"});
                b.key = Key::Nothing;
            },
            algorithm(),
        ),
        (
            "NONE",
            |b| {
                b.header = json!({"alg": "NONE"});
                b.key = Key::Nothing;
            },
            algorithm(),
        ),
        ("PS256 by the published key", |b| b.header = json!({"alg": "PS256"}), algorithm()),
        ("RS512 by the published key", |b| b.header = json!({"alg": "RS512"}), algorithm()),
        (
            "ES256 by a published key",
            |b| {
                b.header = json!({"alg": "ES256"});
                b.key = Key::P256;
                b.key_set = json!({"keys": [signing::jwk(&Key::P256, "a")]});
            },
            algorithm(),
        ),
        ("no alg", |b| b.header = json!({"alg": null}), algorithm()),
    ];
    check(&TestClient::new().await, rows).await;
}

#[tokio::test]
async fn oc_06_a_public_key_is_no_hmac_key() {
    let algorithm = || untrustworthy(TokenFault::ALGORITHM);
    let rows: Vec<Row> = vec![
        (
            "HS256 over the PEM",
            |b| {
                b.header = json!({"alg": "HS256"});
                b.key = Key::Secret(signing::RSA_A_PEM.into());
            },
            algorithm(),
        ),
        (
            "HS256 over the JWK",
            |b| {
                b.header = json!({"alg": "HS256"});
                b.key = Key::Secret(signing::jwk(&Key::RsaA, "a").to_string().into());
            },
            algorithm(),
        ),
        (
            "RS256 said, HMAC made",
            |b| b.key = Key::Secret(signing::jwk(&Key::RsaA, "a").to_string().into()),
            untrustworthy(TokenFault::SIGNATURE),
        ),
        (
            "HS256 with the client secret, not pinned",
            |b| {
                b.header = json!({"alg": "HS256"});
                b.key = Key::Secret(CLIENT_SECRET.into());
            },
            algorithm(),
        ),
    ];
    check(&TestClient::new().await, rows).await;
}

#[tokio::test]
async fn oc_06_hmac_where_pinned_uses_the_client_secret_alone() {
    for (algorithm, name) in
        [(SigningAlgorithm::HS256, "HS256"), (SigningAlgorithm::HS384, "HS384"), (SigningAlgorithm::HS512, "HS512")]
    {
        let test_client = TestClient::with(settings(), |party| party.id_token_signed_response_alg = algorithm).await;
        let proper = test_client
            .outcome(|b| {
                b.header = json!({"alg": name, "kid": null});
                b.key = Key::Secret(CLIENT_SECRET.into());
            })
            .await;
        assert_eq!(proper, Outcome::SignedIn, "{name}");
        let other = test_client
            .outcome(|b| {
                b.header = json!({"alg": name});
                b.key = Key::Secret(b"0123456789012345678901234567890123456789".to_vec());
                b.key_set = json!({"keys": [signing::jwk(&b.key, "a")]});
            })
            .await;
        assert_eq!(other, untrustworthy(TokenFault::SIGNATURE), "{name} by a published key");
        let public = test_client.outcome(|_| {}).await;
        assert_eq!(public, untrustworthy(TokenFault::ALGORITHM), "RS256 where {name} is pinned");
    }
}

#[tokio::test]
async fn oc_06_a_short_secret_is_refused_at_the_start() {
    for (algorithm, length) in
        [(SigningAlgorithm::HS256, 31), (SigningAlgorithm::HS384, 47), (SigningAlgorithm::HS512, 63)]
    {
        let mut party = relying_party("http://127.0.0.1:9/");
        party.id_token_signed_response_alg = algorithm;
        party.client_secret = Some("x".repeat(length).into());
        let fault = OpenIdProviders::start(&settings(), [&party], ManualClock::new()).err();
        assert_eq!(fault, Some(StartFault::ShortSecret(party.client_id.clone())));
        party.client_secret = Some("x".repeat(length + 1).into());
        assert!(OpenIdProviders::start(&settings(), [&party], ManualClock::new()).is_ok());
    }
}

#[tokio::test]
async fn oc_07_keys_come_from_the_key_set_only() {
    let test_client = TestClient::new().await;
    let embedded = test_client
        .outcome(|b| {
            let jwk = signing::jwk(&Key::RsaB, "evil");
            b.key = Key::RsaB;
            b.header =
                json!({"jwk": jwk, "jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/", "x5c": ["AA"]});
        })
        .await;
    assert_eq!(embedded, untrustworthy(TokenFault::SIGNATURE));
    let rows: Vec<Row> = vec![
        (
            "ignored members",
            |b| b.header = json!({"jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/"}),
            Outcome::SignedIn,
        ),
        ("crit", |b| b.header = json!({"crit": ["b64"], "b64": false}), untrustworthy(TokenFault::Header)),
        ("kid is a number", |b| b.header = json!({"kid": 1}), untrustworthy(TokenFault::Header)),
        (
            "two iss",
            |b| b.payload_text = |text| text.replacen('{', r#"{"iss":"https://evil.example","#, 1),
            untrustworthy(TokenFault::Malformed),
        ),
        ("logout token's type (JW-4)", |b| b.header = json!({"typ": "logout+jwt"}), untrustworthy(TokenFault::Header)),
        ("access token's type (JW-4)", |b| b.header = json!({"typ": "at+jwt"}), untrustworthy(TokenFault::Header)),
    ];
    check(&test_client, rows).await;
}

#[tokio::test]
async fn oc_08_times() {
    let rows: Vec<Row> = vec![
        ("exp 1e300", |b| b.claims = json!({"exp": 1e300}), untrustworthy(TokenFault::Time("exp"))),
        ("exp -1", |b| b.claims = json!({"exp": -1}), untrustworthy(TokenFault::Time("exp"))),
        ("exp text", |b| b.claims = json!({"exp": "1900000300"}), untrustworthy(TokenFault::Time("exp"))),
        ("exp 1.5", |b| b.claims = json!({"exp": 1.5}), untrustworthy(TokenFault::Expired(1_899_999_999))),
        ("exp none", |b| b.claims = json!({"exp": null}), untrustworthy(TokenFault::Time("exp"))),
        ("iat none", |b| b.claims = json!({"iat": null}), untrustworthy(TokenFault::Time("iat"))),
        ("nbf ahead", |b| b.claims = json!({"nbf": 1_900_000_061}), untrustworthy(TokenFault::NotBefore(61))),
        ("nbf past", |b| b.claims = json!({"nbf": 1_900_000_000}), Outcome::SignedIn),
        ("auth_time as a float", |b| b.claims = json!({"auth_time": 1_899_999_999.25}), Outcome::SignedIn),
    ];
    check(&TestClient::new().await, rows).await;
}

#[tokio::test]
async fn f_04_clock_skew() {
    let rows: Vec<Row> = vec![
        ("+30 s", |b| b.clock_skew = 30, Outcome::SignedIn),
        ("-30 s", |b| b.clock_skew = -30, Outcome::SignedIn),
        ("+59 s", |b| b.clock_skew = 59, Outcome::SignedIn),
        ("+61 s", |b| b.clock_skew = 61, untrustworthy(TokenFault::IssuedAt(61))),
        ("+10 min", |b| b.clock_skew = 600, untrustworthy(TokenFault::IssuedAt(600))),
        // a token of this provider is valid for 300 s
        ("-359 s", |b| b.clock_skew = -359, Outcome::SignedIn),
        ("-361 s", |b| b.clock_skew = -361, untrustworthy(TokenFault::Expired(61))),
        ("-10 min", |b| b.clock_skew = -600, untrustworthy(TokenFault::Expired(300))),
    ];
    check(&TestClient::new().await, rows).await;
}

#[tokio::test]
async fn oc_09_nonce() {
    let nonce = || untrustworthy(TokenFault::Nonce);
    let rows: Vec<Row> = vec![
        ("none", |b| b.claims = json!({"nonce": null}), nonce()),
        ("empty", |b| b.claims = json!({"nonce": ""}), nonce()),
        ("another", |b| b.claims = json!({"nonce": "A".repeat(43)}), nonce()),
        ("a list", |b| b.claims = json!({"nonce": ["A"]}), nonce()),
    ];
    check(&TestClient::new().await, rows).await;
}

/// Many serializers write every member that they know.
#[tokio::test]
async fn an_optional_member_that_is_null_or_empty_is_absent() {
    let test_client = TestClient::new().await;
    for name in ["at_hash", "c_hash", "azp", "nbf", "auth_time", "acr", "amr", "sid", "email", "groups"] {
        for value in [NULL, ""] {
            assert_eq!(
                test_client.outcome(|b| b.claims = json!({name: value})).await,
                Outcome::SignedIn,
                "{name} {value:?}"
            );
        }
    }
    for name in ["typ", "kid", "x5c", "jku"] {
        for value in [NULL, ""] {
            assert_eq!(
                test_client.outcome(|b| b.header = json!({name: value})).await,
                Outcome::SignedIn,
                "{name} {value:?}"
            );
        }
    }
    for name in ["access_token", "refresh_token", "expires_in", "scope"] {
        for value in [NULL, ""] {
            assert_eq!(
                test_client.outcome(|b| b.answer = json!({name: value})).await,
                Outcome::SignedIn,
                "{name} {value:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_required_member_that_is_null_or_empty_stays_a_fault() {
    let test_client = TestClient::new().await;
    for (name, fault) in [
        ("iss", TokenFault::ISSUER),
        ("aud", TokenFault::AUDIENCE),
        ("exp", TokenFault::Time("exp")),
        ("iat", TokenFault::Time("iat")),
        ("nonce", TokenFault::Nonce),
        ("sub", TokenFault::Subject),
    ] {
        for value in [NULL, ""] {
            let outcome = test_client.outcome(|b| b.claims = json!({name: value})).await;
            assert_eq!(outcome, untrustworthy(fault.clone()), "{name} {value:?}");
        }
    }
    for name in ["id_token", "token_type"] {
        for value in [NULL, ""] {
            assert_eq!(
                test_client.outcome(|b| b.answer = json!({name: value})).await,
                Outcome::Malformed,
                "{name} {value:?}"
            );
        }
    }
}

/// The error of a refused sign-in, as the operator reads it.
async fn told(test_client: &TestClient, misbehave: impl FnOnce(&mut Behaviour)) -> String {
    test_client.op.reform();
    test_client.op.behave(misbehave);
    test_client.sign_in().await.expect_err("is refused").to_string()
}

#[tokio::test]
async fn a_refusal_names_what_was_compared() {
    let test_client = TestClient::new().await;
    let issuer = test_client.op.issuer().to_owned();
    let other = told(&test_client, |b| b.claims = json!({"iss": "https://other.example/"})).await;
    assert!(other.contains("https://other.example/") && other.contains(&issuer), "{other}");
    let missing = told(&test_client, |b| b.claims = json!({"iss": null})).await;
    assert!(missing.contains("missing") && missing.contains(&issuer), "{missing}");
    let algorithm = told(&test_client, |b| b.header = json!({"alg": "PS256"})).await;
    assert!(algorithm.contains("PS256") && algorithm.contains("RS256"), "{algorithm}");
    let unknown = told(&test_client, |b| b.header = json!({"kid": "new"})).await;
    for part in ["\"new\"", "RS256", "of 1 published keys 0 were tried", "1 with another `kid`"] {
        assert!(unknown.contains(part), "{part}: {unknown}");
    }
    let tried = told(&test_client, |b| b.key = Key::RsaB).await;
    assert!(tried.contains("of 1 published keys 1 were tried"), "{tried}");
    let unfit = told(&test_client, |b| {
        b.header = json!({"kid": "new"});
        let mut encrypts = signing::jwk(&Key::RsaA, "new");
        encrypts["use"] = json!("enc");
        b.key_set = json!({"keys": [encrypts, signing::jwk(&Key::P256, "new"), signing::jwk(&Key::RsaA, "a")]});
    });
    let unfit = unfit.await;
    for part in ["of 3 published keys 0 were tried", "1 with a `use`", "1 with a `kty`", "1 with another `kid`"] {
        assert!(unfit.contains(part), "{part}: {unfit}");
    }
    let long = told(&test_client, |b| b.claims = json!({"iss": format!("x\r\n{}", "y".repeat(5000))})).await;
    assert!(long.len() < 500 && !long.contains(['\r', '\n']), "{long}");
}

#[tokio::test]
async fn oc_09_a_replayed_token_is_refused() {
    let test_client = TestClient::new().await;
    let first = test_client.sign_in().await.unwrap();
    let replayed = test_client.op.sign(&json!({}), &serde_json::Value::Object(first.claims().as_object().clone()));
    let outcome = test_client.outcome(|b| b.answer = json!({"id_token": replayed})).await;
    assert_eq!(outcome, untrustworthy(TokenFault::Nonce));
}

#[tokio::test]
async fn oc_10_subject() {
    let subject = || untrustworthy(TokenFault::Subject);
    let rows: Vec<Row> = vec![
        ("none", |b| b.claims = json!({"sub": null}), subject()),
        ("empty", |b| b.claims = json!({"sub": ""}), subject()),
        ("number", |b| b.claims = json!({"sub": 1}), subject()),
        ("300 characters", |b| b.claims = json!({"sub": "x".repeat(300)}), subject()),
        ("not ASCII", |b| b.claims = json!({"sub": "jürgen"}), subject()),
    ];
    check(&TestClient::new().await, rows).await;
}

#[tokio::test]
async fn oc_12_access_token_of_the_same_answer() {
    let hash = || untrustworthy(TokenFault::AccessTokenHash);
    let rows: Vec<Row> = vec![
        (
            "proper",
            |b| {
                b.answer = json!({"access_token": "dNZX1hEZ9wBCzNL40Upu646bdzQA"});
                b.claims = json!({"at_hash": "wfgvmE9VxjAudsl9lc6TqA"});
            },
            Outcome::SignedIn,
        ),
        ("altered", |b| b.claims = json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}), hash()),
        (
            "no access token",
            |b| {
                b.answer = json!({"access_token": null});
                b.claims = json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"});
            },
            hash(),
        ),
    ];
    check(&TestClient::new().await, rows).await;
}

#[tokio::test]
async fn oc_14_a_user_is_issuer_and_subject() {
    let (one, two) = (TestClient::new().await, TestClient::new().await);
    let (alice, other) = (one.sign_in().await.unwrap(), two.sign_in().await.unwrap());
    assert_eq!(alice.claims().text("sub"), other.claims().text("sub"));
    assert_ne!(alice.claims().text("iss"), other.claims().text("iss"));
}

#[tokio::test]
async fn every_algorithm_signs_in_where_it_is_pinned() {
    // RFC 9864 has a new name for EdDSA over this curve, which canaille writes.
    for (algorithm, name) in SigningAlgorithm::ALL.into_iter().chain([(SigningAlgorithm::EdDSA, "Ed25519")]) {
        let key = match name {
            "ES256" => Key::P256,
            "ES384" => Key::P384,
            "ES512" => Key::P521,
            "EdDSA" | "Ed25519" => Key::Ed25519,
            _ if name.starts_with("HS") => Key::Secret(CLIENT_SECRET.into()),
            _ => Key::RsaA,
        };
        let test_client = TestClient::with(settings(), |party| party.id_token_signed_response_alg = algorithm).await;
        let outcome = test_client
            .outcome(|b| {
                b.header = json!({"alg": name, "kid": "new"});
                b.key_set = json!({"keys": [signing::jwk(&key, "new")]});
                b.key = key;
            })
            .await;
        assert_eq!(outcome, Outcome::SignedIn, "{name}");
    }
}
