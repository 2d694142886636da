//! Names of headers that may be set on requests to an application.

use std::fmt;

use thiserror::Error;

use crate::domain::http as request;
use crate::domain::http::{fold, is_token};

/// A header name that may be set, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderName(http::HeaderName);

/// Why a name must not be set.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NameFault {
    /// Not a token (RFC 9110 section 5.6.2); pseudo headers are refused as well.
    #[error("it is not a header name")]
    NotAName,
    /// The header frames the message, belongs to one connection, or is `host` or `cookie`.
    #[error("the header belongs to the message or the connection, and must not be set")]
    OfTheMessage,
    /// Proxies and applications read from the header the origin, the destination or the target of a request.
    #[error("the header describes source or destination of a request, and must not be set")]
    Routing,
}

/// Bytes of the longest name; names in use are far shorter.
const LONGEST: usize = 256;

/// Headers that frame a message or belong to one connection (RFC 9110 sections 7.6.1 and 8.6), folded.
const OF_THE_MESSAGE: [&str; 20] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "cookie",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "set-cookie",
    "set-cookie2",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers that describe other hops, or make an application read the request as another one, folded.
const ROUTING: [&str; 24] = [
    "forwarded",
    "true-client-ip",
    "via",
    "x-client-ip",
    "x-forwarded",
    "x-forwarded-by",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-method",
    "x-forwarded-path",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-forwarded-server",
    "x-forwarded-ssl",
    "x-forwarded-uri",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
];

/// Prefixes of names that control Envoy or Gatepost, folded.
const STEERING_PREFIXES: [&str; 2] = ["x-envoy-", "x-gatepost-"];

/// The default name of the header with an assertion; nothing else may have it.
const ASSERTION: &str = "x-gatepost-assertion";

impl HeaderName {
    /// Parses a name from the operator's settings.
    ///
    /// # Errors
    /// See [`NameFault`].
    pub fn parse(text: &str) -> Result<Self, NameFault> {
        if text.len() > LONGEST || !is_token(text) {
            return Err(NameFault::NotAName);
        }
        if OF_THE_MESSAGE.iter().any(|name| folds_to(text, name)) {
            return Err(NameFault::OfTheMessage);
        }
        let steers = STEERING_PREFIXES.iter().any(|prefix| folds_to_beginning(text, prefix));
        if steers || ROUTING.iter().any(|name| folds_to(text, name)) {
            return Err(NameFault::Routing);
        }
        http::HeaderName::from_bytes(text.as_bytes()).map(Self).map_err(|_| NameFault::NotAName)
    }

    /// Parses the name of the header with an assertion: the default, or any name from the operator's settings.
    ///
    /// # Errors
    /// See [`NameFault`].
    pub fn parse_for_assertion(text: &str) -> Result<Self, NameFault> {
        if text.eq_ignore_ascii_case(ASSERTION) { Ok(Self::known(ASSERTION)) } else { Self::parse(text) }
    }

    /// Parses a name from claims. Names under `X-Forwarded-` are refused: only the operator knows which of these a
    /// proxy or an application trusts.
    ///
    /// # Errors
    /// See [`NameFault`].
    pub fn parse_from_claims(text: &str) -> Result<Self, NameFault> {
        if folds_to_beginning(text, "x-forwarded-") { Err(NameFault::Routing) } else { Self::parse(text) }
    }

    /// A name that the code itself defines, in lower case.
    pub(super) const fn known(text: &'static str) -> Self {
        Self(http::HeaderName::from_static(text))
    }

    /// The name in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name as the changes of a request hold it: shared, not copied.
    pub(super) fn to_http(&self) -> http::HeaderName {
        self.0.clone()
    }

    /// The name as read by a backend that treats all separators as one.
    pub(super) fn folded(&self) -> String {
        self.as_str().replace(|c: char| !c.is_ascii_alphanumeric(), "-")
    }

    /// Whether some backend could read both names as one.
    #[must_use]
    pub fn looks_like(&self, other: &Self) -> bool {
        same_folded(self.as_str(), other.as_str())
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The other spellings that are most often read as `name`: with `-`, `_` and `.` throughout.
pub(super) fn look_alikes(name: &str) -> impl Iterator<Item = http::HeaderName> {
    let spelled = |separator| name.replace(|c: char| !c.is_ascii_alphanumeric(), separator);
    let has_separators = name.bytes().any(|byte| !byte.is_ascii_alphanumeric());
    let others = if has_separators { ["-", "_", "."].map(spelled).to_vec() } else { Vec::new() };
    let others = others.into_iter().filter(move |other| other != name);
    // All three separators are allowed in a name, so each of these is valid.
    others.filter_map(|other| http::HeaderName::from_bytes(other.as_bytes()).ok())
}

/// Whether two names, both in lower case, are equal.
pub(super) fn same(one: &str, other: &str) -> bool {
    #[cfg(test)]
    super::cost::count();
    one == other
}

/// Whether `name`, once folded, equals `folded`.
pub(super) fn folds_to(name: &str, folded: &str) -> bool {
    #[cfg(test)]
    super::cost::count();
    request::folds_to(name, folded)
}

/// Whether `name`, once folded, begins with `folded`.
pub(super) fn folds_to_beginning(name: &str, folded: &str) -> bool {
    #[cfg(test)]
    super::cost::count();
    name.len() >= folded.len() && name.bytes().zip(folded.bytes()).all(|(byte, expected)| fold(byte) == expected)
}

/// Whether two names are equal once folded.
pub(super) fn same_folded(one: &str, other: &str) -> bool {
    #[cfg(test)]
    super::cost::count();
    one.len() == other.len() && one.bytes().zip(other.bytes()).all(|(one, other)| fold(one) == fold(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_legal_name_is_brought_to_lower_case() {
        for (text, name) in [
            ("X-Team", "x-team"),
            ("Authorization", "authorization"),
            ("X_User", "x_user"),
            ("x-forwarded-user", "x-forwarded-user"),
        ] {
            assert_eq!(HeaderName::parse(text).map(|name| name.to_string()), Ok(name.to_owned()));
        }
    }

    #[test]
    fn names_that_are_nobodys_to_set_are_refused_in_every_spelling() {
        for text in ["", ":path", "x y", "x:", "é", "x\r\ny", "x\0"] {
            assert_eq!(HeaderName::parse(text), Err(NameFault::NotAName), "{text:?}");
        }
        for text in ["Host", "COOKIE", "Content_Length", "transfer.encoding", "TE", "Keep-Alive", "proxy_connection"] {
            assert_eq!(HeaderName::parse(text), Err(NameFault::OfTheMessage), "{text}");
        }
        for text in
            ["X-Forwarded-For", "x_forwarded_host", "Forwarded", "X-Gatepost-Cluster", "x_envoy_decorator-operation"]
        {
            assert_eq!(HeaderName::parse(text), Err(NameFault::Routing), "{text}");
        }
        assert_eq!(HeaderName::parse_from_claims("X_Forwarded-User"), Err(NameFault::Routing));
    }

    #[test]
    fn look_alikes_are_the_other_spellings() {
        let of = |text| look_alikes(text).collect::<Vec<_>>();
        assert_eq!(of("x-team-id"), ["x_team_id", "x.team.id"]);
        assert_eq!(of("x_team"), ["x-team", "x.team"]);
        assert_eq!(of("x-team_id"), ["x-team-id", "x_team_id", "x.team.id"]);
        assert!(of("authorization").is_empty());
    }
}
