//! Admission: a proof becomes an [`Allow`]. A `Permit` or a `PublicPath` is needed, and there is no other way to make one.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderName, HeaderValue};

use super::Allow;
use crate::domain::application::Application;
use crate::domain::http::{Header, RequestHead, folds_to};
use crate::domain::oidc::claims::Claims;
use crate::domain::policy::identity::Identity;
use crate::domain::policy::identity_headers::{Facts, IdentityHeaders, OutpostFacts};
use crate::domain::policy::{Permit, PublicPath};

/// What a backend in mode `proxy` is told about the host that was asked for.
const FORWARDED_HOST: &str = "x-forwarded-host";

/// A request that is about to be let through.
#[derive(Debug)]
pub struct ForwardedRequest<'a> {
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
    forwarded: ForwardedRequest<'_>,
) -> Allow {
    let identity = permit.identity();
    let head = forwarded.head;
    let mut allow =
        allow(identity_headers(identity, application, outpost), Some(identity.claims()), application, forwarded);
    cut(&mut allow, identity, application, head);
    allow
}

/// What the application is told about a user: kept with the session, as long as nothing else than its facts goes into it.
fn identity_headers(identity: &Identity, application: &Application, outpost: OutpostFacts<'_>) -> Arc<IdentityHeaders> {
    let facts = Facts { about: identity.into(), application: application.into(), outpost };
    let plan = &application.headers;
    // What is dropped was told at the sign-in.
    let work_out = || Arc::new(plan.identity_headers(&facts));
    match identity {
        Identity::Session(session) if !application.jwt_headers => session.derived(work_out),
        Identity::Session(_) | Identity::Credential(_) => work_out(),
    }
}

/// Lets a public request through, without any identity.
#[must_use]
pub fn allow_public(_proof: &PublicPath, application: &Application, forwarded: ForwardedRequest<'_>) -> Allow {
    allow(Arc::clone(application.headers.nobody()), None, application, forwarded)
}

/// Takes a used credential from the request, unless the application is to see it or gets an `authorization` of ours. One
/// that was not used stays as it came.
fn cut(allow: &mut Allow, identity: &Identity, application: &Application, head: &RequestHead) {
    let used = matches!(identity, Identity::Credential(_));
    let replaced = || allow.set().any(|(name, _)| name == AUTHORIZATION);
    if used && !application.credentials.pass_on(&head.headers) && !replaced() {
        allow.remove.push(Cow::Borrowed(AUTHORIZATION.as_str()));
    }
}

/// What the user is told, and what this very request needs beside it.
fn allow(
    identity_headers: Arc<IdentityHeaders>,
    claims: Option<&Claims>,
    application: &Application,
    forwarded: ForwardedRequest<'_>,
) -> Allow {
    let ForwardedRequest { head, rest_of_cookies } = forwarded;
    let plan = &application.headers;
    let upstream = application.upstream(claims, &head.target);
    let (mut set, mut remove): (Vec<Header>, Vec<Cow<'static, str>>) = (Vec::new(), Vec::new());
    if upstream.is_some() {
        let asked_for = head.authority.to_text(application.external.scheme());
        match HeaderValue::try_from(asked_for) {
            Ok(asked_for) => set.push((HeaderName::from_static(FORWARDED_HOST), asked_for)),
            // No host that was read is such a text; if one were, no client's would stand in its place.
            Err(_) => remove.push(Cow::Borrowed(FORWARDED_HOST)),
        }
    }
    let is_ours = |name: &str| {
        plan.covers(name) || (upstream.is_some() && folds_to(name, FORWARDED_HOST)) || identity_headers.resembles(name)
    };
    // Each name once: a client may send very many of them.
    let mut met = HashSet::new();
    for name in head.headers.names().filter(|name| is_ours(name)) {
        let is_set = || identity_headers.sets(name) || set.iter().any(|(set, _)| set == name);
        if met.insert(name) && !is_set() && !identity_headers.removes(name) {
            remove.push(Cow::Owned(name.to_owned()));
        }
    }
    match rest_of_cookies.map(|rest| HeaderValue::try_from(rest).ok().filter(|rest| !rest.is_empty())) {
        Some(Some(rest)) => set.push((COOKIE, rest)),
        // Nothing is left, or a control character, which no HTTP server lets in: ours may not pass either way.
        Some(None) => remove.push(Cow::Borrowed("cookie")),
        None => {}
    }
    Allow { identity_headers, set, remove, cookies: Vec::new(), upstream }
}
