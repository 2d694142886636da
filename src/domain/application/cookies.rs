//! Cookies: reading Gatepost's own, removing them from the application's request, setting and deleting them (RFC
//! 6265bis, with the `__Host-` and `__Secure-` prefixes of its section 4.1.3).

use std::time::Duration;

use thiserror::Error;

use super::cookie_settings::SameSite;
use super::{Application, Mode};
use crate::domain::http::{CookieForm, HeaderLines};
use crate::domain::oidc::sign_in::Binding;
use crate::domain::session::SessionId;

const MAX_BYTES: usize = 32 * 1024;
const MAX_PAIRS: usize = 256;
/// How many cookies of one name are tried: a sibling host can plant one beside Gatepost's.
const MAX_CANDIDATES: usize = 4;
const BINDING_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// The separator of cookies that came on separate lines.
const SEPARATOR: &[u8] = b"; ";

const HOST_PREFIX: &str = "__Host-gatepost-";
const DOMAIN_PREFIX: &str = "__Secure-gatepost-";
const SESSION: &str = "session-";
const BINDING: &str = "binding";
/// The last completed sign-in; sent to callbacks only.
const COMPLETED: &str = "completed-";
const COMPLETED_LIFETIME: Duration = Duration::from_secs(60);
/// The parts of a return address; sent to callbacks only.
const RETURN: &str = "return-";
/// More parts than Gatepost ever sets, even when a sibling host plants some beside them.
const MAX_PIECES: usize = 64;
/// How many times in a row a browser was redirected from plain http to https. It is the only cookie that is sent over
/// plain http: it holds no secret and grants no access.
const LED_TO_HTTPS: &str = "gatepost-led-to-https";
const LED_LIFETIME: Duration = Duration::from_secs(5);

/// The request has more cookies than any browser sends.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the cookie header is longer than 32 KiB or holds more than 256 cookies")]
pub struct TooManyCookies;

/// The cookies of one request that belong to an application.
#[derive(Debug, Default)]
pub struct OwnCookies {
    /// Well-formed session ids under the application's cookie name, at most four.
    pub sessions: Vec<SessionId>,
    /// Well-formed bindings of the browser, at most four.
    pub bindings: Vec<Binding>,
    /// Sealed completed sign-ins, at most four.
    pub completed: Vec<String>,
    /// Parts of return addresses, by the end of the cookie name after the application's slug.
    pub return_pieces: Vec<(String, String)>,
    /// How many times in a row the browser was redirected from plain http to https within the last seconds.
    pub redirected_to_https: u8,
    /// Whether the request has any Gatepost cookie with `Secure`, another application's included.
    pub secure: bool,
    /// The `cookie` header without Gatepost's own cookies; `None` when it contained none of them.
    pub rest: Option<Vec<u8>>,
}

impl OwnCookies {
    /// Reads the `cookie` lines of a request.
    ///
    /// # Errors
    /// [`TooManyCookies`] beyond the limits.
    pub fn read(headers: &HeaderLines, application: &Application) -> Result<Self, TooManyCookies> {
        let mut own = Self::default();
        let mut rest = Vec::with_capacity(headers.all("cookie").map(|line| line.len() + SEPARATOR.len()).sum());
        let (mut bytes, mut pairs, mut found) = (0, 0, false);
        for line in headers.all("cookie") {
            bytes += line.len();
            for pair in line.split(|byte| *byte == b';') {
                pairs += 1;
                let before = rest.len();
                for piece in pieces(pair, headers.cookie_form()) {
                    match split(piece) {
                        Some((name, value)) if is_ours(name) => {
                            found = true;
                            own.take(name, value, application);
                        }
                        _ => keep(&mut rest, piece, before),
                    }
                }
            }
            if bytes > MAX_BYTES || pairs > MAX_PAIRS {
                return Err(TooManyCookies);
            }
        }
        own.rest = found.then_some(rest);
        Ok(own)
    }

