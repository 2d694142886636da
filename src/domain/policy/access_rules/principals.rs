//! The users of a rule: all signed-in users, or those whose claims meet all of its conditions.

use std::fmt;

use serde_json::Value;

use super::mail::{EmailVerified, MailAddress, MailDomain, Mailbox};
use crate::domain::oidc::claims::{ClaimPath, Claims, GroupsClaim};

/// The users of a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Principals {
    /// Every signed-in user.
    Any,
    /// Users who meet every condition.
    Matching(Conditions),
}

/// Conditions on a user's claims: at least one of each kind that is given has to match, and all of `claims`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conditions {
    /// Names of groups, byte for byte.
    pub groups: Vec<String>,
    /// The claim that lists the user's groups.
    pub groups_claim: GroupsClaim,
    /// Verified addresses.
    pub emails: Vec<MailAddress>,
    /// Domains of verified addresses.
    pub email_domains: Vec<MailDomain>,
    /// Whether the provider has to report that an address is verified.
    pub email_verified: EmailVerified,
    /// Conditions on any other claim.
    pub claims: Vec<ClaimCondition>,
}

/// A claim that must have one of several values; for a list, one of its items.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimCondition {
    /// The path of the claim.
    pub path: ClaimPath,
    /// Its values as text: numbers and booleans as JSON writes them.
    pub values: Vec<String>,
}

impl Principals {
    /// The users that meet `conditions`; `None` without any condition, which would include every user.
    #[must_use]
    pub fn matching(conditions: Conditions) -> Option<Self> {
        let (email_verified, groups_claim) = (conditions.email_verified, conditions.groups_claim.clone());
        let none = Conditions { groups_claim, email_verified, ..Conditions::default() };
        (conditions != none).then_some(Self::Matching(conditions))
    }

    /// Whether a user with these claims is included.
    #[must_use]
    pub fn includes(&self, claims: &Claims) -> bool {
        match self {
            Self::Any => true,
            Self::Matching(conditions) => conditions.hold(claims),
        }
    }

    /// The claims that the condition reads.
    pub(super) fn claims_read(&self) -> Vec<&str> {
        let Self::Matching(Conditions { groups, groups_claim, claims, .. }) = self else { return Vec::new() };
        let mut read: Vec<&str> = claims.iter().map(|condition| condition.path.claim()).collect();
        if !groups.is_empty() {
            read.push(groups_claim.path.claim());
        }
        if self.reads_mail() {
            read.extend(["email", "email_verified"]);
        }
        read
    }

    /// Whether the condition reads the mail address.
    #[must_use]
    pub fn reads_mail(&self) -> bool {
        let Self::Matching(Conditions { emails, email_domains, .. }) = self else { return false };
        !(emails.is_empty() && email_domains.is_empty())
    }
}

impl Conditions {
    pub(super) fn hold(&self, claims: &Claims) -> bool {
        self.groups_hold(claims)
            && self.emails_hold(claims)
            && self.email_domains_hold(claims)
            && self.claims.iter().all(|condition| condition.holds(claims))
    }

    pub(super) fn groups_hold(&self, claims: &Claims) -> bool {
        let is_named = |group: &str| self.groups.iter().any(|wanted| wanted == group);
        self.groups.is_empty() || self.groups_claim.names(claims).is_some_and(|mut names| names.any(is_named))
    }

    pub(super) fn emails_hold(&self, claims: &Claims) -> bool {
        let is_named = |own: Mailbox<'_>| self.emails.iter().any(|address| own.is(address));
        self.emails.is_empty() || self.mailbox(claims).is_some_and(is_named)
    }

    pub(super) fn email_domains_hold(&self, claims: &Claims) -> bool {
        let is_named = |own: Mailbox<'_>| self.email_domains.iter().any(|domain| own.is_in(domain));
        self.email_domains.is_empty() || self.mailbox(claims).is_some_and(is_named)
    }

    /// The user's mail address, if it counts for these conditions.
    pub(super) fn mailbox<'a>(&self, claims: &'a Claims) -> Option<Mailbox<'a>> {
        Mailbox::verified(claims, self.email_verified)
    }
}

impl ClaimCondition {
    pub(super) fn holds(&self, claims: &Claims) -> bool {
        match self.path.find(claims) {
            Some(Value::Array(items)) => items.iter().any(|item| self.accepts(item)),
            Some(value) => self.accepts(value),
            None => false,
        }
    }

    fn accepts(&self, value: &Value) -> bool {
        let is_among = |text: &str| self.values.iter().any(|wanted| wanted == text);
        match value {
            Value::String(text) => is_among(text),
            Value::Number(number) => is_among(&number.to_string()),
            Value::Bool(truth) => is_among(if *truth { "true" } else { "false" }),
            Value::Null | Value::Array(_) | Value::Object(_) => false,
        }
    }
}

/// Formatted as in `groups admins or staff, email_domains example.com, email_verified assumed`.
impl fmt::Display for Principals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Matching(conditions) = self else { return f.write_str("anyone") };
        let Conditions { groups, groups_claim, emails, email_domains, email_verified, claims } = conditions;
        let mut parts = Vec::new();
        let mut add = |name: String, values: Vec<String>| {
            if !values.is_empty() {
                parts.push(format!("{name} {}", values.join(" or ")));
            }
        };
        let of_groups = if groups_claim.is_usual() { String::new() } else { format!(" in {}", groups_claim.path) };
        add(format!("groups{of_groups}"), groups.clone());
        add("emails".to_owned(), emails.iter().map(ToString::to_string).collect());
        add("email_domains".to_owned(), email_domains.iter().map(ToString::to_string).collect());
        if self.reads_mail() && *email_verified == EmailVerified::Assumed {
            add("email_verified".to_owned(), vec!["assumed".to_owned()]);
        }
        for ClaimCondition { path, values } in claims {
            add(format!("claim {path}"), values.clone());
        }
        f.write_str(&parts.join(", "))
    }
}
