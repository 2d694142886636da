//! Which issuer a token selects, in tables and for any text.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::oidc::algorithm::SigningAlgorithm;
use crate::domain::oidc::claims::ClaimPath;
use crate::domain::oidc::credentials::{AccessTokenRules, ClaimMapping, IntrospectionRules, KeySource, TokenType};
use crate::testing::signing;

const PROVIDER: &str = "https://op.example/o/wiki/";
const GITHUB: &str = "https://token.actions.githubusercontent.com";
const KUBERNETES: &str = "https://kubernetes.default.svc";

fn rules() -> AccessTokenRules {
    let (audiences, algorithms) = (vec!["https://wiki.example".to_owned()], vec![SigningAlgorithm::RS256]);
    AccessTokenRules { audiences, algorithms, token_type: TokenType::Jwt }
}

fn foreign(issuer: &str) -> ForeignIssuer {
    let username = ClaimPath::parse("sub").expect("is a path");
    let mapping = ClaimMapping { username, prefix: format!("{issuer}#"), trusted: Vec::new() };
    let (rules, scopes) = (rules(), Vec::new());
    ForeignIssuer { issuer: issuer.to_owned(), keys: KeySource::Discovery, rules, scopes, mapping }
}

fn accepting(verify: BearerCheck, issuers: &[&str]) -> BearerRules {
    BearerRules { issuers: issuers.iter().map(|issuer| foreign(issuer)).collect(), ..verify.into() }
}

fn introspection() -> BearerCheck {
    BearerCheck::Introspection(IntrospectionRules::Clients(vec!["wiki".to_owned()]))
}

/// The selection as a text, for tables.
fn selected(rules: &BearerRules, token: &str) -> String {
    match rules.issuer_of(&token.into(), PROVIDER.into()) {
        Ok(TokenIssuer::Provider) => "the provider".to_owned(),
        Ok(TokenIssuer::Foreign(foreign)) => foreign.issuer.clone(),
        Err(TokenFault::Issuer(_)) => "no issuer".to_owned(),
        Err(fault) => format!("{fault:?}"),
    }
}

fn token(claims: &Value) -> String {
    signing::token(r#"{"alg":"RS256","typ":"JWT"}"#, &claims.to_string())
}

#[test]
fn at_5_the_issuer_of_a_token_is_compared_byte_for_byte() {
    let by_keys = accepting(BearerCheck::Jwt(rules()), &[GITHUB, KUBERNETES]);
    let by_provider = accepting(introspection(), &[GITHUB, KUBERNETES]);
    for (iss, with_keys, with_introspection) in [
        (json!(GITHUB), GITHUB, GITHUB),
        (json!(KUBERNETES), KUBERNETES, KUBERNETES),
        (json!(PROVIDER), "the provider", "the provider"),
        (json!(format!("{GITHUB}/")), "no issuer", "the provider"),
        (json!(GITHUB.to_uppercase()), "no issuer", "the provider"),
        (json!([GITHUB]), "no issuer", "the provider"),
        (json!(""), "no issuer", "the provider"),
        (Value::Null, "no issuer", "the provider"),
        (json!("https://evil.example"), "no issuer", "the provider"),
    ] {
        let token = token(&json!({ "iss": iss, "sub": "x" }));
        assert_eq!(selected(&by_keys, &token), with_keys, "{iss}");
        assert_eq!(selected(&by_provider, &token), with_introspection, "{iss}");
    }
    assert_eq!(selected(&by_keys, &token(&json!({ "sub": "x" }))), "no issuer");
}

#[test]
fn at_5_what_is_no_jwt_is_the_providers_where_it_is_introspected() {
    let by_keys = accepting(BearerCheck::Jwt(rules()), &[GITHUB]);
    let by_provider = accepting(introspection(), &[GITHUB]);
    for opaque in ["opaque", "a.b", "a.b.c", "e30.e30.", "a.b.c.d.e"] {
        assert_eq!(selected(&by_provider, opaque), "the provider", "{opaque}");
        assert_ne!(selected(&by_keys, opaque), "the provider", "{opaque}");
    }
    let doubled = signing::token(r#"{"alg":"RS256"}"#, &format!(r#"{{"iss":"{PROVIDER}","iss":"{GITHUB}"}}"#));
    assert_eq!(selected(&by_keys, &doubled), "Malformed");
}

proptest! {
    /// Whatever a token says, a foreign issuer is selected by its own identifier alone.
    #[test]
    fn at_5_only_its_own_identifier_selects_an_issuer(iss in "\\PC{0,40}", which in 0..4_usize) {
        let iss = [GITHUB.to_owned(), KUBERNETES.to_owned(), PROVIDER.to_owned(), iss][which].clone();
        for (verify, otherwise) in [(BearerCheck::Jwt(rules()), "no issuer"), (introspection(), "the provider")] {
            let rules = accepting(verify, &[GITHUB, KUBERNETES]);
            let expected = match iss.as_str() {
                GITHUB | KUBERNETES => iss.as_str(),
                PROVIDER => "the provider",
                _ => otherwise,
            };
            prop_assert_eq!(selected(&rules, &token(&json!({ "iss": iss }))), expected);
        }
    }

    #[test]
    fn at_5_no_text_selects_a_foreign_issuer_by_accident(text in "\\PC{0,200}") {
        let rules = accepting(introspection(), &[GITHUB]);
        prop_assert_eq!(selected(&rules, &text), "the provider");
    }
}
