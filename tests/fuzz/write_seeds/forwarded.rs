//! Front proxies' requests, valid and malformed.

use crate::targets::test_outpost::session_values;

const TRAEFIK: &str = "GET /outpost.goauthentik.io/auth/traefik";
const CADDY: &str = "GET /outpost.goauthentik.io/auth/caddy?x=/public/a";
const START: &str = "GET /outpost.goauthentik.io/start";
const HOST: &str = "host: wiki.example.com";
const PAGE: &str = "accept: text/html";

type Row = (&'static str, String);

pub(super) fn questions() -> Vec<(String, Vec<u8>)> {
    let [wiki, portal, files] = session_values();
    let wiki = format!("cookie: a=1; __Host-gatepost-session-wiki={wiki}; b=2");
    let portal = format!("cookie: __Secure-gatepost-session-portal={portal}");
    let files = format!("cookie: __Host-gatepost-session-files={files}");
    let rows = of_nginx(&wiki).into_iter().chain(of_forwarded(&wiki, &portal)).chain(of_envoy(&wiki, &files));
    rows.map(|(name, text)| (name.to_owned(), text.into_bytes())).collect()
}

fn of_nginx(wiki: &str) -> Vec<Row> {
    let bare = "GET /outpost.goauthentik.io/auth?nginx\nx-original-url: http://demo.localhost:8080/app/public/a";
    let callback = "https://wiki.example.com/outpost.goauthentik.io/callback?code=c&state=s";
    let alias = "x_original_url: https://wiki.example.com/public/a";
    vec![
        ("nginx-nobody", nginx("https://wiki.example.com/x?a=1&b=2", &[PAGE])),
        ("nginx-signed-in", nginx("https://wiki.example.com/x", &[PAGE, wiki, "x-authentik-username: eve"])),
        ("nginx-public", nginx("https://wiki.example.com/public/a", &["authorization: Token abc"])),
        ("nginx-another-path", nginx("https://wiki.example.com/x", &["x-original-uri: /public/a"])),
        ("nginx-alias", nginx("https://wiki.example.com/x", &[alias])),
        ("nginx-callback", nginx(callback, &[wiki])),
        ("nginx-user", nginx("https://wiki.example.com@evil.test/public/a", &[])),
        ("nginx-bare", bare.to_owned()),
        ("nginx-hop", hop("", "https://wiki.example.com/x?a=1&b=2")),
        ("nginx-hop-with-rd", hop("?rd=/x", "https://wiki.example.com/y")),
        ("nginx-hop-elsewhere", hop("", "https://evil.test/y")),
    ]
}

fn of_forwarded(wiki: &str, portal: &str) -> Vec<Row> {
    let sign_out = [wiki, "sec-fetch-site: none", PAGE];
    vec![
        ("traefik-nobody", forwarded(TRAEFIK, "wiki.example.com", "/x?a=1", &[PAGE, "host: gatepost:9000"])),
        ("traefik-domain", forwarded(TRAEFIK, "a.corp.example.com", "/x", &[PAGE, portal])),
        ("traefik-public-domain", forwarded(TRAEFIK, "open.corp.example.com", "/", &["x-forwarded-port: abc"])),
        ("traefik-two-hosts", forwarded(TRAEFIK, "wiki.example.com, evil.test", "/public/a", &[])),
        ("traefik-doubled", forwarded(TRAEFIK, "wiki.example.com", "/x", &["x-forwarded-uri: /public/a"])),
        ("traefik-missing", format!("{TRAEFIK}\nx-forwarded-host: wiki.example.com\nx-forwarded-uri: /public/a")),
        ("caddy-signed-in", forwarded(CADDY, "wiki.example.com", "/x?x=/public/a", &[wiki, HOST])),
        ("caddy-forbidden", forwarded(CADDY, "wiki.example.com", "/%61dmin", &[wiki])),
        ("caddy-sign-out", forwarded(CADDY, "wiki.example.com", "/?X-authentik-logout=true", &sign_out)),
        ("caddy-dots", forwarded(CADDY, "wiki.example.com", "/public/%2e%2e/x", &[])),
    ]
}

fn of_envoy(wiki: &str, files: &str) -> Vec<Row> {
    let preflight = ["host: a.corp.example.com", "access-control-request-method: PUT"];
    vec![
        ("envoy-nobody", envoy("GET", "/x?a=1", &[HOST, PAGE])),
        ("envoy-public", envoy("POST", "/public/a", &[HOST, "x-forwarded-proto: https"])),
        ("envoy-plain-http", envoy("GET", "/public/a", &[HOST, "x-forwarded-proto: http"])),
        ("envoy-preflight", envoy("OPTIONS", "/x", &preflight)),
        ("envoy-empty", envoy("GET", "", &[HOST, wiki])),
        ("envoy-mode-proxy", envoy("GET", "/x", &["host: files.example.com", files])),
        ("envoy-beside", envoy("GET", "x/public/a", &[HOST])),
        ("ping", format!("GET /outpost.goauthentik.io/ping\n{HOST}")),
    ]
}

fn nginx(url: &str, lines: &[&str]) -> String {
    let url = format!("x-original-url: {url}");
    [&["GET /outpost.goauthentik.io/auth/nginx", &url, "x-original-method: GET"], lines].concat().join("\n")
}

fn hop(query: &str, url: &str) -> String {
    format!("{START}{query}\n{HOST}\nx-original-url: {url}\n{PAGE}")
}

fn forwarded(first: &str, host: &str, uri: &str, lines: &[&str]) -> String {
    let (host, uri) = (format!("x-forwarded-host: {host}"), format!("x-forwarded-uri: {uri}"));
    let own = [first, "x-forwarded-method: GET", "x-forwarded-proto: https", &host, &uri];
    [&own, lines].concat().join("\n")
}

fn envoy(method: &str, rest: &str, lines: &[&str]) -> String {
    let first = format!("{method} /outpost.goauthentik.io/auth/envoy{rest}");
    [&[first.as_str()], lines].concat().join("\n")
}
