//! The backend of an allowed request, in the form that `envoy/proxy-mode` reads. Everything but the `Host` is sent as
//! dynamic metadata, which no client can write; without it the routes of that file answer 503 and forward nothing.

use std::iter::once;

use crate::domain::http::Scheme;
use crate::domain::policy::backend::{BackendHost, Upstream};

/// The header from which Envoy's forward proxy takes the new `Host`; its routes remove it before the backend.
const HOST: &str = "x-gatepost-backend-host";

/// The backend as the filter's dynamic metadata.
pub(super) fn metadata(upstream: &Upstream) -> impl Iterator<Item = (&'static str, String)> {
    let backend = upstream.backend();
    let protocol = match (backend.scheme(), backend.checks_certificate()) {
        (Scheme::Http, _) => "http",
        (Scheme::Https, true) => "https",
        (Scheme::Https, false) => "https_unverified",
    };
    // RFC 6066 section 3: an IP address is never sent as server name.
    let server_name = match backend.host() {
        BackendHost::Name(name) => Some(("backend_server_name", name.clone())),
        BackendHost::Address(_) => None,
    };
    let certified = match backend.host() {
        BackendHost::Name(name) => name.clone(),
        BackendHost::Address(address) => address.to_string(),
    };
    let address = [
        ("backend_protocol", protocol.to_owned()),
        ("backend_host", backend.host().to_string()),
        ("backend_port", backend.port().to_string()),
    ];
    let identity = server_name.into_iter().chain(once(("backend_certified_name", certified)));
    address.into_iter().chain(identity.filter(|_| backend.scheme() == Scheme::Https))
}

/// The backend as request headers. Only Envoy treats `:path` as a header.
pub(super) fn headers(upstream: &Upstream) -> impl Iterator<Item = (&'static str, &str)> {
    let path = upstream.path().map(|path| (":path", path));
    once((HOST, upstream.host())).chain(path)
}
