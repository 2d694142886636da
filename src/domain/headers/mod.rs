//! Identity headers: what the application is told about the user, and which incoming names never reach it.

mod additional;
mod basic;
mod budget;
mod name;
mod owned;
mod plan;
mod sets;
mod source;
mod spent;
mod value;

use std::borrow::Cow;

use super::access::{Permit, PublicPath};
use super::application::Application;
use super::backend::Upstream;
use super::claims::Claims;
use super::decision::Allow;
use super::request::RequestHead;
use owned::FORWARDED_HOST;
use plan::IdentityHeaders;

pub use additional::{AdditionalHeaders, Dropped};
pub use basic::BasicAuth;
pub use budget::{Budget, OverBudget};
pub use name::{HeaderName, NameFault};
pub use plan::{HeaderPlan, HeaderSettings, OwnHeader, OwnValue};
pub use sets::HeaderSet;
pub use source::{Facts, OutpostFacts, UserFacts};
pub use value::{BadSeparator, Separator, is_legal};

/// A request that is about to be let through.
#[derive(Debug)]
pub struct Passing<'a> {
    /// What was sent.
    pub head: &'a RequestHead,
    /// The `cookie` header without any cookie of ours; `None` when there was none of ours.
    pub rest_of_cookies: Option<Vec<u8>>,
}

/// Lets the request of a known user whom the rules permit it through, with the identity headers.
#[must_use]
pub fn allow_signed_in(
    permit: Permit<'_>,
    application: &Application,
    outpost: OutpostFacts<'_>,
    passing: Passing<'_>,
) -> Allow {
    let identity = permit.identity();
    let facts = Facts { about: identity.into(), application, outpost };
    // What is dropped was told at the sign-in.
    let headers = application.headers.headers_of(&facts, &mut |_, _| ());
    let head = passing.head;
    let mut allow = allow(headers, Some(identity.claims()), application, passing);
    spent::cut(&mut allow, identity, application, head);
    allow
}

/// Lets a public request through, without any identity.
#[must_use]
pub fn allow_public(_proof: &PublicPath, application: &Application, passing: Passing<'_>) -> Allow {
    allow(IdentityHeaders::default(), None, application, passing)
}

/// What would be told with each request of a user: whether it fits, and what is left out of it.
#[must_use]
pub fn rehearse(facts: &Facts<'_>) -> Rehearsal {
    let plan = &facts.application.headers;
    let mut dropped = Vec::new();
    let headers = plan.headers_of(facts, &mut |name, why| dropped.push((name.to_owned(), why)));
    let mut all = headers.planned;
    all.extend(headers.additional);
    Rehearsal { dropped, fits: plan.budget.check(&all) }
}

/// What the operator should know about the headers of a user.
#[derive(Debug)]
pub struct Rehearsal {
    /// Headers that the claims ask for and that are not set, and why.
    pub dropped: Vec<(String, Dropped)>,
    /// Whether everything that is set fits into the limits.
    pub fits: Result<(), OverBudget>,
}

/// Sets what there is, removes what there is not. A name in both lists would be removed by Envoy.
fn allow(headers: IdentityHeaders, claims: Option<&Claims>, application: &Application, passing: Passing<'_>) -> Allow {
    let IdentityHeaders { planned: mut set, additional } = headers;
    let owned = &application.headers.owned;
    let upstream = Upstream::of(application, claims, &passing.head.target);
    if upstream.is_some() {
        let asked_for = passing.head.authority.to_text(application.external.scheme());
        set.push((Cow::Borrowed(FORWARDED_HOST), asked_for.into_bytes()));
    }
    let mut remove: Vec<Cow<'static, str>> = Vec::with_capacity(owned.names().len() + owned.look_alikes().len());
    remove.extend(owned.look_alikes().iter().cloned());
    let unknown = additional.iter().filter(|(name, _)| !owned.covers(name));
    remove.extend(unknown.flat_map(|(name, _)| name::look_alikes(name)));
    let is_ours = |name: &&str| {
        owned.covers(name)
            || (upstream.is_some() && name::folds_to(name, FORWARDED_HOST))
            || additional.iter().any(|(set, _)| name::same_folded(set, name))
    };
    let seen: Vec<&str> = passing.head.headers.names().filter(is_ours).collect();
    set.extend(additional);
    let is_set = |name: &str| set.iter().any(|(set, _)| set == name);
    let first = remove.len();
    remove.extend(owned.names().iter().filter(|name| !is_set(name)).cloned());
    let blank = first..remove.len();
    for name in seen {
        if !is_set(name) && !remove.iter().any(|removed| removed == name) {
            remove.push(Cow::Owned(name.to_owned()));
        }
    }
    match passing.rest_of_cookies {
        Some(rest) if rest.is_empty() => remove.push(Cow::Borrowed("cookie")),
        Some(rest) => set.push((Cow::Borrowed("cookie"), rest)),
        None => {}
    }
    Allow { set, remove, blank, cookies: Vec::new(), upstream }
}

#[cfg(test)]
mod tests;
