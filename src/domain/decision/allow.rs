//! Admission: turns a proof into an [`Allow`]. The proof is a `Permit` or a `PublicPath`; an `Allow` cannot be made
//! without one.

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

/// The header that carries the requested host to the backend in mode `proxy`.
const FORWARDED_HOST: &str = "x-forwarded-host";

/// A request that is about to be allowed.
#[derive(Debug)]
pub struct ForwardedRequest<'a> {
    /// The head of the request.
    pub head: &'a RequestHead,
    /// The `cookie` header without Gatepost's own cookies; `None` when it contained none of them.
    pub rest_of_cookies: Option<Vec<u8>>,
}

/// Allows the request of a known user whom the rules permit, with the identity headers.
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
    remove_used_credential(&mut allow, identity, application, head);
    allow
}

/// The identity headers of a user: cached with the session, provided that they depend on the session's facts only.
fn identity_headers(identity: &Identity, application: &Application, outpost: OutpostFacts<'_>) -> Arc<IdentityHeaders> {
    let facts = Facts { about: identity.into(), application: application.into(), outpost };
    let plan = &application.headers;
    // Headers that are dropped were logged at the sign-in.
    let work_out = || Arc::new(plan.identity_headers(&facts));
    match identity {
        Identity::Session(session) if !application.jwt_headers => {
            session.derived(|headers| plan.is_current(headers, outpost.signer), work_out)
        }
        Identity::Session(_) | Identity::Credential(_) => work_out(),
    }
}

/// Allows a public request, without any identity.
#[must_use]
pub fn allow_public(_proof: &PublicPath, application: &Application, forwarded: ForwardedRequest<'_>) -> Allow {
    allow(Arc::clone(application.headers.anonymous()), None, application, forwarded)
}

/// Removes a used credential from the request, unless the application is configured to receive it or gets an
/// `authorization` header that Gatepost sets. A credential that was not used stays unchanged.
fn remove_used_credential(allow: &mut Allow, identity: &Identity, application: &Application, head: &RequestHead) {
    let used = matches!(identity, Identity::Credential(_));
    let replaced = || allow.set().any(|(name, _)| name == AUTHORIZATION);
    if used && !application.credentials.pass_on(&head.headers) && !replaced() {
        allow.remove.push(Cow::Borrowed(AUTHORIZATION.as_str()));
    }
}

/// Combines the identity headers with the changes that depend on this request.
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
            // A parsed host is always a valid header value; if one were not, the client's own header must not pass in
            // its place.
            Err(_) => remove.push(Cow::Borrowed(FORWARDED_HOST)),
        }
    }
    let is_ours = |name: &str| {
        plan.covers(name) || (upstream.is_some() && folds_to(name, FORWARDED_HOST)) || identity_headers.resembles(name)
    };
    // Each name is handled once: a client may repeat a name very often.
    let mut met = HashSet::new();
    for name in head.headers.names().filter(|name| is_ours(name)) {
        let is_set = || identity_headers.sets(name) || set.iter().any(|(set, _)| set == name);
        if met.insert(name) && !is_set() && !identity_headers.removes(name) {
            remove.push(Cow::Owned(name.to_owned()));
        }
    }
    match rest_of_cookies.map(|rest| HeaderValue::try_from(rest).ok().filter(|rest| !rest.is_empty())) {
        Some(Some(rest)) => set.push((COOKIE, rest)),
        // The rest is empty or holds a control character, which no HTTP server accepts: in both cases the whole header
        // goes, so that Gatepost's own cookies never pass.
        Some(None) => remove.push(Cow::Borrowed("cookie")),
        None => {}
    }
    Allow { identity_headers, set, remove, cookies: Vec::new(), upstream }
}