    fn take(&mut self, name: &[u8], value: &[u8], application: &Application) {
        let (Ok(name), Ok(value)) = (std::str::from_utf8(name), std::str::from_utf8(value.trim_ascii())) else {
            return;
        };
        if name == LED_TO_HTTPS {
            self.redirected_to_https = value.parse().unwrap_or_default();
            return;
        }
        self.secure = true;
        if let Some(name) = name.strip_prefix(DOMAIN_PREFIX) {
            self.take_for_callback(name, value, application);
        }
        let session = name.strip_prefix(session_prefix(application)).and_then(|name| name.strip_prefix(SESSION));
        if name.strip_prefix(prefix(application)) == Some(BINDING) && self.bindings.len() < MAX_CANDIDATES {
            self.bindings.extend(Binding::from_cookie_value(value));
        } else if session == Some(application.slug.as_str()) && self.sessions.len() < MAX_CANDIDATES {
            self.sessions.extend(SessionId::from_cookie_value(value));
        }
    }

    /// Reads the cookies that the browser sends to callbacks only. The `__Host-` prefix would force `Path=/`, so they
    /// use the other prefix in every mode.
    fn take_for_callback(&mut self, name: &str, value: &str, application: &Application) {
        let slug = application.slug.as_str();
        if name.strip_prefix(COMPLETED) == Some(slug) && self.completed.len() < MAX_CANDIDATES {
            self.completed.push(value.to_owned());
        }
        let piece = name.strip_prefix(RETURN).and_then(|name| name.strip_prefix(slug)?.strip_prefix('-'));
        if let Some(piece) = piece.filter(|_| self.return_pieces.len() < MAX_PIECES) {
            self.return_pieces.push((piece.to_owned(), value.to_owned()));
        }
    }
}

/// The cookie pair as one piece; where the front proxy joined lines with commas, the pieces between the commas.
fn pieces(pair: &[u8], form: CookieForm) -> impl Iterator<Item = &[u8]> {
    pair.split(move |byte| form == CookieForm::CommaJoined && *byte == b',')
}

/// Splits a piece into name and value. Bytes around the name that some application may treat as white space do not hide
/// a name.
fn split(piece: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = piece.split_at(piece.iter().position(|byte| *byte == b'=')?);
    let begin = name.iter().position(u8::is_ascii_graphic).unwrap_or(name.len());
    let end = name.iter().rposition(u8::is_ascii_graphic).map_or(begin, |last| last + 1);
    Some((name.get(begin..end)?, value.get(1..)?))
}

fn is_ours(name: &[u8]) -> bool {
    name.starts_with(HOST_PREFIX.as_bytes())
        || name.starts_with(DOMAIN_PREFIX.as_bytes())
        || name == LED_TO_HTTPS.as_bytes()
}

/// Appends a piece that is not Gatepost's: after a comma within its pair, after `; ` at the beginning of the next pair.
fn keep(rest: &mut Vec<u8>, piece: &[u8], pair_began_at: usize) {
    let piece = piece.trim_ascii();
    if piece.is_empty() {
        return;
    }
    if rest.len() > pair_began_at {
        rest.push(b',');
    } else if !rest.is_empty() {
        rest.extend_from_slice(SEPARATOR);
    }
    rest.extend_from_slice(piece);
}

fn prefix(application: &Application) -> &'static str {
    match application.mode {
        Mode::ForwardSingle | Mode::Proxy(_) => HOST_PREFIX,
        Mode::ForwardDomain(_) => DOMAIN_PREFIX,
    }
}

/// Browsers accept the `__Host-` prefix with `Path=/` only.
fn session_prefix(application: &Application) -> &'static str {
    if application.cookie.path.is_some() { DOMAIN_PREFIX } else { prefix(application) }
}

/// `Set-Cookie` for a new session that lasts `lifetime`.
#[must_use]
pub fn set_session(application: &Application, id: &SessionId, lifetime: Duration) -> String {
    session(application, &id.to_cookie_value(), lifetime)
}

