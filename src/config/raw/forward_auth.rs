//! Keys of forward auth over HTTP.

use crate::config::reader::Spanned;
use crate::config::section::section;
use crate::config::value::Choice;
use crate::config::value::Texts;
use crate::inbound::forward_auth::Dialect;

type Dialects = Vec<Spanned<Dialect>>;

section! {
    /// Front proxies that ask over HTTP.
    struct ForwardAuth {
        /// The kinds of front proxy that ask: `nginx` at `…/auth/nginx`, `traefik` at `…/auth/traefik`, `caddy` at
        /// `…/auth/caddy`, `envoy` (its HTTP `ext_authz` service) with `…/auth/envoy` as path prefix.
        dialects: required Dialects,
        /// Addresses or networks (`10.0.0.5`, `10.1.0.0/16`, `fd00::/8`) of the front proxies. What they say about a request is
        /// believed, so nobody else may be able to connect from there; all others get 403. `limits.connections.per_source`
        /// does not count their connections.
        trusted_proxies: required Texts,
        /// Whether `/akprox/start`, `/auth`, `/sign_out` and `/callback` are the same endpoints, as before authentik 2022.2.
        /// Nothing below `/akprox/` reaches an application then, whoever asks.
        legacy_prefix: bool = "false",
    }
}

impl Choice for Dialect {
    const CHOICES: &'static [(Self, &'static str)] = &Self::ALL;
}
