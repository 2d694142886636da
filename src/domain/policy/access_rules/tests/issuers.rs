//! Tokens of foreign issuers pass by rules that name their issuer only, and the provider's users by the others only.

use super::*;
use crate::domain::oidc::algorithm::SigningAlgorithm;
use crate::domain::oidc::credentials::{
    AccessTokenRules, ClaimMapping, ForeignIssuer, KeySource, TokenType, VerifiedCredential,
};
use crate::testing::signing;
use proptest::prelude::*;

const CI: &str = "https://ci.example";
const OTHER: &str = "https://other.example";

/// A token of this issuer, with claims that the provider's own rules could read.
fn token_of(issuer: &str, claims: &Value) -> Identity {
    let algorithms = vec![SigningAlgorithm::RS256];
    let rules = AccessTokenRules { audiences: vec!["wiki".to_owned()], algorithms, token_type: TokenType::Jwt };
    let username = ClaimPath::parse("sub").expect("is a path");
    let mapping = ClaimMapping { username, prefix: "ci:".to_owned(), trusted: Vec::new() };
    let (issuer, scopes) = (issuer.to_owned(), Vec::new());
    let foreign = ForeignIssuer { issuer, keys: KeySource::Discovery, rules, scopes, mapping };
    let mut all = json!({
        "iss": foreign.issuer, "sub": "alice", "aud": "wiki", "iat": NOW.as_unix(), "exp": NOW.as_unix() + 60,
        "groups": ["admins", "staff"], "email": "alice@example.com", "email_verified": true,
    });
    all.as_object_mut().expect("an object").extend(claims.as_object().cloned().unwrap_or_default());
    let raw = signing::token(r#"{"alg":"RS256","typ":"JWT"}"#, &all.to_string());
    let signed = signing::verified(&raw, foreign.rules.purpose()).expect("is signed");
    let verified: VerifiedCredential = foreign.check(signed, NOW).expect("passes every check");
    Identity::Credential(Arc::new(verified))
}

fn naming(issuers: &[&str], rule: Rule) -> Rule {
    Rule { issuers: texts(issuers), ..rule }
}

fn claim(name: &str, value: &str) -> Principals {
    let path = ClaimPath::parse(name).expect("is a path");
    let claims = vec![ClaimCondition { path, values: texts(&[value]) }];
    Principals::matching(Conditions { claims, ..Conditions::default() }).expect("has a condition")
}

#[test]
fn at_7_without_rules_no_token_of_a_foreign_issuer_passes() {
    let rules = AccessRules::default();
    assert_eq!(outcome(&rules, &token_of(CI, &json!({})), "GET", "/"), Err(Forbidden::ForeignIssuer));
    assert_eq!(outcome(&rules, &member(&[]), "GET", "/"), Ok(0));
}

#[test]
fn at_7_only_a_rule_that_names_the_issuer_lets_its_tokens_pass() {
    let (ci, other, user) = (token_of(CI, &json!({})), token_of(OTHER, &json!({})), member(&["admins", "staff"]));
    let with_iss = testing::rule(claim("iss", CI));
    for (name, rule, expected) in [
        ("anyone", rule(&[], &[], None), [false, false, true]),
        ("a group that every issuer can write", rule(&[], &[], Some("admins")), [false, false, true]),
        ("the claim `iss` alone", with_iss.clone(), [false, false, false]),
        ("one issuer", naming(&[CI], rule(&[], &[], None)), [true, false, false]),
        ("a group at one issuer", naming(&[CI], rule(&[], &[], Some("admins"))), [true, false, false]),
        ("another group at one issuer", naming(&[CI], rule(&[], &[], Some("other"))), [false, false, false]),
        ("both issuers", naming(&[CI, OTHER], rule(&[], &[], None)), [true, true, false]),
        ("both issuers, and `iss`", naming(&[CI, OTHER], with_iss), [true, false, false]),
        ("another method", naming(&[CI], rule(&[], &["PUT"], None)), [false, false, false]),
        ("almost its name", naming(&["https://ci.example/"], rule(&[], &[], None)), [false, false, false]),
    ] {
        let rules = rules(&[rule]);
        let passed = [&ci, &other, &user].map(|who| passes(&rules, who, "GET", "/x"));
        assert_eq!(passed, expected, "{name}");
    }
}

/// The rules of a path are those of its own list: a rule elsewhere that names the issuer opens nothing there.
#[test]
fn at_7_a_path_with_rules_of_its_own_is_closed_to_issuers_that_they_do_not_name() {
    let rules =
        rules(&[rule(&["/admin"], &[], Some("admins")), naming(&[CI], rule(&[], &[], None)), rule(&[], &[], None)]);
    let (ci, user) = (token_of(CI, &json!({})), member(&["admins"]));
    assert_eq!(outcome(&rules, &ci, "GET", "/x"), Ok(2));
    assert_eq!(outcome(&rules, &ci, "GET", "/admin"), Err(Forbidden::NoRuleHolds));
    assert_eq!([outcome(&rules, &user, "GET", "/x"), outcome(&rules, &user, "GET", "/admin")], [Ok(3), Ok(1)]);
}

#[test]
fn at_7_an_explanation_says_for_whom_a_rule_is() {
    let rules = rules(&[rule(&[], &[], Some("x")), naming(&[OTHER], rule(&[], &[], None))]);
    let ci = format!(
        "rule 1: the token is of {CI}, the rule is for users of the provider; rule 2: the token is of {CI}, the rule is for \
         tokens of {OTHER}"
    );
    assert_eq!(explained(&rules, &token_of(CI, &json!({})), "GET", "/"), ci);
    let user = explained(&rules, &member(&[]), "GET", "/");
    assert!(user.ends_with(&format!("the user is one of the provider's, the rule is for tokens of {OTHER}")), "{user}");
    assert_eq!(naming(&[CI], rule(&["/a"], &[], None)).to_string(), format!("tokens of {CI}, paths /a: anyone"));
}

#[test]
fn at_7_user_info_is_not_asked_for_what_rules_read_of_foreign_tokens() {
    let foreign = naming(&[CI], testing::rule(claim("repository", "acme/wiki")));
    assert_eq!(rules(&[foreign, rule(&[], &[], Some("x"))]).claims_read(), ["groups"]);
}

proptest! {
    /// Whatever its claims say, a token passes no rule that does not name its issuer, and no sign-in is asked of it.
    #[test]
    fn at_7_no_claims_make_up_for_the_issuer(
        name in "[a-z_]{1,12}", value in "\\PC{0,12}", group in "[a-z]{1,3}", path in "/[a-z]{0,2}"
    ) {
        let rules = rules(&[
            rule(&["/a"], &[], Some(&group)),
            rule(&[], &["GET"], None),
            naming(&[OTHER], rule(&[], &[], None)),
        ]);
        let mut claims = json!({ "groups": [group], "issuers": [OTHER], "acr": OTHER });
        if !["iss", "sub", "aud", "iat", "exp", "nbf", "nonce", "events", "cnf", "typ"].contains(&name.as_str()) {
            claims[name] = value.into();
        }
        prop_assert_eq!(outcome(&rules, &token_of(CI, &claims), "GET", &path), Err(Forbidden::NoRuleHolds));
    }
}
