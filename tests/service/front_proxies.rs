//! The forward-auth request that each front proxy sends.

use gatepost::inbound::forward_auth::{Dialect, ForwardAuthSettings, TrustedProxies};

use super::support::{Reply, Setup};

/// The headers that a browser sends with a page load.
pub(crate) const PAGE: &str = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";

/// All dialects enabled, with this machine as a trusted proxy.
pub(crate) fn all() -> Setup {
    let dialects = Dialect::ALL.map(|(dialect, _)| dialect).to_vec();
    let trusted = TrustedProxies::new(vec!["127.0.0.1/32".parse().expect("is a network")]);
    Setup { forward_auth: Some(ForwardAuthSettings { dialects, trusted }), ..Setup::default() }
}

/// An original request: what the client sent to the front proxy.
#[derive(Clone, Copy)]
pub(crate) struct Original<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    /// The client's header lines, each with its line end.
    pub(crate) lines: &'a str,
}

pub(crate) fn page(target: &str) -> Original<'_> {
    Original { method: "GET", target, lines: PAGE }
}

/// The forward-auth request of a front proxy of this dialect about a request at wiki.example.com.
pub(crate) fn question(dialect: Dialect, original: Original<'_>) -> String {
    let Original { method, target, lines } = original;
    match dialect {
        Dialect::Nginx => format!(
            "GET /outpost.goauthentik.io/auth/nginx HTTP/1.0\r\nX-Original-URL: https://wiki.example.com{target}\r\n\
             X-Original-Method: {method}\r\nX-Forwarded-For: 192.0.2.1\r\nHost: gatepost:9000\r\nConnection: close\r\n\
             {lines}\r\n"
        ),
        Dialect::Caddy => {
            let query = target.split_once('?').map_or_else(String::new, |(_, query)| format!("?{query}"));
            format!(
                "GET /outpost.goauthentik.io/auth/caddy{query} HTTP/1.1\r\nHost: wiki.example.com\r\n{lines}\
                 X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: wiki.example.com\r\nX-Forwarded-Method: {method}\r\n\
                 X-Forwarded-Proto: https\r\nX-Forwarded-Uri: {target}\r\nConnection: close\r\n\r\n"
            )
        }
        Dialect::Traefik => traefik(original, ""),
        Dialect::Envoy => format!(
            "{method} /outpost.goauthentik.io/auth/envoy{target} HTTP/1.1\r\nhost: wiki.example.com\r\n\
             content-length: 0\r\nx-forwarded-proto: https\r\nx-forwarded-for: 192.0.2.1\r\n{lines}\
             connection: close\r\n\r\n"
        ),
    }
}

/// Traefik 2.11 and 3: the client's headers without hop-by-hop ones, then its own five; `X-Forwarded-Port`, `-Server` and
/// `X-Real-Ip` come from its entry point. The forward-auth request is a GET without a body, for every original
/// request.
pub(crate) fn traefik(original: Original<'_>, further: &str) -> String {
    let Original { method, target, lines } = original;
    format!(
        "GET /outpost.goauthentik.io/auth/traefik HTTP/1.1\r\nHost: gatepost:9000\r\nUser-Agent: Mozilla/5.0\r\n{lines}\
         X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: wiki.example.com\r\nX-Forwarded-Method: {method}\r\n\
         X-Forwarded-Port: 443\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Server: traefik-5d9\r\n\
         X-Forwarded-Uri: {target}\r\nX-Real-Ip: 192.0.2.1\r\n{further}Accept-Encoding: gzip\r\n\
         Connection: close\r\n\r\n"
    )
}

/// The number of cookies that an answer sets.
pub(crate) fn cookies(reply: &Reply) -> usize {
    reply.text.lines().filter(|line| line.to_ascii_lowercase().starts_with("set-cookie:")).count()
}
