//! Access rules: the operator's rules on a user's claims, evaluated at every request. Only the rules with the longest
//! path that covers the request apply; one of them has to hold as a whole.

mod authentication;
mod explanation;
mod mail;
mod path;
mod principals;
mod rule;
mod step_up;
mod unmet;

use std::cmp::Reverse;

pub use authentication::{AuthenticationRequirement, KnownBy, span};
pub use explanation::Explanation;
pub use mail::{EmailVerified, MailAddress, MailDomain, MailFault};
pub use path::{PathPrefix, PathPrefixFault};
pub use principals::{ClaimCondition, Conditions, Principals};
pub use rule::{Compared, Method, MethodFault, Obstacle, Rule};
pub use step_up::RequirementSet;
pub use unmet::Unmet;

use thiserror::Error;

use crate::domain::http::{PrefixMatch, RequestHead, RequestTarget};
use crate::domain::oidc::claims::Claims;
use crate::domain::policy::identity::Identity;
use crate::domain::time::Timestamp;

/// The access rules of an application. Without rules, every signed-in user is allowed.
#[derive(Clone, Debug, Default)]
pub struct AccessRules(Option<Compiled>);

#[derive(Clone, Debug)]
struct Compiled {
    rules: Vec<Rule>,
    /// The longest path first.
    places: Vec<PathRules>,
    /// The different requirements of the rules on the sign-in, in the order of the rules.
    requirements: Vec<AuthenticationRequirement>,
}

/// Rules that apply together: their paths are the same except for case.
#[derive(Clone, Debug)]
struct PathRules {
    key: String,
    entries: Vec<Entry>,
}

/// A rule by its index, and the exact path by which it applies.
#[derive(Clone, Debug)]
struct Entry {
    path: PathPrefix,
    index: usize,
}

/// A rule that applies to a request, with its number, counted from 1.
#[derive(Clone, Copy, Debug)]
pub struct ApplicableRule<'a> {
    /// The position of the rule in the list, counted from 1.
    pub number: usize,
    /// The rule.
    pub rule: &'a Rule,
    path: &'a PathPrefix,
}

impl<'a> ApplicableRule<'a> {
    /// The obstacles that keep the rule from allowing this user's request; empty exactly when it allows it.
    #[must_use]
    pub fn obstacles(&self, claims: &Claims, known_by: KnownBy<'a>, head: &'a RequestHead) -> Vec<Obstacle<'a>> {
        self.rule.obstacles(self.path, claims, known_by, head)
    }

    fn fits_without_sign_in(&self, claims: &Claims, head: &RequestHead, compared: Compared) -> bool {
        self.rule.fits_without_sign_in(self.path, claims, head, compared)
    }
}

/// Proof that the rules allow a known user's request.
#[derive(Clone, Copy, Debug)]
pub struct Permit<'a> {
    identity: &'a Identity,
    rule: Option<usize>,
}

impl<'a> Permit<'a> {
    /// The identity of the request.
    #[must_use]
    pub const fn identity(self) -> &'a Identity {
        self.identity
    }

    /// The rule that holds, counted from 1; `None` without rules.
    #[must_use]
    pub const fn rule(self) -> Option<usize> {
        self.rule
    }
}

/// Why a known user's request is denied.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Forbidden {
    /// No rule covers the path.
    #[error("no access rule covers the path, so it is denied to every user")]
    NotCovered,
    /// The path can be read in several ways, and a rule for some paths applies to one of them.
    #[error("the path can be read in several ways, and a rule covers one of them")]
    OddPath,
    /// Rules cover the path, but none of them holds for this user and method.
    #[error("no rule that covers the path matches this user and method")]
    NoRuleHolds,
    /// Without rules, every user of the provider is allowed, and no token of another issuer.
    #[error("the token is of a foreign issuer, and there is no access rule that names the issuer")]
    ForeignIssuer,
    /// A rule would hold if the user had signed in as it asks.
    #[error("a rule that covers the path asks for another sign-in at the provider")]
    OtherSignIn,
}

