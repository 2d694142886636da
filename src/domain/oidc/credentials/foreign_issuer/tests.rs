//! What a token of a foreign issuer has to be, and what the application learns from it.

use serde_json::json;

use super::*;
use crate::domain::oidc::algorithm::SigningAlgorithm;
use crate::domain::oidc::credentials::TokenType;
use crate::domain::oidc::jwt::TokenFault;
use crate::testing::signing::{self, verified};

const NOW: u64 = 1_900_000_000;
const ISSUER: &str = "https://ci.example";

fn issuer() -> ForeignIssuer {
    let audiences = ["https://wiki.example", "wiki"].map(str::to_owned).to_vec();
    let rules =
        AccessTokenRules { audiences, algorithms: vec![SigningAlgorithm::RS256], token_type: TokenType::Absent };
    let username = ClaimPath::parse("kubernetes.name").expect("is a path");
    let mapping = ClaimMapping { username, prefix: "k8s:".to_owned(), trusted: vec!["groups".to_owned()] };
    ForeignIssuer { issuer: ISSUER.to_owned(), keys: KeySource::Discovery, rules, scopes: Vec::new(), mapping }
}

fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "sub": "alice", "aud": ["wiki"], "iat": NOW, "exp": NOW + 300, "kubernetes": { "name": "robot" },
        "preferred_username": "alice", "email": "alice@example.com", "email_verified": true, "groups": ["ci"],
        "ak_proxy": { "backend_override": "http://10.0.0.1" }, "tenant": "acme",
    });
    for (name, change) in changes.as_object().expect("an object") {
        claims[name] = change.clone();
    }
    claims
}

fn check(issuer: &ForeignIssuer, header: &str, changes: &Value) -> Result<VerifiedCredential, Refusal> {
    let raw = signing::token(header, &claims(changes).to_string());
    issuer.check(verified(&raw, issuer.rules.purpose())?, Timestamp::from_unix(NOW))
}

const HEADER: &str = r#"{"alg":"RS256"}"#;

#[test]
fn at_6_the_application_learns_a_name_with_a_prefix_and_what_the_operator_trusts() {
    let verified = check(&issuer(), HEADER, &json!({})).expect("is good");
    assert_eq!(verified.issued_to(), &User { issuer: ISSUER.into(), subject: "alice".into() });
    assert_eq!(verified.user(), &User { issuer: ISSUER.into(), subject: "k8s:alice".into() });
    let learned = json!({ "iss": ISSUER, "sub": "k8s:alice", "preferred_username": "k8s:robot", "groups": ["ci"] });
    assert_eq!(Value::Object(verified.claims().as_object().clone()), learned);
    assert_eq!(verified.issued_claims().text("email"), Some("alice@example.com"), "rules read all claims");
    assert_eq!((verified.foreign_issuer(), verified.token().is_none()), (Some(ISSUER), true));
}

#[test]
fn at_6_no_trusted_claim_replaces_what_the_mapping_makes() {
    let mut trusting = issuer();
    trusting.mapping.trusted.extend(["preferred_username", "sub", "iss"].map(str::to_owned));
    let verified = check(&trusting, HEADER, &json!({})).expect("is good");
    assert_eq!(verified.claims().text("preferred_username"), Some("k8s:robot"));
    assert_eq!(verified.claims().text("sub"), Some("k8s:alice"));
}

#[test]
fn at_5_every_claim_of_a_foreign_token_is_checked() {
    let issuer = issuer();
    let typed = r#"{"alg":"RS256","typ":"JWT"}"#;
    for (header, changes, expected) in [
        (HEADER, json!({ "aud": "https://wiki.example" }), None),
        (typed, json!({}), Some(TokenFault::Header.into())),
        (HEADER, json!({ "iss": "https://op.example" }), Some(TokenFault::ISSUER.into())),
        (HEADER, json!({ "iss": null }), Some(TokenFault::ISSUER.into())),
        (HEADER, json!({ "aud": "board" }), Some(Refusal::Audience)),
        (HEADER, json!({ "aud": [] }), Some(Refusal::Audience)),
        (HEADER, json!({ "aud": null, "client_id": "wiki" }), Some(Refusal::Audience)),
        (HEADER, json!({ "exp": NOW - 60 }), Some(TokenFault::Expired(60).into())),
        (HEADER, json!({ "exp": null }), Some(TokenFault::Time("exp").into())),
        (HEADER, json!({ "nbf": NOW + 61 }), Some(TokenFault::NotBefore(61).into())),
        (HEADER, json!({ "sub": "" }), Some(TokenFault::Subject.into())),
        (HEADER, json!({ "nonce": "n" }), Some(Refusal::OtherKind("nonce"))),
        (HEADER, json!({ "events": {} }), Some(Refusal::OtherKind("events"))),
        (HEADER, json!({ "typ": "ID" }), Some(Refusal::OtherKind("typ"))),
        (HEADER, json!({ "cnf": { "jkt": "x" } }), Some(Refusal::Bound)),
        (HEADER, json!({ "kubernetes": { "name": 7 } }), Some(Refusal::Username)),
        (HEADER, json!({ "kubernetes": { "name": "" } }), Some(Refusal::Username)),
        (HEADER, json!({ "kubernetes": null }), Some(Refusal::Username)),
    ] {
        assert_eq!(check(&issuer, header, &changes).err(), expected, "{header} {changes}");
    }
    let scoped = ForeignIssuer { scopes: vec!["read".to_owned()], ..issuer };
    assert_eq!(check(&scoped, HEADER, &json!({})).err(), Some(Refusal::Scope("read".to_owned())));
    assert!(check(&scoped, HEADER, &json!({ "scope": "write read" })).is_ok());
}