/// `Set-Cookie` for a new binding.
#[must_use]
pub fn set_binding(application: &Application, binding: &Binding) -> String {
    self::binding(application, &binding.to_cookie_value(), BINDING_LIFETIME)
}

/// `Set-Cookie` for the sign-in that was just completed, sealed; sent to callbacks only.
#[must_use]
pub fn set_completed(application: &Application, sealed: &str) -> String {
    set_at_callback(application, &format!("{COMPLETED}{}", application.slug), sealed, COMPLETED_LIFETIME)
}

/// `Set-Cookie` for a part of a return address; sent to callbacks only. A lifetime of zero deletes it.
#[must_use]
pub fn set_return_piece(application: &Application, piece: &str, value: &str, lifetime: Duration) -> String {
    set_at_callback(application, &format!("{RETURN}{}-{piece}", application.slug), value, lifetime)
}

/// `Set-Cookie` for the number of times in a row that the browser was redirected to https.
#[must_use]
pub fn set_redirected_to_https(times: u8) -> String {
    format!("{LED_TO_HTTPS}={times}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax", LED_LIFETIME.as_secs())
}

/// `Set-Cookie` values that delete all of Gatepost's lasting cookies. They repeat every attribute, as browsers
/// otherwise keep the cookie.
#[must_use]
pub fn delete_all(application: &Application) -> Vec<String> {
    let completed = format!("{COMPLETED}{}", application.slug);
    vec![
        session(application, "", Duration::ZERO),
        binding(application, "", Duration::ZERO),
        set_at_callback(application, &completed, "", Duration::ZERO),
    ]
}

/// A cookie without the attributes that all of an application's cookies share.
struct Cookie<'a> {
    prefix: &'static str,
    name: &'a str,
    value: &'a str,
    path: &'a str,
    same_site: SameSite,
    lifetime: Duration,
}

impl Cookie<'_> {
    fn set(&self, application: &Application) -> String {
        let Self { prefix, name, value, path, same_site, lifetime } = self;
        let domain = match &application.mode {
            Mode::ForwardSingle | Mode::Proxy(_) => String::new(),
            Mode::ForwardDomain(domain) => format!("; Domain={}", domain.as_str()),
        };
        let partitioned = if application.cookie.partitioned { "; Partitioned" } else { "" };
        let (seconds, same_site) = (lifetime.as_secs(), same_site.as_str());
        format!(
            "{prefix}{name}={value}; Path={path}{domain}; Max-Age={seconds}; HttpOnly; Secure; SameSite={same_site}{partitioned}"
        )
    }
}

fn session(application: &Application, value: &str, lifetime: Duration) -> String {
    let (prefix, name) = (session_prefix(application), format!("{SESSION}{}", application.slug));
    let (path, same_site) = (application.cookie.path.as_deref().unwrap_or("/"), application.cookie.same_site);
    Cookie { prefix, name: &name, value, path, same_site, lifetime }.set(application)
}

fn binding(application: &Application, value: &str, lifetime: Duration) -> String {
    let (prefix, same_site) = (prefix(application), same_site_of_sign_in(application));
    Cookie { prefix, name: BINDING, value, path: "/", same_site, lifetime }.set(application)
}

/// A cookie for the callback's path.
fn set_at_callback(application: &Application, name: &str, value: &str, lifetime: Duration) -> String {
    let (path, same_site) = (application.relying_party.redirect_uri.path(), same_site_of_sign_in(application));
    Cookie { prefix: DOMAIN_PREFIX, name, value, path, same_site, lifetime }.set(application)
}

/// The browser comes back from the provider's site: by a redirect, with which it sends no `Strict` cookie, or by a form post, or
/// in a frame of another site, with which it sends those for every site only.
fn same_site_of_sign_in(application: &Application) -> SameSite {
    let is_for_every_site = application.takes_form_posts() || application.cookie.same_site == SameSite::None;
    if is_for_every_site { SameSite::None } else { SameSite::Lax }
}

#[cfg(test)]
mod tests;
