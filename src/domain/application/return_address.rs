//! Return addresses: the one function that decides where a browser may be sent after a sign-in, so that no sign-in ends
//! at an untrusted host (RFC 9700 section 4.11). The accepted value is the parser's own serialisation, never the raw
//! text, which two parsers could read as two addresses. Only the address of a request that was just made keeps its
//! spelling, after a scheme and host that are the parser's.

use std::fmt::Write as _;

use percent_encoding::percent_decode_str;
use thiserror::Error;
use url::{Position, Url};

use super::{Application, endpoints};
use crate::domain::http::{Host, RequestTarget, TargetFault};

/// The limit on path, query and fragment, in bytes.
const MAX_BYTES: usize = 8 * 1024;

/// A return address that passed every rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnAddress(String);

/// The rule that an address broke.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Refused {
    /// not empty, and 8 KiB of path, query and fragment at most.
    #[error("it is empty or too long")]
    Length,
    /// printable ASCII without backslash.
    #[error("it contains a character that a URL cannot contain")]
    Characters,
    /// a path, or an absolute address of the application's scheme.
    #[error("it is neither a path nor an absolute address of the application's scheme")]
    Form,
    /// the URL parser accepts it.
    #[error("it does not parse")]
    Unparsable,
    /// no user information.
    #[error("it holds user information")]
    UserInformation,
    /// scheme, host and port are the application's.
    #[error("it leads to a host that is not the application's")]
    ForeignHost,
    /// the host as written is the host as parsed.
    #[error("its host is spelled in a way that other programs may read differently")]
    Spelling,
    /// a path that no parser takes for a host.
    #[error("its path may be read as a host, or holds control characters")]
    Path,
    /// not one of Gatepost's own endpoints, except for the page of the user's sessions.
    #[error("it leads to a sign-in or sign-out endpoint")]
    OwnEndpoint,
}

impl ReturnAddress {
    /// Checks `raw` for `application`; a path is resolved against `base`, the address of the request.
    ///
    /// # Errors
    /// The first rule that the address breaks.
    pub fn check(raw: &str, application: &Application, base: &Url) -> Result<Self, Refused> {
        if raw.is_empty() {
            return Err(Refused::Length);
        }
        let url = check(raw, application, base, RequestTarget::parse)?;
        if url[Position::BeforePath..].len() > MAX_BYTES {
            return Err(Refused::Length);
        }
        Ok(Self(url.into()))
    }

    /// Checks an absolute address of `application` as a browser requested it, and preserves each byte: query and path
    /// as sent, unless the parser reads a different path. A backslash is allowed only after the question mark: before
    /// it, browsers treat it as a slash.
    ///
    /// # Errors
    /// The first rule that the address breaks.
    pub fn as_asked(address: &str, application: &Application) -> Result<Self, Refused> {
        let origin = application.external.origin();
        let base = Url::parse(&origin).map_err(|_| Refused::Unparsable)?;
        let (before, query) = address.split_once('?').map_or((address, None), |(before, query)| (before, Some(query)));
        if address.contains('#') {
            // A request's address has no fragment, so this one was spelled by the parser already.
            return Self::check(address, application, &base);
        }
        let printable = |query: &str| query.bytes().all(|byte| byte > b' ' && byte != 0x7f);
        if query.is_some_and(|query| !printable(query)) {
            return Err(Refused::Characters);
        }
        let checked = query.map_or_else(|| before.to_owned(), |query| format!("{before}?{}", respelled(query)));
        let url = check(&checked, application, &base, as_sent)?;
        let origin = url.origin().ascii_serialization();
        let path = before.strip_prefix(&origin).ok_or(Refused::Form)?;
        if path.len() + query.map_or(0, |query| query.len() + 1) > MAX_BYTES {
            return Err(Refused::Length);
        }
        let path = if decoded(path) == decoded(url.path()) { path } else { url.path() };
        Ok(Self(query.map_or_else(|| format!("{origin}{path}"), |query| format!("{origin}{path}?{query}"))))
    }

    /// The application's own address, the default end of a sign-in.
    #[must_use]
    pub fn landing(application: &Application) -> String {
        application.external.join("/")
    }

    /// The address, ready for `Location`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The parser for the path and query of an address.
type Reading = fn(String) -> Result<RequestTarget, TargetFault>;

/// The target of a request that was just made. Paths that cannot be decoded are left to the application, except for
/// control characters.
fn as_sent(target: String) -> Result<RequestTarget, TargetFault> {
    if decoded(&target).iter().any(u8::is_ascii_control) {
        return Err(TargetFault::EscapedControl);
    }
    RequestTarget::read(target)
}

/// Checks every rule but the length.
fn check(raw: &str, application: &Application, base: &Url, read: Reading) -> Result<Url, Refused> {
    if !raw.bytes().all(|byte| matches!(byte, 0x21..=0x7e) && byte != b'\\') {
        return Err(Refused::Characters);
    }
    let scheme = application.external.scheme().as_str();
    let absolute = raw.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://"));
    if absolute.is_none() && (!raw.starts_with('/') || raw.starts_with("//")) {
        return Err(Refused::Form);
    }
    let url = base.join(raw).map_err(|_| Refused::Unparsable)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refused::UserInformation);
    }
    refuse_foreign_host(&url, application)?;
    if absolute.is_some_and(|rest| rest.split(['/', '?', '#']).next() != Some(&authority(&url))) {
        return Err(Refused::Spelling);
    }
    refuse_odd_path(&url, application, read)?;
    Ok(url)
}

/// Percent-encodes the bytes of a query that the rules do not accept: backslashes and non-ASCII.
fn respelled(query: &str) -> String {
    query.bytes().fold(String::with_capacity(query.len()), |mut text, byte| {
        if byte == b'\\' || !byte.is_ascii() {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "%{byte:02X}");
        } else {
            text.push(char::from(byte));
        }
        text
    })
}

/// The bytes of a path after percent-decoding; invalid escapes stay as they are.
fn decoded(path: &str) -> Vec<u8> {
    percent_decode_str(path).collect()
}

fn refuse_foreign_host(url: &Url, application: &Application) -> Result<(), Refused> {
    let external = &application.external;
    let host = url.host_str().and_then(|host| Host::parse(host).ok()).ok_or(Refused::ForeignHost)?;
    let ours = url.scheme() == external.scheme().as_str()
        && url.port_or_known_default() == Some(external.port())
        && application.owns_host(&host);
    if ours { Ok(()) } else { Err(Refused::ForeignHost) }
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn refuse_odd_path(url: &Url, application: &Application, read: Reading) -> Result<(), Refused> {
    let path = url.path();
    let start = path.get(..4).unwrap_or(path).to_ascii_lowercase();
    if start.starts_with("//") || start.starts_with("/%2f") || start.starts_with("/%5c") {
        return Err(Refused::Path);
    }
    // The fragment stays in the browser; path and query are checked as the request that they will become.
    let target = read(path.to_owned()).map_err(|_| Refused::Path)?;
    let below = target.canonical_path();
    let below_application = below.strip_prefix(application.external.path()).unwrap_or(below);
    let is_sessions = path.strip_prefix(application.external.path()).is_some_and(endpoints::is_sessions);
    if is_sessions && url.query().is_none() {
        return Ok(());
    }
    let is_own = endpoints::is_reserved(below)
        || endpoints::is_reserved(below_application)
        || endpoints::names_signature(url.query().unwrap_or_default());
    if is_own { Err(Refused::OwnEndpoint) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
