//! Identity headers: what the application is told about the user, and which incoming names never reach it.
//! A backend may fold names (CGI turns `-`, `_` and `.` into one), so every look-alike goes as well.

use std::borrow::Cow;

use super::access::PublicPath;
use super::application::Application;
use super::claims::Claims;
use super::decision::{Allow, RequestHeader};
use super::request::HeaderLines;
use super::session::LiveSession;

/// The separator of lists, as authentik has it.
const LIST_SEPARATOR: char = '|';

/// The names that Gatepost owns on every request that it lets through.
const OWNED: [&str; 12] = [
    "x-authentik-username",
    "x-authentik-groups",
    "x-authentik-entitlements",
    "x-authentik-email",
    "x-authentik-name",
    "x-authentik-uid",
    "x-authentik-jwt",
    "x-authentik-meta-jwks",
    "x-authentik-meta-outpost",
    "x-authentik-meta-provider",
    "x-authentik-meta-app",
    "x-authentik-meta-version",
];

/// The spellings of [`OWNED`] that are removed unseen, in case the front proxy shows us only some headers.
const LOOK_ALIKES: [&str; 24] = [
    "x_authentik_username",
    "x_authentik_groups",
    "x_authentik_entitlements",
    "x_authentik_email",
    "x_authentik_name",
    "x_authentik_uid",
    "x_authentik_jwt",
    "x_authentik_meta_jwks",
    "x_authentik_meta_outpost",
    "x_authentik_meta_provider",
    "x_authentik_meta_app",
    "x_authentik_meta_version",
    "x.authentik.username",
    "x.authentik.groups",
    "x.authentik.entitlements",
    "x.authentik.email",
    "x.authentik.name",
    "x.authentik.uid",
    "x.authentik.jwt",
    "x.authentik.meta.jwks",
    "x.authentik.meta.outpost",
    "x.authentik.meta.provider",
    "x.authentik.meta.app",
    "x.authentik.meta.version",
];

/// Folded beginnings that are ours alone, and names by which a client could steer Envoy.
const OWNED_PREFIXES: [&str; 2] = ["x-authentik-", "x-gatepost-"];
const STEERING: &str = "x-envoy-original-dst-host";

/// Facts of the outpost that go into the `meta` headers.
#[derive(Clone, Copy, Debug)]
pub struct OutpostFacts<'a> {
    /// The outpost's name.
    pub name: &'a str,
    /// Where the application's provider publishes its keys, if known.
    pub jwks_uri: Option<&'a str>,
}

/// Lets a signed-in user's request through, with the identity headers.
#[must_use]
pub fn allow_signed_in(
    session: &LiveSession,
    application: &Application,
    outpost: OutpostFacts<'_>,
    incoming: &HeaderLines,
    rest_of_cookies: Option<Vec<u8>>,
) -> Allow {
    let mut set = identity(&session.record().claims, &session.record().user.subject);
    let mut add = |name: &'static str, value: &str| push(&mut set, name, value);
    if application.jwt_headers {
        if let Some(token) = &session.record().access_token {
            add("x-authentik-jwt", secrecy::ExposeSecret::expose_secret(token));
        }
        add("x-authentik-meta-jwks", outpost.jwks_uri.unwrap_or_default());
    }
    add("x-authentik-meta-outpost", outpost.name);
    add("x-authentik-meta-provider", &application.provider_name);
    add("x-authentik-meta-app", application.slug.as_str());
    add("x-authentik-meta-version", concat!("goauthentik.io/outpost/", env!("CARGO_PKG_VERSION")));
    allow(set, incoming, rest_of_cookies)
}

/// Lets a public request through, without any identity.
#[must_use]
pub fn allow_public(_proof: &PublicPath, incoming: &HeaderLines, rest_of_cookies: Option<Vec<u8>>) -> Allow {
    allow(Vec::new(), incoming, rest_of_cookies)
}

/// The headers that follow from claims alone; what is missing or cannot stand in a header is left out.
fn identity(claims: &Claims, subject: &str) -> Vec<RequestHeader> {
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
fn allow(mut set: Vec<RequestHeader>, incoming: &HeaderLines, rest_of_cookies: Option<Vec<u8>>) -> Allow {
    let is_set = |set: &[RequestHeader], name: &str| set.iter().any(|(set, _)| set == name);
    let mut remove: Vec<Cow<'static, str>> = Vec::with_capacity(OWNED.len() + LOOK_ALIKES.len());
    remove.extend(OWNED.iter().filter(|name| !is_set(&set, name)).map(|name| Cow::Borrowed(*name)));
    remove.extend(LOOK_ALIKES.iter().map(|name| Cow::Borrowed(*name)));
    for name in incoming.names().filter(|name| is_owned(name)) {
        if !is_set(&set, name) && !remove.iter().any(|removed| removed == name) {
            remove.push(Cow::Owned(name.to_owned()));
        }
    }
    match rest_of_cookies {
        Some(rest) if rest.is_empty() => remove.push(Cow::Borrowed("cookie")),
        Some(rest) => set.push((Cow::Borrowed("cookie"), rest)),
        None => {}
    }
    Allow { set, remove, cookies: Vec::new() }
}

/// Whether a name, once folded, is one of ours or one that steers Envoy.
fn is_owned(name: &str) -> bool {
    let folds_to = |prefix: &str| {
        name.len() >= prefix.len() && name.bytes().zip(prefix.bytes()).all(|(byte, expected)| fold(byte) == expected)
    };
    OWNED_PREFIXES.iter().any(|prefix| folds_to(prefix)) || (name.len() == STEERING.len() && folds_to(STEERING))
}

/// Lower case; everything but letters and digits is one and the same.
const fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
