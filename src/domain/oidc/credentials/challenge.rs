//! The challenge in `WWW-Authenticate` for programs (RFC 6750 section 3, RFC 7617 section 2, RFC 9728 section 5.1).

use std::fmt;

use super::Scheme;

/// A challenge. No value contains quotes or backslashes: they are slugs, scopes and addresses.
#[derive(Clone, Copy, Debug)]
pub struct Challenge<'a> {
    /// The scheme.
    pub scheme: Scheme,
    /// The realm.
    pub realm: &'a str,
    /// What is wrong with the credential; `None`: the request presents none (RFC 6750 section 3.1). Only of `Bearer`.
    pub error: Option<BearerError>,
    /// The scopes that are required, separated by blanks; empty for none. Only of `Bearer`.
    pub scope: &'a str,
    /// The address of the metadata about the resource, if there is one. Only of `Bearer`.
    pub resource_metadata: Option<&'a str>,
}

/// An error code (RFC 6750 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BearerError {
    /// The token is not valid here.
    InvalidToken,
    /// The token lacks a scope.
    InsufficientScope,
}

impl BearerError {
    const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
        }
    }
}

/// Formatted as in `Bearer realm="wiki", error="invalid_token"`.
impl fmt::Display for Challenge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} realm=\"{}\"", self.scheme.as_str(), self.realm)?;
        if self.scheme == Scheme::Basic {
            return f.write_str(", charset=\"UTF-8\"");
        }
        if let Some(error) = self.error {
            write!(f, ", error=\"{}\"", error.as_str())?;
        }
        if !self.scope.is_empty() {
            write!(f, ", scope=\"{}\"", self.scope)?;
        }
        self.resource_metadata.map_or(Ok(()), |address| write!(f, ", resource_metadata=\"{address}\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rs_2_a_challenge_names_what_is_known() {
        let plain =
            Challenge { scheme: Scheme::Bearer, realm: "wiki", error: None, scope: "", resource_metadata: None };
        for (challenge, text) in [
            (plain, "Bearer realm=\"wiki\""),
            (
                Challenge { error: Some(BearerError::InvalidToken), ..plain },
                "Bearer realm=\"wiki\", error=\"invalid_token\"",
            ),
            (
                Challenge { error: Some(BearerError::InsufficientScope), scope: "read write", ..plain },
                "Bearer realm=\"wiki\", error=\"insufficient_scope\", scope=\"read write\"",
            ),
            (
                Challenge { resource_metadata: Some("https://h/x"), ..plain },
                "Bearer realm=\"wiki\", resource_metadata=\"https://h/x\"",
            ),
            (Challenge { scheme: Scheme::Basic, ..plain }, "Basic realm=\"wiki\", charset=\"UTF-8\""),
        ] {
            assert_eq!(challenge.to_string(), text);
        }
    }
}