impl AccessRules {
    /// Compiles rules. At least one is required: an empty list could be read as "every user" and as "no user".
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Option<Self> {
        let mut requirements: Vec<AuthenticationRequirement> = Vec::new();
        for requirement in rules.iter().filter_map(|rule| rule.authentication.as_ref()) {
            if !requirements.contains(requirement) {
                requirements.push(requirement.clone());
            }
        }
        let mut places: Vec<PathRules> = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let everywhere = rule.paths.is_empty().then(PathPrefix::everything);
            for path in everywhere.into_iter().chain(rule.paths.iter().cloned()) {
                let key = path.key();
                match places.iter_mut().find(|place| place.key == key) {
                    Some(place) => place.entries.push(Entry { path, index }),
                    None => places.push(PathRules { key, entries: vec![Entry { path, index }] }),
                }
            }
        }
        places.sort_by_key(|place| Reverse(place.key.len()));
        (!rules.is_empty()).then_some(Self(Some(Compiled { rules, places, requirements })))
    }

    /// Checks whether this user's request is allowed now.
    ///
    /// # Errors
    /// The cause of the denial.
    pub fn permit<'a>(
        &self,
        identity: &'a Identity,
        head: &RequestHead,
        now: Timestamp,
    ) -> Result<Permit<'a>, Forbidden> {
        let (claims, known_by) = (identity.issued_claims(), identity.known_by(now));
        let Some(compiled) = &self.0 else {
            let is_foreign = matches!(known_by, KnownBy::ForeignIssuer(_));
            return if is_foreign { Err(Forbidden::ForeignIssuer) } else { Ok(Permit { identity, rule: None }) };
        };
        let mut cause = Forbidden::NoRuleHolds;
        for applicable in compiled.applicable(&head.target)? {
            if !applicable.rule.is_for_issuer(known_by) || !applicable.fits_without_sign_in(claims, head, Compared::All)
            {
                continue;
            }
            match &applicable.rule.authentication {
                Some(requirement) if !requirement.is_met(claims, known_by) => {
                    if matches!(known_by, KnownBy::Session(_)) {
                        cause = Forbidden::OtherSignIn;
                    }
                }
                Some(_) | None => return Ok(Permit { identity, rule: Some(applicable.number) }),
            }
        }
        Err(cause)
    }

    /// All rules, counted from 1; empty where every signed-in user is allowed.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Rule)> {
        self.0.iter().flat_map(|compiled| (1..).zip(&compiled.rules))
    }

    /// The rules that apply to a path; empty where every signed-in user is allowed.
    ///
    /// # Errors
    /// The cause for which no rule applies.
    pub fn applicable(&self, target: &RequestTarget) -> Result<Vec<ApplicableRule<'_>>, Forbidden> {
        self.0.as_ref().map_or(Ok(Vec::new()), |compiled| Ok(compiled.applicable(target)?.collect()))
    }

    /// The claims that the rules read of the provider's users; `UserInfo` may supply those that the ID Token lacks.
    #[must_use]
    pub fn claims_read(&self) -> Vec<String> {
        let rules = self.iter().map(|(_, rule)| rule).filter(|rule| rule.issuers.is_empty());
        rules.flat_map(|rule| rule.principals.claims_read()).map(str::to_owned).collect()
    }

    /// Whether a rule names this foreign issuer.
    #[must_use]
    pub fn name_issuer(&self, issuer: &str) -> bool {
        self.iter().any(|(_, rule)| rule.is_for_issuer(KnownBy::ForeignIssuer(issuer)))
    }

    /// Whether there are rules for some paths, so that the decision depends on the path.
    #[must_use]
    pub fn have_paths(&self) -> bool {
        self.0.as_ref().is_some_and(Compiled::has_paths)
    }

    /// Whether some paths are covered by no rule, so that every request there is denied.
    #[must_use]
    pub fn leaves_gaps(&self) -> bool {
        self.0.as_ref().is_some_and(|compiled| compiled.places.last().is_none_or(PathRules::is_for_some_paths))
    }
}

impl Compiled {
    fn applicable(&self, target: &RequestTarget) -> Result<impl Iterator<Item = ApplicableRule<'_>>, Forbidden> {
        let entries = &self.place(target)?.entries;
        Ok(entries.iter().filter_map(|Entry { path, index }| {
            Some(ApplicableRule { number: index + 1, rule: self.rules.get(*index)?, path })
        }))
    }

    /// The place whose rules apply: the longest one that covers every reading of the path. If only some readings are
    /// below a longer place, the path is refused: each of those places may refuse the request, and none covers all
    /// readings.
    fn place(&self, target: &RequestTarget) -> Result<&PathRules, Forbidden> {
        if self.has_paths() && target.may_be_any_path() {
            return Err(Forbidden::OddPath);
        }
        for place in &self.places {
            match target.match_prefix(&place.key) {
                PrefixMatch::Never => {}
                PrefixMatch::Perhaps => return Err(Forbidden::OddPath),
                PrefixMatch::Always if place.is_for_some_paths() && target.escapes_separators() => {
                    return Err(Forbidden::OddPath);
                }
                PrefixMatch::Always => return Ok(place),
            }
        }
        Err(Forbidden::NotCovered)
    }

    fn has_paths(&self) -> bool {
        self.places.iter().any(PathRules::is_for_some_paths)
    }
}

impl PathRules {
    fn is_for_some_paths(&self) -> bool {
        !self.key.is_empty()
    }
}

#[cfg(test)]
mod tests;
