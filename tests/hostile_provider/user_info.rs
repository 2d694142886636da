//! UserInfo: when it is requested, and what it may contain.

use gatepost::domain::oidc::algorithm::SigningAlgorithm;
use gatepost::domain::oidc::jwt::TokenFault;
use gatepost::domain::oidc::relying_party::RelyingParty;
use serde_json::{Value, json};

use crate::op::signing::{Key, RSA_A_PEM, jwk};
use crate::op::{Behaviour, CLIENT_ID, CLIENT_SECRET, NULL, Reply, SUBJECT};
use crate::test_client::{Outcome, Row, TestClient, check, settings};

#[tokio::test]
async fn oc_13_asked_only_where_claims_are_missing() {
    for (name, missing, asked) in [
        ("nothing", json!({}), 0),
        ("user name", json!({"preferred_username": null}), 1),
        ("name", json!({"name": null}), 1),
        ("email", json!({"email": null}), 1),
        ("groups, which metadata knows", json!({"groups": null}), 1),
        ("something else", json!({"email_verified": null}), 0),
    ] {
        let test_client = TestClient::new().await;
        test_client.op.behave(|b| b.claims = missing);
        let signed_in = test_client.sign_in().await.unwrap();
        assert_eq!(test_client.asked("/userinfo"), asked, "{name}");
        for claim in ["preferred_username", "name", "email"] {
            assert!(signed_in.claims().text(claim).is_some(), "{name}: {claim}");
        }
        assert_eq!(signed_in.claims().texts("groups").count(), 2, "{name}");
    }
}

#[tokio::test]
async fn oc_13_not_asked_for_what_no_scope_covers() {
    let test_client = TestClient::with(settings(), |party| party.scopes = vec!["openid".to_owned()]).await;
    test_client.op.behave(|b| b.claims = json!({"email": null, "name": null}));
    test_client.sign_in().await.unwrap();
    assert_eq!(test_client.asked("/userinfo"), 0);
}

#[tokio::test]
async fn oc_13_the_token_travels_in_the_header() {
    let test_client = TestClient::new().await;
    test_client.op.behave(|b| b.sparse = true);
    let signed_in = test_client.sign_in().await.unwrap();
    assert_eq!(signed_in.claims().text("email"), Some("alice@example.test"));
    let [request] = test_client.op.recorded("/userinfo").try_into().expect("one request");
    assert!(request.authorization().unwrap().starts_with("Bearer access-c0de"));
    assert!(request.query.is_empty() && request.body.is_empty());
}

#[tokio::test]
async fn oc_13_answers() {
    let other = || Outcome::Untrustworthy(TokenFault::OtherSubject);
    let rows: Vec<Row> = vec![
        ("proper", |b| b.sparse = true, Outcome::SignedIn),
        (
            "other sub",
            |b| {
                b.sparse = true;
                b.user = json!({"sub": "mallory"});
            },
            other(),
        ),
        (
            "no sub",
            |b| {
                b.sparse = true;
                b.user = json!({"sub": null});
            },
            other(),
        ),
        (
            "sub is a list",
            |b| {
                b.sparse = true;
                b.user = json!({"sub": [SUBJECT]});
            },
            other(),
        ),
    ];
    check(&TestClient::new().await, rows).await;
}

