//! The request of the budget test: as a gRPC message, and as nginx and a browser in front of Envoy send it.

use std::fmt::Write as _;

use envoy_types::pb::envoy::service::auth::v3::CheckRequest;
use prost::Message as _;

use crate::question::BROWSER;
pub(crate) use crate::question::{HOST, check};

/// The page that the browser requests.
pub(crate) const PAGE: &str = "/projects/gatepost/issues?page=2";
/// The cookies of a browser that is not signed in.
pub(crate) const COOKIES: &str = "theme=dark";

/// The cookies of a browser that is signed in.
pub(crate) fn cookies(session: &str) -> String {
    format!("{COOKIES}; __Host-gatepost-session-wiki={session}")
}

/// The request as one gRPC message on the wire: flag, length, bytes.
pub(crate) fn frame(request: &CheckRequest) -> Vec<u8> {
    message(&request.encode_to_vec())
}

/// A gRPC message on the wire.
pub(crate) fn message(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&[0], length.to_be_bytes().as_slice(), bytes].concat()
}

/// The same request over HTTP/1.1, lines ended by `\n`, as a TLS terminator in front of Envoy passes it on.
pub(crate) fn to_envoy(cookies: &str) -> String {
    over_http1(PAGE, HOST, &[("x-forwarded-proto", "https"), ("x-forwarded-for", "192.0.2.17")], cookies)
}

/// The same request as a browser sends it without TLS to this host.
pub(crate) fn of_browser(host: &str, cookies: &str) -> String {
    over_http1(PAGE, host, &[], cookies)
}

/// nginx' forward-auth request for it.
pub(crate) fn of_nginx(cookies: &str) -> String {
    let url = format!("https://{HOST}{PAGE}");
    let own = [("x-original-url", url.as_str()), ("x-original-method", "GET"), ("x-forwarded-for", "192.0.2.17")];
    over_http1("/outpost.goauthentik.io/auth/nginx", HOST, &own, cookies)
}

fn over_http1(path: &str, host: &str, own: &[(&str, &str)], cookies: &str) -> String {
    let mut text = format!("GET {path} HTTP/1.1\nhost: {host}\n");
    for (name, value) in BROWSER.iter().chain(own).chain(&[("cookie", cookies)]) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}: {value}");
    }
    text + "\n"
}
