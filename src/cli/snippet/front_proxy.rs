//! The front proxies for which snippets exist.

use std::str::FromStr;

use thiserror::Error;

/// A front proxy, selected by its name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrontProxy {
    /// A file for nginx' `http` block.
    Nginx,
    /// A file for Traefik's file provider.
    Traefik,
    /// A Caddyfile.
    Caddy,
    /// `haproxy.cfg`.
    Haproxy,
    /// The Lua script that `haproxy.cfg` loads.
    HaproxyScript,
    /// `envoy.yaml`.
    Envoy,
    /// Mesh settings and an `AuthorizationPolicy`.
    Istio,
    /// `SecurityPolicy` resources.
    EnvoyGateway,
}

/// The name is not one of [`FrontProxy::ALL`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("known front proxies: {}", FrontProxy::ALL.map(|(_, name)| name).join(", "))]
pub struct UnknownFrontProxy;

impl FrontProxy {
    /// All of them, with their names.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Nginx, "nginx"),
        (Self::Traefik, "traefik"),
        (Self::Caddy, "caddy"),
        (Self::Haproxy, "haproxy"),
        (Self::HaproxyScript, "haproxy-script"),
        (Self::Envoy, "envoy"),
        (Self::Istio, "istio"),
        (Self::EnvoyGateway, "envoy-gateway"),
    ];

    /// Whether applications in mode `proxy` need no lines of their own: Envoy receives their backends from Gatepost, and the
    /// script does not depend on applications.
    pub(super) const fn takes_backends(self) -> bool {
        matches!(self, Self::Envoy | Self::HaproxyScript)
    }

    /// The dialect of its forward-auth requests, when its snippet uses HTTP.
    pub(in crate::cli) const fn dialect(self) -> Option<&'static str> {
        match self {
            Self::Nginx => Some("nginx"),
            Self::Caddy => Some("caddy"),
            Self::Traefik | Self::Haproxy => Some("traefik"),
            Self::HaproxyScript | Self::Envoy | Self::Istio | Self::EnvoyGateway => None,
        }
    }
}

impl FromStr for FrontProxy {
    type Err = UnknownFrontProxy;

    fn from_str(text: &str) -> Result<Self, UnknownFrontProxy> {
        let found = Self::ALL.iter().find(|(_, name)| *name == text);
        found.map(|(front_proxy, _)| *front_proxy).ok_or(UnknownFrontProxy)
    }
}
