//! Paths in rules. Whether a rule applies to a path is decided without regard to case, for every reading that a server
//! behind Gatepost may have; whether the rule allows the request, exactly and for all readings (rules N-4 to N-7).

use std::fmt;

use thiserror::Error;

use crate::domain::http::RequestTarget;

/// A prefix that ends at a segment boundary: `/admin` covers itself and everything below it, `/` covers everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPrefix {
    /// Without a final slash, so empty for the prefix of everything.
    text: String,
}

/// Why a text is not a prefix.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PathPrefixFault {
    /// It does not begin with a slash.
    #[error("a path must begin with `/`")]
    NotAPath,
    /// Requests for this path would be refused, or match another path.
    #[error(
        "a path in a rule must consist of plain segments without escapes, parameters, dots, doubled slashes or query"
    )]
    NotCanonical,
}

impl PathPrefix {
    /// Parses a prefix; a final slash has no effect.
    ///
    /// # Errors
    /// When it is not a path in canonical form.
    pub fn parse(text: &str) -> Result<Self, PathPrefixFault> {
        if !text.starts_with('/') {
            return Err(PathPrefixFault::NotAPath);
        }
        let target = RequestTarget::parse(text.to_owned()).map_err(|_| PathPrefixFault::NotCanonical)?;
        if target.canonical_path() != text {
            return Err(PathPrefixFault::NotCanonical);
        }
        Ok(Self { text: text.strip_suffix('/').unwrap_or(text).to_owned() })
    }

    /// The prefix that covers every path.
    pub(super) const fn everything() -> Self {
        Self { text: String::new() }
    }

    /// The prefix in lower case and without a final slash: rules with equal keys apply together.
    pub(super) fn key(&self) -> String {
        self.text.to_ascii_lowercase()
    }

    /// Whether the path as sent lies below this prefix, byte for byte. If all readings lie below it except for case,
    /// the result is valid for all of them.
    pub(super) fn holds(&self, target: &RequestTarget) -> bool {
        let rest = target.raw_path().strip_prefix(self.text.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.text.is_empty() { "/" } else { &self.text })
    }
}
