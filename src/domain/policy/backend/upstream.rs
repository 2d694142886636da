//! The upstream of a request: the application's own backend, or the one that the user's claims name, with the `Host`
//! and the path that they request (authentik's `ak_proxy`).

use std::sync::Arc;

use serde_json::Value;
use thiserror::Error;

use super::{Backend, BackendFault, BackendHost, Backends, authority_text};
use crate::domain::http::{HostFault, RequestTarget};
use crate::domain::oidc::claims::Claims;

/// The upstream of a request. Only an [`Allow`](crate::domain::decision::Allow) in mode `proxy` has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    backend: Arc<Backend>,
    host: Option<String>,
    path: Option<String>,
}

/// Why a claim about the backend is ignored.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum IgnoredOverride {
    /// The claim names a backend, but `backend_allow` is empty.
    #[error("`ak_proxy.backend_override` has no effect while `backend_allow` is empty")]
    Off,
    /// The claim names a backend that is not listed.
    #[error("`ak_proxy.backend_override` names {0}, which `backend_allow` does not list")]
    NotListed(String),
    /// The claim is not a valid backend.
    #[error("`ak_proxy.backend_override` is not valid: {0}")]
    Override(BackendFault),
    /// The claim is not a valid `Host`.
    #[error("`ak_proxy.host_header` is not valid: {0}")]
    HostHeader(HostFault),
}

/// The parts of the claims about the backend that take effect.
#[derive(Default)]
struct BackendOverride {
    backend: Option<(Arc<Backend>, String)>,
    host: Option<String>,
}

impl Upstream {
    /// The upstream of a request for `target`.
    pub(in crate::domain) fn of(backends: &Backends, claims: Option<&Claims>, target: &RequestTarget) -> Self {
        let overrides = claims.map(|claims| backends.overrides(claims, |_| {})).unwrap_or_default();
        let (backend, prefix) = overrides.backend.unwrap_or_else(|| (Arc::clone(&backends.own), String::new()));
        let path = (!prefix.is_empty()).then(|| prefix + target.raw());
        Self { backend, host: overrides.host, path }
    }

    /// The backend.
    #[must_use]
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// The value of the `Host` header.
    #[must_use]
    pub fn host(&self) -> &str {
        self.host.as_deref().unwrap_or_else(|| self.backend.authority())
    }

    /// The path and query of the upstream request, if they differ from those of the client's.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }
}

impl Backends {
    /// The claims about the backend that are ignored, for the log or a diagnostic.
    #[must_use]
    pub fn ignored_overrides(&self, claims: &Claims) -> Vec<IgnoredOverride> {
        let mut ignored_overrides = Vec::new();
        self.overrides(claims, |cause| ignored_overrides.push(cause));
        ignored_overrides
    }

    fn overrides(&self, claims: &Claims, mut report: impl FnMut(IgnoredOverride)) -> BackendOverride {
        let Some(ak_proxy) = claims.value("ak_proxy") else { return BackendOverride::default() };
        let text = |name: &str| ak_proxy.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let backend = text("backend_override").map(|text| self.overridden(text));
        let host = text("host_header").map(host_header);
        BackendOverride {
            backend: backend.and_then(|judged| judged.map_err(&mut report).ok()),
            host: host.and_then(|judged| judged.map_err(&mut report).ok()),
        }
    }

    fn overridden(&self, text: &str) -> Result<(Arc<Backend>, String), IgnoredOverride> {
        if self.allow.is_empty() {
            return Err(IgnoredOverride::Off);
        }
        let (backend, prefix) =
            Backend::parse(text, self.own.checks_certificate()).map_err(IgnoredOverride::Override)?;
        if self.permits(&backend) {
            Ok((Arc::new(backend), prefix.to_owned()))
        } else {
            Err(IgnoredOverride::NotListed(authority_text(backend.host(), Some(backend.port()))))
        }
    }
}

fn host_header(text: &str) -> Result<String, IgnoredOverride> {
    let (host, port) = BackendHost::parse_with_port(text).map_err(IgnoredOverride::HostHeader)?;
    Ok(authority_text(&host, port))
}
