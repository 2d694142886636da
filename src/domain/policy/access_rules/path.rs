//! Paths in rules. Whether a rule is concerned with a path is asked without case and of every spelling that somebody
//! behind us may read; whether it lets the request pass, exactly and of all of them (rules N4 to N7).

use std::fmt;

use thiserror::Error;

use crate::domain::http::RequestTarget;

/// A prefix that ends at a segment boundary: `/admin` is itself and everything below it, `/` is everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPrefix {
    /// Without a final slash, so empty for everything.
    text: String,
}

/// Why a text is no prefix.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PathPrefixFault {
    /// It does not begin with a slash.
    #[error("a path begins with `/`")]
    NotAPath,
    /// Requests with this path would be refused, or be seen by another one.
    #[error("a path in a rule is plain segments without escapes, parameters, dots, doubled slashes or query")]
    NotCanonical,
}

impl PathPrefix {
    /// Reads a prefix; a final slash means nothing.
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

    /// The prefix of every path.
    pub(super) const fn everything() -> Self {
        Self { text: String::new() }
    }

    /// In lower case and without a final slash: rules with equal keys are concerned together.
    pub(super) fn key(&self) -> String {
        self.text.to_ascii_lowercase()
    }

    /// Whether the path as sent lies below this prefix, byte for byte. Where all readings lie below it but for their case,
    /// this says it of all of them.
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
