//! Identity headers: what the application is told about the user, and which incoming names never reach it.

mod owned;
mod spent;

use std::borrow::Cow;

use self::owned::{FORWARDED_HOST, LOOK_ALIKES, OWNED, is_forwarded_host, is_owned};
use super::access::PublicPath;
use super::application::Application;
use super::backend::Upstream;
use super::claims::Claims;
use super::decision::{Allow, RequestHeader};
use super::identity::Identity;
use super::request::RequestHead;

/// The separator of lists, as authentik has it.
const LIST_SEPARATOR: char = '|';

/// Facts of the outpost that go into the `meta` headers.
#[derive(Clone, Copy, Debug)]
pub struct OutpostFacts<'a> {
    /// The outpost's name.
    pub name: &'a str,
    /// Where the application's provider publishes its keys, if known.
    pub jwks_uri: Option<&'a str>,
}

/// A request that is about to be let through.
#[derive(Debug)]
pub struct Passing<'a> {
    /// What was sent.
    pub head: &'a RequestHead,
    /// The `cookie` header without any cookie of ours; `None` when there was none of ours.
    pub rest_of_cookies: Option<Vec<u8>>,
}

/// Lets the request of a known user through, with the identity headers.
#[must_use]
pub fn allow_signed_in(
    identity: &Identity,
    application: &Application,
    outpost: OutpostFacts<'_>,
    passing: Passing<'_>,
) -> Allow {
    let mut set = of_claims(identity.claims(), &identity.user().subject);
    let mut add = |name: &'static str, value: &str| push(&mut set, name, value);
    if application.jwt_headers {
        if let Some(token) = identity.token() {
            add("x-authentik-jwt", secrecy::ExposeSecret::expose_secret(token));
        }
        add("x-authentik-meta-jwks", outpost.jwks_uri.unwrap_or_default());
    }
    add("x-authentik-meta-outpost", outpost.name);
    add("x-authentik-meta-provider", &application.provider_name);
    add("x-authentik-meta-app", application.slug.as_str());
    add("x-authentik-meta-version", concat!("goauthentik.io/outpost/", env!("CARGO_PKG_VERSION")));
    let head = passing.head;
    let mut allow = allow(set, Some(identity.claims()), application, passing);
    spent::cut(&mut allow, identity, application, head);
    allow
}

/// Lets a public request through, without any identity.
#[must_use]
pub fn allow_public(_proof: &PublicPath, application: &Application, passing: Passing<'_>) -> Allow {
    allow(Vec::new(), None, application, passing)
}

/// The headers that follow from claims alone; what is missing or cannot stand in a header is left out.
fn of_claims(claims: &Claims, subject: &str) -> Vec<RequestHeader> {
    let mut set = Vec::with_capacity(OWNED.len() + 1);
    let mut add = |name: &'static str, value: &str| push(&mut set, name, value);
    add("x-authentik-username", claims.text("preferred_username").unwrap_or_default());
    add("x-authentik-groups", &joined(claims, "groups"));
    add("x-authentik-entitlements", &joined(claims, "entitlements"));
    add("x-authentik-email", claims.text("email").unwrap_or_default());
    add("x-authentik-name", claims.text("name").unwrap_or_default());
    add("x-authentik-uid", subject);
    set
}

fn push(set: &mut Vec<RequestHeader>, name: &'static str, value: &str) {
    if !value.is_empty() && !value.contains(char::is_control) {
        set.push((Cow::Borrowed(name), value.as_bytes().to_vec()));
    }
}

/// A list in one value. A name that holds the separator or a control character is left out: it would read as
/// two names, and the second could be anybody's.
fn joined(claims: &Claims, name: &str) -> String {
    let legal = |text: &&str| !text.is_empty() && !text.contains(|c: char| c == LIST_SEPARATOR || c.is_control());
    let mut joined = String::new();
    for text in claims.texts(name).filter(legal) {
        if !joined.is_empty() {
            joined.push(LIST_SEPARATOR);
        }
        joined.push_str(text);
    }
    joined
}

/// Sets what there is, removes what there is not. A name in both lists would be removed by Envoy.
fn allow(
    mut set: Vec<RequestHeader>,
    claims: Option<&Claims>,
    application: &Application,
    passing: Passing<'_>,
) -> Allow {
    let upstream = Upstream::of(application, claims, &passing.head.target);
    if upstream.is_some() {
        let asked_for = passing.head.authority.to_text(application.external.scheme());
        set.push((Cow::Borrowed(FORWARDED_HOST), asked_for.into_bytes()));
    }
    let is_ours = |name: &str| is_owned(name) || (upstream.is_some() && is_forwarded_host(name));
    let is_set = |set: &[RequestHeader], name: &str| set.iter().any(|(set, _)| set == name);
    let mut remove: Vec<Cow<'static, str>> = Vec::with_capacity(OWNED.len() + LOOK_ALIKES.len());
    remove.extend(OWNED.iter().filter(|name| !is_set(&set, name)).map(|name| Cow::Borrowed(*name)));
    remove.extend(LOOK_ALIKES.iter().map(|name| Cow::Borrowed(*name)));
    for name in passing.head.headers.names().filter(|name| is_ours(name)) {
        if !is_set(&set, name) && !remove.iter().any(|removed| removed == name) {
            remove.push(Cow::Owned(name.to_owned()));
        }
    }
    match passing.rest_of_cookies {
        Some(rest) if rest.is_empty() => remove.push(Cow::Borrowed("cookie")),
        Some(rest) => set.push((Cow::Borrowed("cookie"), rest)),
        None => {}
    }
    Allow { set, remove, cookies: Vec::new(), upstream }
}

#[cfg(test)]
mod tests;
