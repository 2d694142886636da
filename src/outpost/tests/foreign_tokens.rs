//! Tokens of foreign issuers at an application: by which rules they pass, and what the application learns.

use serde_json::{Value, json};

use super::test_outpost::{Browser, TestOutpost, denied, outpost_with};
use crate::domain::application::Application;
use crate::domain::decision::{Decision, Reason, Verdict};
use crate::domain::oidc::algorithm::SigningAlgorithm;
use crate::domain::oidc::claims::ClaimPath;
use crate::domain::oidc::credentials::{
    AcceptedCredentials, AccessTokenRules, BearerCheck, BearerRules, ClaimMapping, ForeignIssuer, KeySource, TokenType,
};
use crate::domain::policy::{AccessRules, Principals, Rule};
use crate::testing::{self, signing};

const WIKI: &str = "https://wiki.example.com/x";
const CI: &str = "https://ci.example";

fn rules() -> AccessTokenRules {
    let algorithms = vec![SigningAlgorithm::RS256];
    AccessTokenRules { audiences: vec!["wiki".to_owned()], algorithms, token_type: TokenType::Jwt }
}

fn accepting(application: &mut Application) {
    let username = ClaimPath::parse("actor").unwrap();
    let mapping = ClaimMapping { username, prefix: format!("{CI}#"), trusted: vec!["groups".to_owned()] };
    let (issuer, scopes) = (CI.to_owned(), vec!["deploy".to_owned()]);
    let foreign = ForeignIssuer { issuer, keys: KeySource::Discovery, rules: rules(), scopes, mapping };
    let bearer = Some(BearerRules { issuers: vec![foreign], ..BearerCheck::Jwt(rules()).into() });
    application.credentials = AcceptedCredentials { bearer, ..AcceptedCredentials::default() };
    application.jwt_headers = true;
    let named = Rule { issuers: vec![CI.to_owned()], ..testing::rule(Principals::Any) };
    application.rules = AccessRules::new(vec![named]).unwrap();
}

fn claims() -> Value {
    json!({
        "iss": CI, "sub": "alice", "aud": "wiki", "iat": 1_000_000, "exp": 1_000_060, "scope": "deploy", "actor": "robot",
        "preferred_username": "alice", "email": "alice@example.com", "name": "Alice", "groups": ["ci"],
        "ak_proxy": { "user_attributes": { "additionalHeaders": { "X-Admin": "1" } } },
    })
}

async fn ask(test_outpost: &TestOutpost, claims: &Value) -> Decision {
    let token = signing::token(r#"{"alg":"RS256","typ":"JWT"}"#, &claims.to_string());
    let bearer = format!("Bearer {token}");
    test_outpost.ask(&Browser::default().head(WIKI, &[("authorization", &bearer)])).await
}

#[tokio::test]
async fn at_6_no_header_takes_a_foreign_user_for_one_of_the_providers() {
    let decision = ask(&outpost_with(accepting), &claims()).await;
    let Verdict::Allow(allow) = &decision.verdict else { panic!("no allow: {decision:?}") };
    let set: Vec<(&str, &str)> = allow.set().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let value = |header: &str| set.iter().find(|(name, _)| *name == header).map(|(_, value)| *value);
    assert_eq!(value("x-authentik-username"), Some("https://ci.example#robot"));
    assert_eq!(value("x-authentik-uid"), Some("https://ci.example#alice"));
    assert_eq!(value("x-authentik-groups"), Some("ci"), "the operator trusts this claim");
    for header in ["x-authentik-email", "x-authentik-name", "x-authentik-jwt", "x-admin"] {
        assert_eq!(value(header), None, "{header}");
    }
    assert_eq!(decision.audit.user.as_deref(), Some("https://ci.example#robot"));
    assert_eq!(decision.audit.reason, Reason::CredentialAccepted);
}

#[tokio::test]
async fn at_7_a_foreign_token_passes_by_a_rule_that_names_its_issuer_only() {
    let without_rules = outpost_with(|application| {
        accepting(application);
        application.rules = AccessRules::default();
    });
    let for_users = outpost_with(|application| {
        accepting(application);
        application.rules = AccessRules::new(vec![testing::rule(Principals::Any)]).unwrap();
    });
    for test_outpost in [without_rules, for_users] {
        let decision = ask(&test_outpost, &claims()).await;
        assert_eq!((denied(&decision).status.as_u16(), decision.audit.reason), (403, Reason::Forbidden));
    }
    let mut browser = Browser::default();
    let test_outpost = outpost_with(accepting);
    browser.sign_in(&test_outpost, WIKI).await;
    let decision = browser.open(&test_outpost, WIKI).await;
    assert_eq!(decision.audit.reason, Reason::Forbidden, "no user of the provider passes by it");
}

#[tokio::test]
async fn rs_2_a_token_that_lacks_a_scope_gets_403_and_the_scope() {
    let mut claims = claims();
    claims["scope"] = "read".into();
    let decision = ask(&outpost_with(accepting), &claims).await;
    let page = denied(&decision);
    assert_eq!((page.status.as_u16(), decision.audit.reason), (403, Reason::CredentialRefused));
    let challenge = page.headers.iter().find(|(name, _)| name == "www-authenticate").map(|(_, value)| value);
    assert_eq!(challenge.unwrap(), "Bearer realm=\"wiki\", error=\"insufficient_scope\", scope=\"deploy\"");
}
