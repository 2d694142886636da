//! Which conditions of a rule a user does not meet, and why: by the names and types of claims and the values that the
//! rule requires. The value of a claim is personal data of the user and is left out.

use std::fmt;

use serde_json::Value;

use super::mail::Mailbox;
use super::principals::{ClaimCondition, Conditions, Principals};
use crate::domain::oidc::claims::{Claims, GroupsClaim};

/// How many of a rule's values are listed.
const MOST_VALUES: usize = 5;

/// A condition that a user's claims do not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// The claim is missing.
    Absent(String),
    /// The claim is missing, and the provider indicates that it has to be fetched elsewhere (`OpenID` Connect Core
    /// section 5.6.2). Entra does so for users in many groups.
    LeftOut(String),
    /// The claim has a type that can never match.
    WrongType {
        /// The claim, or the path to it.
        claim: String,
        /// The type of the claim.
        found: &'static str,
        /// The required type.
        wanted: &'static str,
    },
    /// The address does not count as verified; the state of `email_verified`.
    NotVerified(&'static str),
    /// `email` is not a single address in ASCII.
    NotAnAddress,
    /// The claim has none of the values that the rule requires.
    NoneOf {
        /// The claim, or the path to it.
        claim: String,
        /// The required values.
        wanted: Vec<String>,
    },
    /// The rule asks for a sign-in, and the request presents a credential.
    NotASignIn,
    /// The ID Token does not say when the user signed in.
    NoTimeOfSignIn,
    /// The user signed in in the future.
    SignInAhead,
    /// The user signed in longer ago than this.
    SignInTooOld(String),
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(claim) => write!(f, "the claim `{claim}` is absent"),
            Self::LeftOut(claim) => write!(
                f,
                "the provider omitted `{claim}` and refers to another source for it (`_claim_names`), as Entra does for users \
                 in many groups: configure it to send fewer groups, such as those assigned to the application"
            ),
            Self::WrongType { claim, found, wanted } => write!(f, "`{claim}` is {found}, not {wanted}"),
            Self::NotVerified(found) => write!(f, "`email` is not verified: `email_verified` is {found}"),
            Self::NotAnAddress => f.write_str("`email` is not one plain address in ASCII"),
            Self::NoneOf { claim, wanted } => {
                let shown: Vec<&str> = wanted.iter().take(MOST_VALUES).map(String::as_str).collect();
                write!(f, "`{claim}` has none of: {}", shown.join(", "))?;
                match wanted.len().saturating_sub(MOST_VALUES) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Self::NotASignIn => f.write_str(
                "`acr` and `max_age` ask for a sign-in in the browser, and a credential of a program is none",
            ),
            Self::NoTimeOfSignIn => f.write_str(
                "the ID Token has no `auth_time`, so `max_age` is never met: configure the provider to send it",
            ),
            Self::SignInAhead => {
                f.write_str("`auth_time` lies in the future: the provider's clock and this server's differ")
            }
            Self::SignInTooOld(most) => write!(f, "the sign-in at the provider (`auth_time`) is older than {most}"),
        }
    }
}

impl Principals {
    /// The conditions that these claims do not meet; empty exactly when the rule includes this user.
    pub(super) fn unmet(&self, claims: &Claims) -> Vec<Unmet> {
        match self {
            Self::Any => Vec::new(),
            Self::Matching(conditions) => conditions.unmet(claims),
        }
    }
}

impl Conditions {
    /// Each kind of condition is evaluated by the rule's own code, so that the explanation cannot differ from the
    /// decision.
    fn unmet(&self, claims: &Claims) -> Vec<Unmet> {
        let mut unmet = Vec::new();
        if !self.groups_hold(claims) {
            unmet.push(why_no_group(claims, &self.groups_claim, &self.groups));
        }
        if !self.emails_hold(claims) {
            unmet.push(self.why_no_mailbox(claims, &self.emails));
        }
        if !self.email_domains_hold(claims) {
            let domains: Vec<String> = self.email_domains.iter().map(|domain| format!("@{domain}")).collect();
            unmet.push(self.why_no_mailbox(claims, &domains));
        }
        let failing = self.claims.iter().filter(|condition| !condition.holds(claims));
        unmet.extend(failing.map(|condition| why_not_claim(claims, condition)));
        unmet.dedup();
        unmet
    }

    fn why_no_mailbox(&self, claims: &Claims, wanted: &[impl fmt::Display]) -> Unmet {
        match claims.value("email") {
            None => missing(claims, "email", "email"),
            _ if self.mailbox(claims).is_some() => none_of("email", wanted),
            Some(Value::String(text)) if text.is_empty() => wrong_type("email", "an empty text", "an address"),
            Some(Value::String(text)) if !Mailbox::is_one(text) => Unmet::NotAnAddress,
            Some(Value::String(_)) => Unmet::NotVerified(truth(claims.value("email_verified"))),
            Some(other) => wrong_type("email", type_name(other), "a text"),
        }
    }
}

