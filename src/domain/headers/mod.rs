//! Identity headers: what the application is told about the user, and which incoming names never reach it.

mod additional;
mod basic;
mod budget;
#[cfg(test)]
mod cost;
mod name;
mod owned;
mod plan;
mod sets;
mod source;
mod spent;
mod told;
mod unnamed;
mod value;

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use http::HeaderValue;
use http::header::COOKIE;

use super::access::{Permit, PublicPath};
use super::application::Application;
use super::backend::Upstream;
use super::claims::Claims;
use super::decision::{Allow, Header};
use super::identity::Identity;
use super::request::RequestHead;
use owned::FORWARDED_HOST;

pub use additional::{AdditionalHeaders, Dropped};
pub use basic::BasicAuth;
pub use budget::{Budget, OverBudget};
pub use name::{HeaderName, NameFault};
pub use plan::{HeaderPlan, HeaderSettings, OwnHeader, OwnValue};
pub use sets::HeaderSet;
pub use source::{Facts, OutpostFacts, UserFacts};
pub use told::Told;
pub use unnamed::{NoName, Unnamed};
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
    let head = passing.head;
    let mut allow = allow(told(identity, application, outpost), Some(identity.claims()), application, passing);
    spent::cut(&mut allow, identity, application, head);
    allow
}

/// What the application is told about a user: kept with the session, as long as nothing else than its facts goes into it.
fn told(identity: &Identity, application: &Application, outpost: OutpostFacts<'_>) -> Arc<Told> {
    let facts = Facts { about: identity.into(), application, outpost };
    let plan = &application.headers;
    // What is dropped was told at the sign-in.
    let work_out = || Arc::new(Told::new(plan.headers_of(&facts, &mut |_, _| ()), &plan.owned));
    match identity {
        Identity::Session(session) if !application.jwt_headers => session.told(work_out),
        Identity::Session(_) | Identity::Credential(_) => work_out(),
    }
}

/// Lets a public request through, without any identity.
#[must_use]
pub fn allow_public(_proof: &PublicPath, application: &Application, passing: Passing<'_>) -> Allow {
    allow(Arc::clone(&application.headers.nobody), None, application, passing)
}

/// What would be told with each request of a user: whether it fits, and what is left out of it.
#[must_use]
pub fn rehearse(facts: &Facts<'_>) -> Rehearsal {
    let plan = &facts.application.headers;
    let mut dropped = Vec::new();
    let headers = plan.headers_of(facts, &mut |name, why| dropped.push((name.to_owned(), why)));
    let unnamed = plan.unnamed(facts);
    let mut all = headers.planned;
    all.extend(headers.additional);
    Rehearsal { dropped, unnamed, fits: plan.budget.check(&all) }
}

/// What the operator should know about the headers of a user.
#[derive(Debug)]
pub struct Rehearsal {
    /// Headers that the claims ask for and that are not set, and why.
    pub dropped: Vec<(String, Dropped)>,
    /// Headers with the user's name that are not set.
    pub unnamed: Vec<Unnamed>,
    /// Whether everything that is set fits into the limits.
    pub fits: Result<(), OverBudget>,
}

/// What the user is told, and what this very request needs beside it.
fn allow(told: Arc<Told>, claims: Option<&Claims>, application: &Application, passing: Passing<'_>) -> Allow {
    let Passing { head, rest_of_cookies } = passing;
    let owned = &application.headers.owned;
    let upstream = Upstream::of(application, claims, &head.target);
    let (mut set, mut remove): (Vec<Header>, Vec<Cow<'static, str>>) = (Vec::new(), Vec::new());
    if upstream.is_some() {
        let asked_for = head.authority.to_text(application.external.scheme());
        match HeaderValue::try_from(asked_for) {
            Ok(asked_for) => set.push((http::HeaderName::from_static(FORWARDED_HOST), asked_for)),
            // No host that was read is such a text; if one were, no client's would stand in its place.
            Err(_) => remove.push(Cow::Borrowed(FORWARDED_HOST)),
        }
    }
    let is_ours = |name: &str| {
        owned.covers(name) || (upstream.is_some() && name::folds_to(name, FORWARDED_HOST)) || told.resembles(name)
    };
    // Each name once: a client may send very many of them.
    let mut met = HashSet::new();
    for name in head.headers.names().filter(|name| is_ours(name)) {
        let is_set = || told.sets(name) || set.iter().any(|(set, _)| set == name);
        if met.insert(name) && !is_set() && !told.removes(name) {
            remove.push(Cow::Owned(name.to_owned()));
        }
    }
    match rest_of_cookies.map(|rest| HeaderValue::try_from(rest).ok().filter(|rest| !rest.is_empty())) {
        Some(Some(rest)) => set.push((COOKIE, rest)),
        // Nothing is left, or a control character, which no HTTP server lets in: ours may not pass either way.
        Some(None) => remove.push(Cow::Borrowed("cookie")),
        None => {}
    }
    Allow { told, set, remove, cookies: Vec::new(), upstream }
}

#[cfg(test)]
mod tests;
