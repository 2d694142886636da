//! The dialects of front proxies, distinguished by the path of their request.

use std::fmt;

use crate::telemetry::Protocol;

/// A front proxy's protocol for forward auth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// nginx' `auth_request`, which understands only 2xx, 401 and 403.
    Nginx,
    /// Traefik's `ForwardAuth`.
    Traefik,
    /// Caddy's `forward_auth`.
    Caddy,
    /// Envoy's `ext_authz` with an HTTP service.
    Envoy,
}

impl Dialect {
    /// All dialects, with the names that paths, settings and logs use.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Nginx, Self::Nginx.as_str()),
        (Self::Traefik, Self::Traefik.as_str()),
        (Self::Caddy, Self::Caddy.as_str()),
        (Self::Envoy, Self::Envoy.as_str()),
    ];

    /// The name in paths, settings and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Traefik => "traefik",
            Self::Caddy => "caddy",
            Self::Envoy => "envoy",
        }
    }

    /// The name under which decisions are recorded.
    pub(super) const fn protocol(self) -> Protocol {
        match self {
            Self::Nginx => Protocol::Nginx,
            Self::Traefik => Protocol::Traefik,
            Self::Caddy => Protocol::Caddy,
            Self::Envoy => Protocol::EnvoyHttp,
        }
    }

    /// Whether the front proxy's file removes the client's headers under our names by pattern. A file that lists names cannot list every
    /// spelling or suffix, so Gatepost refuses a request that has one.
    pub(super) const fn removes_by_pattern(self) -> bool {
        match self {
            Self::Nginx | Self::Caddy => false,
            Self::Traefik | Self::Envoy => true,
        }
    }

    /// Whether the browser receives the answers of our own endpoints through this dialect. nginx discards everything but the status
    /// of an answer: a code would be redeemed and the session lost.
    pub(super) const fn passes_answers_on(self) -> bool {
        match self {
            Self::Nginx => false,
            Self::Traefik | Self::Caddy | Self::Envoy => true,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