/// Core section 5.3: the ID Token alone is a complete sign-in.
#[tokio::test]
async fn oc_13_an_answer_that_does_not_come_or_cannot_be_read_keeps_nobody_out() {
    for (name, reply, soon) in [
        ("array", Reply::Text(200, "application/json", "[]".into()), false),
        ("HTML", Reply::Text(200, "text/html", "<html>".into()), false),
        ("empty 200", Reply::Text(200, "application/json", String::new()), false),
        ("204", Reply::Text(204, "application/json", String::new()), false),
        ("two subs", Reply::Text(200, "application/json", r#"{"sub":"a","sub":"b"}"#.into()), false),
        ("no JWT", Reply::Text(200, "application/jwt", "x".into()), false),
        ("an encrypted JWT", Reply::Text(200, "application/jwt", "a.b.c.d.e".into()), false),
        ("JW-2 bomb", Reply::Bomb, false),
        ("401", Reply::Status(401), false),
        ("403", Reply::Status(403), false),
        ("404", Reply::Status(404), false),
        ("redirect", Reply::Redirect("http://127.0.0.1:1/".into()), false),
        ("5 MB", Reply::Huge(5 << 20), true),
        ("500", Reply::Status(500), true),
        ("429", Reply::Status(429), true),
        ("truncated", Reply::Truncated, true),
        ("closed", Reply::Close, true),
        ("stalled", Reply::Stall, true),
    ] {
        let test_client = TestClient::with(settings(), |party| party.claims = vec!["team".to_owned()]).await;
        let misbehave = |b: &mut Behaviour| {
            b.claims = json!({"groups": null, "name": null});
            b.user_info = reply.clone();
        };
        test_client.op.behave(misbehave);
        let signed_in = test_client.sign_in().await.unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(signed_in.claims().text("preferred_username"), Some("alice"), "{name}");
        assert_eq!((signed_in.claims().value("groups"), test_client.asked("/userinfo")), (None, 1), "{name}");
        // Access rules depend on what is missing: a moment later the provider may return it.
        let test_client = TestClient::with(settings(), |party| party.claims_of_rules = vec!["groups".to_owned()]).await;
        let outcome = test_client.outcome(|b| (b.claims, b.user_info) = (json!({"groups": null}), reply)).await;
        assert_eq!(outcome, if soon { Outcome::Unavailable } else { Outcome::SignedIn }, "{name}, needed");
    }
}

#[tokio::test]
async fn oc_13_what_the_id_token_says_stands() {
    let test_client = TestClient::new().await;
    test_client.op.behave(|b| {
        b.claims = json!({"name": null});
        b.user = json!({"email": "mallory@example.test", "groups": ["root"], "sid": "another"});
    });
    let signed_in = test_client.sign_in().await.unwrap();
    assert_eq!(signed_in.claims().text("name"), Some("Alice Doe"));
    assert_eq!(signed_in.claims().text("email"), Some("alice@example.test"));
    assert_eq!(signed_in.claims().texts("groups").collect::<Vec<_>>(), ["admins", "staff"]);
    assert_eq!(signed_in.claims().text("sid"), Some("provider-session"));
}

#[tokio::test]
async fn oc_13_no_user_info_endpoint_is_no_fault() {
    let clock = gatepost::testing::ManualClock::new();
    let op = crate::op::HostileOp::start(clock.clone()).await;
    op.behave(|b| {
        b.metadata = json!({"userinfo_endpoint": null});
        b.sparse = true;
    });
    let party = crate::test_client::relying_party(op.issuer());
    let test_client = TestClient::around(op, party, &settings(), clock);
    let signed_in = test_client.sign_in().await.unwrap();
    assert_eq!(signed_in.claims().text("sub"), Some(SUBJECT));
    assert_eq!(test_client.asked("/userinfo"), 0);
}

/// Signed answers: their signatures, and their token type.
fn signatures() -> Vec<Row> {
    let signature = || Outcome::Untrustworthy(TokenFault::SIGNATURE);
    vec![
        ("proper", |b| b.signed_user_info = Some((Key::RsaA, json!({}))), Outcome::SignedIn),
        ("other key", |b| b.signed_user_info = Some((Key::RsaB, json!({}))), signature()),
        (
            "unsigned",
            |b| b.signed_user_info = Some((Key::Nothing, json!({"alg": "none"}))),
            Outcome::Untrustworthy(TokenFault::ALGORITHM),
        ),
        (
            "another algorithm of the same key",
            |b| b.signed_user_info = Some((Key::RsaA, json!({"alg": "PS256"}))),
            Outcome::SignedIn,
        ),
        (
            "HMAC over the client secret, not pinned",
            |b| b.signed_user_info = Some((Key::Secret(CLIENT_SECRET.into()), json!({"alg": "HS256"}))),
            Outcome::Untrustworthy(TokenFault::ALGORITHM),
        ),
        (
            "HMAC over the public key",
            |b| b.signed_user_info = Some((Key::Secret(RSA_A_PEM.into()), json!({"alg": "HS256"}))),
            Outcome::Untrustworthy(TokenFault::ALGORITHM),
        ),
        (
            "ES256 said, made with an RSA key",
            |b| b.signed_user_info = Some((Key::RsaA, json!({"alg": "ES256"}))),
            signature(),
        ),
        (
            "an ID Token",
            |b| {
                b.signed_user_info = Some((Key::RsaA, json!({"typ": "JWT"})));
                b.user = json!({"nonce": "n", "exp": 1_900_000_300});
            },
            Outcome::Malformed,
        ),
        (
            "a logout token",
            |b| {
                b.signed_user_info = Some((Key::RsaA, json!({})));
                b.user = json!({"events": {}});
            },
            Outcome::Malformed,
        ),
        (
            "an access token",
            |b| b.signed_user_info = Some((Key::RsaA, json!({"typ": "at+jwt"}))),
            Outcome::Untrustworthy(TokenFault::Header),
        ),
    ]
}

/// The content of correctly signed answers.
fn signed_members() -> Vec<Row> {
    vec![
        (
            "other issuer",
            |b| {
                b.signed_user_info = Some((Key::RsaA, json!({})));
                b.user = json!({"iss": "https://evil.example"});
            },
            Outcome::Untrustworthy(TokenFault::ISSUER),
        ),
        (
            "without `iss` and `aud`",
            |b| {
                b.signed_user_info = Some((Key::RsaA, json!({})));
                b.user = json!({"iss": null, "aud": null});
            },
            Outcome::SignedIn,
        ),
        (
            "with `iss` and `aud` null",
            |b| {
                b.signed_user_info = Some((Key::RsaA, json!({})));
                b.user = json!({"iss": NULL, "aud": NULL});
            },
            Outcome::SignedIn,
        ),
        (
            "for several",
            |b| {
                b.signed_user_info = Some((Key::RsaA, json!({})));
                b.user = json!({"aud": ["other", CLIENT_ID]});
            },
            Outcome::SignedIn,
        ),
        (
            "for somebody else",
            |b| {
                b.signed_user_info = Some((Key::RsaA, json!({})));
                b.user = json!({"aud": "other"});
            },
            Outcome::Untrustworthy(TokenFault::AUDIENCE),
        ),
        (
            "other sub",
            |b| {
                b.signed_user_info = Some((Key::RsaA, json!({})));
                b.user = json!({"sub": "mallory"});
            },
            Outcome::Untrustworthy(TokenFault::OtherSubject),
        ),
    ]
}

#[tokio::test]
async fn oc_13_jw_4_a_signed_answer_is_verified() {
    let test_client = TestClient::new().await;
    for (name, misbehave, expected) in signatures().into_iter().chain(signed_members()) {
        let outcome = test_client
            .outcome(|b| {
                b.sparse = true;
                misbehave(b);
            })
            .await;
        assert_eq!(outcome, expected, "{name}");
    }
}

#[tokio::test]
async fn oc_13_a_signed_answer_may_have_an_algorithm_of_its_own() {
    let pinned = |algorithm| move |party: &mut RelyingParty| party.id_token_signed_response_alg = algorithm;
    let test_client = TestClient::new().await;
    let outcome = test_client
        .outcome(|b| {
            b.sparse = true;
            b.key_set = json!({"keys": [jwk(&Key::RsaA, "a"), jwk(&Key::P256, "ec")]});
            b.signed_user_info = Some((Key::P256, json!({"alg": "ES256", "kid": "ec"})));
        })
        .await;
    assert_eq!(outcome, Outcome::SignedIn, "another published key");
    let test_client = TestClient::with(settings(), pinned(SigningAlgorithm::HS256)).await;
    for (key, header, expected) in [
        (Key::Secret(CLIENT_SECRET.into()), json!({"alg": "HS256"}), Outcome::SignedIn),
        (Key::RsaA, json!({"alg": "RS256"}), Outcome::SignedIn),
        (Key::Secret(CLIENT_SECRET.into()), json!({"alg": "HS512"}), Outcome::Untrustworthy(TokenFault::ALGORITHM)),
        (Key::Nothing, json!({"alg": "none"}), Outcome::Untrustworthy(TokenFault::ALGORITHM)),
    ] {
        let outcome = test_client.outcome(|b| {
            (b.sparse, b.header, b.key) = (true, json!({"alg": "HS256"}), Key::Secret(CLIENT_SECRET.into()));
            b.signed_user_info = Some((key, header.clone()));
        });
        assert_eq!(outcome.await, expected, "{header}");
    }
}

/// OC-14: mail address and its verification belong together.
#[tokio::test]
async fn oc_14_mail_of_one_source_is_never_verified_by_another() {
    let test_client = TestClient::with(settings(), |party| party.claims = vec!["email_verified".to_owned()]).await;
    let own = "alice@example.test";
    for (name, claims, user, email, verified) in [
        ("another address", json!({"email_verified": null}), json!({"email": "x@y.test"}), own, None),
        ("a word about nothing", json!({"email_verified": null}), json!({"email": null}), own, None),
        ("the same address", json!({"email_verified": null}), json!({}), own, Some(true)),
        (
            "verified elsewhere",
            json!({"email": null}),
            json!({"email": "x@y.test", "email_verified": null}),
            "x@y.test",
            None,
        ),
        ("said to be none", json!({"email": null}), json!({"email_verified": false}), own, Some(false)),
        ("null", json!({"email": NULL}), json!({"email": "x@y.test", "email_verified": null}), "x@y.test", None),
        ("empty", json!({"email": ""}), json!({"email": "x@y.test", "email_verified": ""}), "x@y.test", None),
    ] {
        test_client.op.reform();
        test_client.op.behave(|b| (b.claims, b.user) = (claims, user));
        let signed_in = test_client.sign_in().await.unwrap();
        let told = signed_in.claims();
        assert_eq!(told.text("email"), Some(email), "{name}");
        assert_eq!(told.present("email_verified").and_then(Value::as_bool), verified, "{name}");
    }
}
