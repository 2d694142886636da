//! Keys of forward auth over HTTP.

use crate::config::reader::Spanned;
use crate::config::section::section;
use crate::config::value::Choice;
use crate::config::value::Texts;
use crate::inbound::forward_auth::Dialect;

type Dialects = Vec<Spanned<Dialect>>;

section! {
    /// Forward auth over HTTP.
    struct ForwardAuth {
        /// The front proxies that send subrequests, each to its own path: `nginx` to `…/auth/nginx`, `traefik` (also
        /// HAProxy) to `…/auth/traefik`, `caddy` to `…/auth/caddy`, `envoy` (`ext_authz` with `http_service`) with
        /// `path_prefix` `…/auth/envoy`. All but the last can end with the slug of the application to which the front proxy gives
        /// the request (`…/auth/nginx/wiki`).
        dialects: required Dialects,
        /// Addresses or networks of the front proxies (`10.0.0.5`, `10.1.0.0/16`, `fd00::/8`). Gatepost trusts what
        /// they report about a request, so no other program may be able to connect from these addresses. A subrequest
        /// from any other address gets 403. `limits.connections.per_source` does not apply to these addresses.
        trusted_proxies: required Texts,
        /// `true`: the endpoints are also available as `/akprox/start`, `/akprox/auth`, `/akprox/sign_out` and
        /// `/akprox/callback`, as before authentik 2022.2; then no request for a path below `/akprox/` reaches an
        /// application.
        legacy_prefix: bool = "false",
    }
}

impl Choice for Dialect {
    const CHOICES: &'static [(Self, &'static str)] = &Self::ALL;
    const MEANT: &'static [(&'static str, &'static str)] = &[("haproxy", "traefik"), ("ingress-nginx", "nginx")];
}
