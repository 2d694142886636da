//! The short name of an application.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// An application's short name: letters, digits, `-` and `_`; unique in the outpost, also where case is ignored.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slug(Arc<str>);

/// Why a slug was refused.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a slug is 1 to 64 letters (a to z), digits, `-` and `_`")]
pub struct BadSlug;

impl Slug {
    /// Parses `text` as a slug.
    ///
    /// # Errors
    /// When it is empty, longer than 64 bytes or holds anything but letters, digits, `-` and `_`.
    pub fn parse(text: &str) -> Result<Self, BadSlug> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if (1..=64).contains(&text.len()) && text.bytes().all(legal) { Ok(Self(text.into())) } else { Err(BadSlug) }
    }

    /// The slug that is derived from a display name: `Team Wiki` gives `team-wiki`.
    ///
    /// # Errors
    /// When no part of the name is allowed in a slug.
    pub fn from_name(name: &str) -> Result<Self, BadSlug> {
        let parts = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
        Self::parse(&parts.collect::<Vec<_>>().join("-").to_ascii_lowercase())
    }

    /// The slug as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
