//! UserInfo: when it is asked, and what it may say.

use gatepost::domain::jwt::TokenFault;
use serde_json::json;

use crate::op::signing::Key;
use crate::op::{Reply, SUBJECT};
use crate::world::{Outcome, Row, World, check, settings};

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
        let world = World::new().await;
        world.op.behave(|b| b.claims = missing);
        let signed_in = world.sign_in().await.unwrap();
        assert_eq!(world.asked("/userinfo"), asked, "{name}");
        for claim in ["preferred_username", "name", "email"] {
            assert!(signed_in.claims().text(claim).is_some(), "{name}: {claim}");
        }
        assert_eq!(signed_in.claims().texts("groups").count(), 2, "{name}");
    }
}

#[tokio::test]
async fn oc_13_not_asked_for_what_no_scope_covers() {
    let world = World::with(settings(), |party| party.scopes = vec!["openid".to_owned()]).await;
    world.op.behave(|b| b.claims = json!({"email": null, "name": null}));
    world.sign_in().await.unwrap();
    assert_eq!(world.asked("/userinfo"), 0);
}

#[tokio::test]
async fn oc_13_the_token_travels_in_the_header() {
    let world = World::new().await;
    world.op.behave(|b| b.sparse = true);
    let signed_in = world.sign_in().await.unwrap();
    assert_eq!(signed_in.claims().text("email"), Some("alice@example.test"));
    let [request] = world.op.recorded("/userinfo").try_into().expect("one request");
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
    check(&World::new().await, rows).await;
    for (name, reply, expected) in [
        ("array", Reply::Text(200, "application/json", "[]".into()), Outcome::Malformed),
        ("HTML", Reply::Text(200, "text/html", "<html>".into()), Outcome::Malformed),
        ("empty 200", Reply::Text(200, "application/json", String::new()), Outcome::Malformed),
        ("204", Reply::Text(204, "application/json", String::new()), Outcome::Malformed),
        ("two subs", Reply::Text(200, "application/json", r#"{"sub":"a","sub":"b"}"#.into()), Outcome::Malformed),
        ("JW-2 bomb", Reply::Bomb, Outcome::Malformed),
        ("401", Reply::Status(401), Outcome::Malformed),
        ("404", Reply::Status(404), Outcome::Malformed),
        ("redirect", Reply::Redirect("http://127.0.0.1:1/".into()), Outcome::Malformed),
        ("5 MB", Reply::Huge(5 << 20), Outcome::Unavailable),
        ("500", Reply::Status(500), Outcome::Unavailable),
        ("429", Reply::Status(429), Outcome::Unavailable),
        ("truncated", Reply::Truncated, Outcome::Unavailable),
        ("closed", Reply::Close, Outcome::Unavailable),
        ("stalled", Reply::Stall, Outcome::Unavailable),
    ] {
        let world = World::new().await;
        let outcome = world
            .outcome(|b| {
                b.sparse = true;
                b.user_info = reply;
            })
            .await;
        assert_eq!(outcome, expected, "{name}");
    }
}

#[tokio::test]
async fn oc_13_what_the_id_token_says_stands() {
    let world = World::new().await;
    world.op.behave(|b| {
        b.claims = json!({"name": null});
        b.user = json!({"email": "mallory@example.test", "groups": ["root"], "sid": "another"});
    });
    let signed_in = world.sign_in().await.unwrap();
    assert_eq!(signed_in.claims().text("name"), Some("Alice Doe"));
    assert_eq!(signed_in.claims().text("email"), Some("alice@example.test"));
    assert_eq!(signed_in.claims().texts("groups").collect::<Vec<_>>(), ["admins", "staff"]);
    assert_eq!(signed_in.claims().text("sid"), Some("provider-session"));
}

#[tokio::test]
async fn oc_13_no_user_info_endpoint_is_no_fault() {
    let clock = crate::world::StillClock::new();
    let op = crate::op::HostileOp::start(clock.clone()).await;
    op.behave(|b| {
        b.metadata = json!({"userinfo_endpoint": null});
        b.sparse = true;
    });
    let party = crate::world::relying_party(op.issuer());
    let world = World::around(op, party, &settings(), clock);
    let signed_in = world.sign_in().await.unwrap();
    assert_eq!(signed_in.claims().text("sub"), Some(SUBJECT));
    assert_eq!(world.asked("/userinfo"), 0);
}

/// Signed answers, proper and not.
fn signed_answers() -> Vec<Row> {
    let signature = || Outcome::Untrustworthy(TokenFault::Signature);
    vec![
        ("proper", |b| b.signed_user_info = Some((Key::RsaA, json!({}))), Outcome::SignedIn),
        ("other key", |b| b.signed_user_info = Some((Key::RsaB, json!({}))), signature()),
        (
            "unsigned",
            |b| b.signed_user_info = Some((Key::Nothing, json!({"alg": "none"}))),
            Outcome::Untrustworthy(TokenFault::Algorithm),
        ),
        (
            "other issuer",
            |b| {
                b.signed_user_info = Some((Key::RsaA, json!({})));
                b.user = json!({"iss": "https://evil.example"});
            },
            Outcome::Untrustworthy(TokenFault::Issuer),
        ),
        (
            "for somebody else",
            |b| {
                b.signed_user_info = Some((Key::RsaA, json!({})));
                b.user = json!({"aud": "other"});
            },
            Outcome::Untrustworthy(TokenFault::Audience),
        ),
        (
            "other sub",
            |b| {
                b.signed_user_info = Some((Key::RsaA, json!({})));
                b.user = json!({"sub": "mallory"});
            },
            Outcome::Untrustworthy(TokenFault::OtherSubject),
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
            "an access token",
            |b| b.signed_user_info = Some((Key::RsaA, json!({"typ": "at+jwt"}))),
            Outcome::Untrustworthy(TokenFault::Header),
        ),
        (
            "a logout token",
            |b| {
                b.signed_user_info = Some((Key::RsaA, json!({})));
                b.user = json!({"events": {}});
            },
            Outcome::Malformed,
        ),
    ]
}

#[tokio::test]
async fn oc_13_jw_4_a_signed_answer_is_verified() {
    let world = World::new().await;
    for (name, misbehave, expected) in signed_answers() {
        let outcome = world
            .outcome(|b| {
                b.sparse = true;
                misbehave(b);
            })
            .await;
        assert_eq!(outcome, expected, "{name}");
    }
}
