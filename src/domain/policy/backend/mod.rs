//! Backends of applications in mode `proxy`: the operator's own, and those that a user's claims may name instead.

mod allow;
mod host;
mod upstream;

use std::sync::Arc;

use thiserror::Error;

pub use allow::{AllowFault, BackendAllow};
pub use host::BackendHost;
pub use upstream::{IgnoredOverride, Upstream};

use crate::domain::http::{HostFault, Scheme, is_plain_path};

/// A server to which requests are passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    scheme: Scheme,
    host: BackendHost,
    port: u16,
    check_certificate: bool,
    authority: String,
}

/// Why an address of a backend was refused.
#[derive(Debug, Error, PartialEq, Eq, Clone, Copy)]
pub enum BackendFault {
    /// Not `http(s)://host[:port]`.
    #[error("it must have the form http://host[:port] or https://host[:port], without user, query or fragment")]
    NotAnAddress,
    /// The host part is not a host.
    #[error(transparent)]
    Host(#[from] HostFault),
    /// The path is not in canonical form.
    #[error("the path must be plain segments without escapes, dots or doubled slashes")]
    OddPath,
}

impl Backend {
    /// Parses `http(s)://host[:port][/path]` into the backend and the path, which is empty or has no final slash.
    /// `check_certificate` has an effect for https only.
    ///
    /// # Errors
    /// See [`BackendFault`].
    pub fn parse(text: &str, check_certificate: bool) -> Result<(Self, &str), BackendFault> {
        let (scheme, rest) = text.split_once("://").ok_or(BackendFault::NotAnAddress)?;
        let scheme = Scheme::parse(scheme).ok_or(BackendFault::NotAnAddress)?;
        if rest.contains(['?', '#', '@', '\\']) {
            return Err(BackendFault::NotAnAddress);
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = BackendHost::parse_with_port(authority)?;
        let path = path.strip_suffix('/').unwrap_or(path);
        if !is_plain_path(path) {
            return Err(BackendFault::OddPath);
        }
        let port = port.unwrap_or(scheme.default_port());
        let authority = authority_text(&host, Some(port).filter(|port| *port != scheme.default_port()));
        Ok((Self { scheme, host, port, check_certificate, authority }, path))
    }

    /// The scheme of the connection to the backend.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host; for https also the name that its certificate must have.
    #[must_use]
    pub const fn host(&self) -> &BackendHost {
        &self.host
    }

    /// The port; the scheme's default port if none is given.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether the certificate of an https backend is verified.
    #[must_use]
    pub const fn checks_certificate(&self) -> bool {
        self.check_certificate
    }

    /// `host` or `host:port`, without the scheme's default port: the default value of `Host` (RFC 9110 section 7.2).
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

fn authority_text(host: &BackendHost, port: Option<u16>) -> String {
    port.map_or_else(|| host.to_string(), |port| format!("{host}:{port}"))
}

/// The backend of an application, and the other backends that a user's claims may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backends {
    own: Arc<Backend>,
    allow: BackendAllow,
}

impl Backends {
    /// `own` for all users, except for those whose claims name another one that `allow` lists.
    #[must_use]
    pub fn new(own: Backend, allow: BackendAllow) -> Self {
        Self { own: Arc::new(own), allow }
    }

    /// The backend for users whose claims name no other.
    #[must_use]
    pub fn own(&self) -> &Backend {
        &self.own
    }

    /// Whether requests may be passed to `backend`.
    #[must_use]
    pub fn permits(&self, backend: &Backend) -> bool {
        *backend == *self.own || self.allow.permits(backend)
    }
}

#[cfg(test)]
mod tests;
