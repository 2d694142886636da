//! Paths in rules. Whether a rule is concerned with a path is asked without case and of every spelling that somebody
//! behind us may read; whether it lets the request pass, exactly and of all of them (rules N4 to N7).

use std::fmt;

use thiserror::Error;

use crate::domain::request::RequestTarget;

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

    /// In lower case: rules with equal keys are concerned together.
    pub(super) fn key(&self) -> String {
        self.text.to_ascii_lowercase()
    }

    /// Whether every spelling of the path lies below this prefix, byte for byte.
    pub(super) fn holds(&self, target: &RequestTarget) -> bool {
        readings(target).all(|path| is_below(path.as_bytes(), self.text.as_bytes()))
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.text.is_empty() { "/" } else { &self.text })
    }
}

/// Whether the path lies below a prefix in lower case, whatever its own case.
pub(super) fn is_below_key(path: &str, key: &str) -> bool {
    let (path, key) = (path.as_bytes(), key.as_bytes());
    path.get(..key.len()).is_some_and(|start| start.eq_ignore_ascii_case(key)) && ends_at(path, key.len())
}

fn is_below(path: &[u8], prefix: &[u8]) -> bool {
    path.starts_with(prefix) && ends_at(path, prefix.len())
}

fn ends_at(path: &[u8], boundary: usize) -> bool {
    path.get(boundary).is_none_or(|next| *next == b'/')
}

/// The path as sent, as decoded, and as it would be read by somebody who takes a decoded `?` or `#` for its end.
pub(super) fn readings(target: &RequestTarget) -> impl Iterator<Item = &str> {
    let (raw, canonical) = (target.raw_path(), target.canonical_path());
    let cut = canonical.find(['?', '#']).and_then(|end| canonical.get(..end));
    [Some(raw), Some(canonical).filter(|canonical| *canonical != raw), cut].into_iter().flatten()
}

/// Whether an escape is left after decoding: who decodes twice reads a path that we have not seen.
pub(super) fn can_be_decoded_again(target: &RequestTarget) -> bool {
    let path = target.canonical_path().as_bytes();
    path.windows(3)
        .any(|three| matches!(three, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()))
}
