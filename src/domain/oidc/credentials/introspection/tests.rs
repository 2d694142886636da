//! Every duty about an introspection answer, in tables.

use serde_json::json;

use super::*;

const NOW: u64 = 1_900_000_000;
const ISSUER: &str = "https://op.example/o/wiki/";

/// Checks an answer about a token of the client `ci`, or about one for this audience.
fn judge(answer: Value, audience: Option<&str>) -> Result<VerifiedCredential, Refusal> {
    let Value::Object(mut members) = answer else { panic!("an object") };
    let rules = match audience {
        Some(audience) => IntrospectionRules::Audience(audience.to_owned()),
        None => IntrospectionRules::Clients(vec!["robots".to_owned(), "ci".to_owned()]),
    };
    members.entry("client_id").or_insert("ci".into());
    let scopes = ["read".to_owned()];
    let expected =
        ExpectedIntrospection { issuer: ISSUER.into(), rules: &rules, scopes: &scopes, now: Timestamp::from_unix(NOW) };
    check(members, &"opaque".into(), &expected)
}

#[test]
fn in_1_only_a_boolean_true_is_active() {
    let of = |active: Value| json!({"active": active, "sub": "robot", "scope": "read"});
    assert!(judge(of(true.into()), None).is_ok());
    for active in [json!(false), json!("true"), json!(1), json!(null), json!([true]), json!({"true": true})] {
        assert_eq!(judge(of(active.clone()), None).err(), Some(Refusal::Inactive), "{active}");
    }
    assert_eq!(judge(json!({"sub": "robot", "scope": "read"}), None).err(), Some(Refusal::Inactive));
}

#[test]
fn in_2_what_else_is_said_has_to_agree() {
    let token = |fault| Some(Refusal::Token(fault));
    for (more, expected) in [
        (json!({"exp": NOW + 300, "nbf": NOW, "iat": NOW, "iss": ISSUER, "token_type": "bearer"}), None),
        (json!({"exp": NOW - 61}), token(TokenFault::Expired(61))),
        (json!({"exp": "tomorrow"}), token(TokenFault::Time("exp"))),
        (json!({"nbf": NOW + 61}), token(TokenFault::NotBefore(61))),
        (json!({"nbf": -1}), token(TokenFault::Time("nbf"))),
        (json!({"iss": "https://op.example/o/wiki"}), token(TokenFault::ISSUER)),
        (json!({"iss": [ISSUER]}), token(TokenFault::ISSUER)),
        (json!({"sub": 7}), token(TokenFault::Subject)),
        (json!({"scope": "reader"}), Some(Refusal::Scope("read".to_owned()))),
        (json!({"cnf": {"x5t#S256": "x"}}), Some(Refusal::Bound)),
        (json!({"token_type": "DPoP"}), Some(Refusal::OtherKind("token_type"))),
        (json!({"token_type": "refresh_token"}), Some(Refusal::OtherKind("token_type"))),
    ] {
        let mut answer = json!({"active": true, "sub": "robot", "scope": "read"});
        for (name, value) in more.as_object().expect("an object") {
            answer[name] = value.clone();
        }
        assert_eq!(judge(answer, None).err(), expected, "{more}");
    }
    let nobody = json!({"active": true, "scope": "read"});
    assert_eq!(judge(nobody, None).err(), token(TokenFault::Subject), "a user is needed");
}

#[test]
fn in_2_a_token_is_for_the_audience_or_of_a_client_that_is_configured() {
    let about = |client: Value, aud: Value| json!({"active": true, "sub": "robot", "scope": "read", "client_id": client, "aud": aud});
    for (aud, passes) in [
        (json!("wiki"), true),
        (json!(["other", "wiki"]), true),
        (json!("other"), false),
        (json!([]), false),
        (json!(null), false),
    ] {
        let judged = judge(about(json!("ci"), aud.clone()), Some("wiki"));
        assert_eq!(judged.err(), (!passes).then_some(Refusal::Audience), "{aud}");
    }
    for (client, aud, passes) in [
        (json!("ci"), json!("anything"), true),
        (json!("robots"), json!(null), true),
        (json!("other"), json!("ci"), true),
        (json!(null), json!(["x", "robots"]), true),
        (json!("other"), json!("other"), false),
        (json!("CI"), json!(null), false),
        (json!(["ci"]), json!(null), false),
        (json!(null), json!(null), false),
    ] {
        let judged = judge(about(client.clone(), aud.clone()), None);
        assert_eq!(judged.err(), (!passes).then_some(Refusal::Audience), "{client} {aud}");
    }
}

#[test]
fn a_token_without_an_end_has_none() {
    let verified = judge(json!({"active": true, "sub": "robot", "scope": "read"}), None).expect("is active");
    assert_eq!(verified.expires(), None);
    assert_eq!(verified.claims().value("active"), None, "it says nothing about the user");
}
