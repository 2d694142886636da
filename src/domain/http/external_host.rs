//! The address that browsers use for an application.

use thiserror::Error;

use super::{Authority, Host, HostFault, Scheme};

/// The address that browsers use for an application: scheme, host, port and path prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalHost {
    scheme: Scheme,
    authority: Authority,
    /// Empty, or `/path` without a final slash.
    path: String,
}

/// Why an external host was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ExternalHostFault {
    /// Not `https://host[:port][/path]`.
    #[error("it must have the form https://host[:port][/path], without user, query or fragment")]
    NotAnAddress,
    /// The host part is not a host.
    #[error(transparent)]
    Host(#[from] HostFault),
    /// Plain http for a host other than this machine.
    #[error("http is accepted for loopback addresses and names under `localhost` only; use https")]
    PlainHttp,
    /// The path is not in canonical form.
    #[error("the path must be plain segments without escapes, dots or doubled slashes")]
    OddPath,
}

impl ExternalHost {
    /// Parses `https://host[:port][/path]`; http is allowed for this machine only.
    ///
    /// # Errors
    /// See [`ExternalHostFault`].
    pub fn parse(text: &str) -> Result<Self, ExternalHostFault> {
        let (scheme, rest) = text.split_once("://").ok_or(ExternalHostFault::NotAnAddress)?;
        let scheme = Scheme::parse(scheme).ok_or(ExternalHostFault::NotAnAddress)?;
        if rest.contains(['?', '#', '@', '\\']) {
            return Err(ExternalHostFault::NotAnAddress);
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let authority = Authority::parse(authority)?;
        if scheme == Scheme::Http && !authority.host().is_loopback() {
            return Err(ExternalHostFault::PlainHttp);
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        if !is_plain_path(path) {
            return Err(ExternalHostFault::OddPath);
        }
        Ok(Self { scheme, authority, path: path.to_owned() })
    }

    /// The scheme that browsers use.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host without port.
    #[must_use]
    pub const fn host(&self) -> &Host {
        self.authority.host()
    }

    /// The port; the scheme's default port if none is given.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.authority.port_or_default(self.scheme)
    }

    /// The path prefix: empty, or `/path` without a final slash.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Scheme and authority: `https://wiki.example.com`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), self.authority.to_text(self.scheme))
    }

    /// The address of `suffix` (which begins with `/`) below this application.
    #[must_use]
    pub fn join(&self, suffix: &str) -> String {
        format!("{}{}{suffix}", self.origin(), self.path)
    }
}

/// Whether a path is empty, or consists of segments that every server reads alike: unreserved characters (RFC 3986
/// section 2.3), no dot at an end.
pub(in crate::domain) fn is_plain_path(path: &str) -> bool {
    let plain = |segment: &str| {
        !segment.is_empty()
            && !segment.starts_with('.')
            && !segment.ends_with('.')
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
    };
    path.split('/').skip(1).all(plain)
}