fn why_no_group(claims: &Claims, claim: &GroupsClaim, wanted: &[String]) -> Unmet {
    let path = claim.path.as_str();
    match claim.path.find(claims) {
        None => missing(claims, claim.path.claim(), path),
        Some(Value::Array(groups)) if groups.is_empty() => wrong_type(path, "an empty list", "a list of names"),
        Some(Value::Array(groups)) if !groups.iter().any(Value::is_string) => {
            wrong_type(path, "a list without texts", "a list of names")
        }
        Some(_) if claim.names(claims).is_some() => none_of(path, wanted),
        Some(Value::String(text)) if text.is_empty() => wrong_type(path, "an empty text", "a list"),
        Some(other) => wrong_type(path, type_name(other), "a list"),
    }
}

fn why_not_claim(claims: &Claims, condition: &ClaimCondition) -> Unmet {
    let ClaimCondition { path, values } = condition;
    match path.find(claims) {
        None => missing(claims, path.claim(), path.as_str()),
        Some(value @ (Value::Null | Value::Object(_))) => {
            wrong_type(path.as_str(), type_name(value), "a text, number, boolean or list")
        }
        Some(_) => none_of(path.as_str(), values),
    }
}

/// A claim that is missing at `path`, or inside a `claim` that the provider stores elsewhere.
fn missing(claims: &Claims, claim: &str, path: &str) -> Unmet {
    let is_elsewhere = claims.value("_claim_names").is_some_and(|names| names.get(claim).is_some());
    // Where tokens are sent in URLs, Entra only sets this claim.
    let is_over = claim == "groups" && claims.value("hasgroups") == Some(&Value::Bool(true));
    if claims.value(claim).is_none() && (is_elsewhere || is_over) {
        Unmet::LeftOut(claim.to_owned())
    } else {
        Unmet::Absent(path.to_owned())
    }
}

fn wrong_type(claim: &str, found: &'static str, wanted: &'static str) -> Unmet {
    Unmet::WrongType { claim: claim.to_owned(), found, wanted }
}

pub(super) fn none_of(claim: &str, wanted: &[impl fmt::Display]) -> Unmet {
    Unmet::NoneOf { claim: claim.to_owned(), wanted: wanted.iter().map(ToString::to_string).collect() }
}

const fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn truth(verified: Option<&Value>) -> &'static str {
    match verified {
        None => "absent",
        Some(Value::Bool(true)) => "true",
        Some(Value::Bool(false)) => "false",
        Some(Value::String(text)) if text == "true" => "the text \"true\"",
        Some(Value::String(text)) if text == "false" => "the text \"false\"",
        Some(other) => type_name(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::oidc::claims::ClaimPath;
    use crate::domain::policy::{MailAddress, MailDomain};
    use proptest::prelude::*;
    use serde_json::json;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    fn claims(value: Value) -> Claims {
        let Value::Object(members) = value else { panic!("is an object") };
        Claims::new(members)
    }

    fn conditions() -> Conditions {
        Conditions {
            groups: texts(&["admins", "staff"]),
            emails: vec![MailAddress::parse("a@example.com").expect("is an address")],
            email_domains: vec![MailDomain::parse("example.com").expect("is a domain")],
            claims: vec![ClaimCondition {
                path: ClaimPath::parse("mfa.level").expect("is a path"),
                values: texts(&["2"]),
            }],
            ..Conditions::default()
        }
    }

    fn said(conditions: &Conditions, value: Value) -> Vec<String> {
        conditions.unmet(&claims(value)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn groups_come_from_the_claim_that_the_operator_names() {
        let path = ClaimPath::parse("realm_access.roles").unwrap();
        let rule = |accepts_text| {
            let groups_claim = GroupsClaim { path: path.clone(), accepts_text };
            Conditions { groups: texts(&["admins"]), groups_claim, ..Conditions::default() }
        };
        for (claims, accepts_text, expected) in [
            (json!({ "realm_access": { "roles": ["admins"] } }), false, None),
            (json!({ "realm_access": { "roles": "admins" } }), true, None),
            (
                json!({ "realm_access": { "roles": "admins" } }),
                false,
                Some("`realm_access.roles` is a text, not a list"),
            ),
            (json!({ "realm_access": { "roles": "staff" } }), true, Some("`realm_access.roles` has none of: admins")),
            (
                json!({ "realm_access": { "roles": "" } }),
                true,
                Some("`realm_access.roles` is an empty text, not a list"),
            ),
            (json!({ "groups": ["admins"] }), true, Some("the claim `realm_access.roles` is absent")),
        ] {
            let Value::Object(members) = claims.clone() else { unreachable!("is an object") };
            let principals = Principals::Matching(rule(accepts_text));
            let unmet: Vec<String> = principals.unmet(&Claims::new(members)).iter().map(ToString::to_string).collect();
            assert_eq!(unmet.first().map(String::as_str), expected, "{claims}");
        }
        assert_eq!(Principals::Matching(rule(true)).to_string(), "groups in realm_access.roles admins");
        assert_eq!(Principals::Matching(rule(true)).claims_read(), ["realm_access"]);
    }

    #[test]
    fn groups_that_do_not_fit_are_told_apart() {
        let rule = Conditions { groups: texts(&["admins", "staff"]), ..Conditions::default() };
        for (value, expected) in [
            (json!({ "groups": ["guests"] }), "`groups` has none of: admins, staff"),
            (json!({ "groups": "admins" }), "`groups` is a text, not a list"),
            (json!({ "groups": null }), "`groups` is null, not a list"),
            (json!({ "groups": { "admins": true } }), "`groups` is an object, not a list"),
            (json!({ "groups": [] }), "`groups` is an empty list, not a list of names"),
            (json!({ "groups": [{ "name": "admins" }] }), "`groups` is a list without texts, not a list of names"),
            (json!({}), "the claim `groups` is absent"),
            (json!({ "_claim_names": { "other": "src1" } }), "the claim `groups` is absent"),
        ] {
            assert_eq!(said(&rule, value.clone()), [expected], "{value}");
        }
        for left_out in [json!({ "_claim_names": { "groups": "src1" } }), json!({ "hasgroups": true })] {
            let [said] = said(&rule, left_out.clone()).try_into().expect("is one");
            assert!(
                said.starts_with("the provider omitted `groups`") && said.contains("_claim_names"),
                "{left_out}: {said}"
            );
        }
    }

    #[test]
    fn addresses_that_do_not_count_are_told_apart() {
        let rule = Conditions { email_domains: conditions().email_domains, ..Conditions::default() };
        for (value, expected) in [
            (json!({ "email_verified": true }), "the claim `email` is absent"),
            (json!({ "email": 1, "email_verified": true }), "`email` is a number, not a text"),
            (json!({ "email": "", "email_verified": true }), "`email` is an empty text, not an address"),
            (
                json!({ "email": "a b@example.com", "email_verified": true }),
                "`email` is not one plain address in ASCII",
            ),
            (
                json!({ "email": "a@example.com", "email_verified": false }),
                "`email` is not verified: `email_verified` is false",
            ),
            (
                json!({ "email": "a@example.com", "email_verified": 1 }),
                "`email` is not verified: `email_verified` is a number",
            ),
            (json!({ "email": "a@b.test", "email_verified": true }), "`email` has none of: @example.com"),
        ] {
            assert_eq!(said(&rule, value.clone()), [expected], "{value}");
        }
    }

    #[test]
    fn any_other_claim_is_named_by_its_path() {
        let rule = Conditions { claims: conditions().claims, ..Conditions::default() };
        for (value, expected) in [
            (json!({}), "the claim `mfa.level` is absent"),
            (json!({ "mfa": {} }), "the claim `mfa.level` is absent"),
            (json!({ "mfa": { "level": {} } }), "`mfa.level` is an object, not a text, number, boolean or list"),
            (json!({ "mfa": { "level": 1 } }), "`mfa.level` has none of: 2"),
        ] {
            assert_eq!(said(&rule, value.clone()), [expected], "{value}");
        }
    }

    #[test]
    fn every_unmet_condition_is_told_once_and_no_value_of_the_users() {
        let user = json!({ "groups": ["hush-1"], "email": "hush-2@example.com", "email_verified": false, "mfa": { "level": "hush-3" } });
        let said = said(&conditions(), user);
        assert_eq!(said.len(), 3, "both conditions on the address fail for one reason: {said:?}");
        assert!(!said.concat().contains("hush"), "{said:?}");
    }

    #[test]
    fn a_long_list_of_a_rule_is_cut() {
        let many: Vec<String> = (0..8).map(|number| format!("g{number}")).collect();
        let rule = Conditions { groups: many, ..Conditions::default() };
        assert_eq!(said(&rule, json!({ "groups": ["x"] })), ["`groups` has none of: g0, g1, g2, g3, g4 and 3 more"]);
    }

    proptest! {
        /// The explanation and the rule always agree.
        #[test]
        fn nothing_is_unmet_exactly_when_the_rule_means_the_user(
            groups in prop_oneof![Just(json!("admins")), Just(json!(["admins"])), Just(json!([1])), Just(json!(["x"]))],
            email in prop_oneof![Just(json!("a@example.com")), Just(json!("b@example.com")), Just(json!("b@x.test")), Just(json!(null))],
            verified in prop_oneof![Just(json!(true)), Just(json!(false)), Just(json!("true")), Just(json!(null))],
            level in prop_oneof![Just(json!(2)), Just(json!(3)), Just(json!([2])), Just(json!(null))],
            kinds in any::<[bool; 4]>(),
        ) {
            let claims = claims(json!({ "groups": groups, "email": email, "email_verified": verified, "mfa": { "level": level } }));
            let mut rule = conditions();
            let [has_groups, has_emails, has_domains, has_claims] = kinds;
            if !has_groups { rule.groups.clear(); }
            if !has_emails { rule.emails.clear(); }
            if !has_domains { rule.email_domains.clear(); }
            if !has_claims { rule.claims.clear(); }
            prop_assert_eq!(rule.unmet(&claims).is_empty(), rule.hold(&claims));
        }
    }
}
