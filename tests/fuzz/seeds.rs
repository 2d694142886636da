//! Writes the seeds that follow from the tables of the security specification. Crash files are seeds, too, and stay:
//! `cargo test --test fuzz -- --ignored` adds and overwrites, it deletes nothing.

use std::fs;
use std::path::Path;

use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use prost::Message as _;

use crate::targets::house::{binding, joined, navigation, of_http, session_values};

const RETURN_ADDRESSES: &[&str] = &[
    "/",
    "/path/a?b=c#frag",
    "/path%20with%20space",
    "/x?next=//evil.com",
    "https://wiki.example.com/x?y=1",
    "https://other.corp.example.com/x",
    "http://demo.localhost:8080/app/x",
    "/x#//evil.com",
    "/%c3%a9",
    "/a;b=c",
    "/%252f%252fevil.com",
    "/\\evil.com",
    "//evil.com",
    "https:evil.com",
    "https:///evil.com",
    "/\t/evil.com",
    "https://evil.com\0.corp.example.com/",
    "/x\r\nSet-Cookie: a=b",
    "https://wiki.example.com%0d%0aSet-Cookie:x=1/",
    "/.//evil.com",
    "/..//evil.com",
    "/%2e%2e//evil.com",
    "https://wiki.example.com//evil.com",
    "/%2f%2fevil.com",
    "/%5C%5Cevil.com",
    "https://wiki.example.com@evil.com/",
    "https://evil.com#@wiki.example.com/",
    "https://@wiki.example.com/",
    "https://wiki.example.com.evil.com/",
    "https://evilcorp.example.com/",
    "https://wiki.example.com./x",
    "https://WIKI.example.com/x",
    "https://wiki.example.com:443/x",
    "https://wiki.example.com:8443/x",
    "https://%77iki.example.com/x",
    "https://wiki\u{3002}example\u{3002}com/x",
    "https://xn--pp-eka.corp.example.com/x",
    "https://[::1]/x",
    "javascript:alert(1)",
    "/outpost.goauthentik.io/sign_out",
    "/x/..//outpost.goauthentik.io/sign_out",
    "/app/outpost.goauthentik.io/callback",
    "/x?X-authentik-logout=true",
];

const CALLBACKS: &[&str] = &[
    "",
    "code=c",
    "state=@STATE@",
    "code=c&state=@STATE@",
    "code=c&state=@STATE@&iss=https%3A%2F%2Fsso.example.com%2F",
    "code=c&state=@STATE@&iss=https://sso.example.com/&session_state=x",
    "code=c&state=@STATE@&iss=https://sso.example.com/&X-authentik-auth-callback=true",
    "code=c&state=@STATE@&iss=https://sso.example.com",
    "code=c&state=@STATE@&iss=https%253A%252F%252Fsso.example.com%252F",
    "code=c&state=@STATE@&iss=https://sso.example.com/&iss=https://sso.example.com/",
    "code=c&code=c&state=@STATE@&iss=https://sso.example.com/",
    "code=c&%63ode=c&state=@STATE@&iss=https://sso.example.com/",
    "code=c&state=@STATE@&state=@STATE@&iss=https://sso.example.com/",
    "code=c&error=e&state=@STATE@&iss=https://sso.example.com/",
    "error=access_denied&error_description=%3Cscript%3E&state=@STATE@&iss=https://sso.example.com/",
    "error=temporarily_unavailable&state=@STATE@&iss=https://sso.example.com/",
    "error=e&error_description=a&error_description=b&state=@STATE@",
    "code=%00&state=@STATE@A&iss=",
    "code=c&state=%zz@STATE@&iss=https://sso.example.com/",
    "code=c;state=@STATE@",
    "X-authentik-logout=true&code=c&state=@STATE@",
];

const ID_TOKENS: &[&str] = &[
    "e30.e30.c2ln",
    "a.b.c.d.e",
    "e30.e30.",
    "{\"alg\":\"RS256\"}\n{\"iss\":\"https://sso.example.com/\",\"aud\":\"wiki\",\"sub\":\"s\",\"nonce\":\"@NONCE@\",\"iat\":1900000000,\"exp\":1900000300}\n{\"sub\":\"s\",\"email\":\"s@example.com\",\"iss\":\"x\",\"exp\":1}",
    "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"a\"}\n{\"iss\":\"https://sso.example.com/\",\"aud\":[\"wiki\"],\"azp\":\"wiki\",\"sub\":\"s\",\"nonce\":\"@NONCE@\",\"iat\":1900000000.5,\"exp\":1.9e9,\"nbf\":1}\n{\"sub\":\"t\"}",
    "{\"alg\":\"RS256\",\"crit\":[\"b64\"]}\n{\"iss\":\"https://sso.example.com/\"}",
    "{\"alg\":\"none\"}\n{}",
    "{\"alg\":\"RS256\"}\n{\"iss\":\"https://sso.example.com/\",\"iss\":\"x\",\"aud\":\"wiki\",\"sub\":\"s\",\"nonce\":\"@NONCE@\",\"iat\":1900000000,\"exp\":1900000300}",
    "{\"alg\":\"RS256\"}\n{\"iss\":\"https://sso.example.com/\",\"aud\":[],\"sub\":\"s\",\"nonce\":\"@NONCE@\",\"iat\":1900000000,\"exp\":1e300}",
    "{\"alg\":\"RS256\"}\n{\"iss\":\"https://sso.example.com/\",\"aud\":\"wiki\",\"sub\":\"\",\"nonce\":\"@NONCE@\",\"iat\":-1,\"exp\":9223372036854775808}",
    "{\"alg\":\"RS256\",\"typ\":\"logout+jwt\"}\n{\"events\":{}}",
    "{\"alg\":\"RS256\"}\n[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]",
];

const CONFIGS: &[&str] = &[
    "",
    "applications: []",
    "applications:\n  - name: Wiki\n    external_host: https://wiki.example.com\n    issuer: https://sso.example.com/\n    client_id: wiki\n    client_secret: ${WIKI_CLIENT_SECRET}\n",
    "applications:\n  - name: Portal\n    mode: forward_domain\n    cookie_domain: example.com\n    external_host: https://auth.example.com\n    issuer: https://sso.example.com/\n    client_id: p\n    client_secret: ${S}\n    skip_path_regex: |\n      ^/public/\n      ^/(a\n",
    "applications:\n  - name: ${S}\n    external_host: ${S}\n    issuer: ${S}\n    client_id: ${S}\n    client_secret: ${S}\n    slug: ${S}\n    mode: ${S}\n    redirect_uri: ${S}\n    cookie_domain: ${S}\n    scopes: ['${S} x']\n",
    "client_secret: ${S}\n${S}: x\nlog: {level: '${S}', format: '${S}'}\nsession: {store: '${S}', sealing_key: '${S}', absolute_lifetime: '${S}'}\nlisten: {grpc: '${S}'}\n",
    "applications: &a [*a]",
    "a: &x [b, b]\nc: &y [*x, *x]\nd: [*y, *y]",
    "applications: {name: UNSET${UNSET}}",
    "--- x\n--- y",
    "!!binary x",
    "{{{{{{{{{{{{{{{{[[[[[[[[[[[[",
    "a: 1\na: 2\n\t b: 'x",
    "shutdown: {delay: 999999999999999999999h, grace: -1s}\nlimits: {}\nprovider: {timeout: 0}",
];

fn write(target: &str, seeds: impl IntoIterator<Item = (String, Vec<u8>)>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds").join(target);
    fs::create_dir_all(&folder).unwrap();
    for (name, bytes) in seeds {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

fn numbered(texts: &[&str]) -> Vec<(String, Vec<u8>)> {
    texts.iter().enumerate().map(|(number, text)| (format!("{number:02}"), text.as_bytes().to_vec())).collect()
}

fn cookies() -> Vec<(String, Vec<u8>)> {
    let [wiki, portal] = session_values();
    let (own, other) =
        (format!("__Host-gatepost-session-wiki={wiki}"), format!("__Secure-gatepost-session-portal={portal}"));
    let parts = (0..20).map(|n| format!("__Host-gatepost-session-wiki_{n}={n}; ")).collect::<String>();
    let texts = [
        own.clone(),
        other.clone(),
        format!("a=1; {own}; b=2"),
        format!("a=1;{own};{other}; {}", binding()),
        format!("a=1\n{own}\nb=2"),
        format!("a=1,{own},b=2"),
        format!(" {own} ,; {own}"),
        format!("{own}; {own}; {own}; {own}; {own}; {own}"),
        format!("__Host-gatepost-session-wiki=junk; {own}"),
        format!("__host-gatepost-session-wiki={wiki}"),
        format!("a=\"x; {own}\"; b"),
        format!("__Secure-gatepost-session-wiki={wiki}"),
        format!("{own}x; __Host-gatepost-session-wiki; __Host-gatepost-session-wiki="),
        parts,
        "a=1; ".repeat(257),
        "; ; ,,=;=,=".to_owned(),
        String::new(),
    ];
    let mut all: Vec<_> =
        texts.iter().enumerate().map(|(n, text)| (format!("{n:02}"), text.clone().into_bytes())).collect();
    all.push(("not-utf-8".to_owned(), [b"a=\xff; ", own.as_bytes(), b"; __Host-gatepost-x=\xff\xfe; c=3"].concat()));
    all
}

fn requests() -> Vec<(String, CheckRequest)> {
    let [wiki, portal] = session_values();
    let wiki = format!("a=1; __Host-gatepost-session-wiki={wiki}; b=2");
    let portal = format!("__Secure-gatepost-session-portal={portal}");
    let page = |host: &str, path: &str| navigation(host, path, &[]);
    let spoofed: &[(&str, &[u8])] = &[
        ("cookie", wiki.as_bytes()),
        ("X-authentik-username", b"eve"),
        ("x_authentik_username", b"eve"),
        ("X.Authentik.Groups", b"admins"),
        ("x-authentik-meta-version", b"\xff"),
        ("x!authentik~uid", b"eve"),
    ];
    let changed = |change: fn(&mut HttpRequest)| {
        let mut request = page("wiki.example.com", "/public/a");
        let http = request.attributes.as_mut().and_then(|it| it.request.as_mut()).and_then(|it| it.http.as_mut());
        change(http.unwrap());
        request
    };
    let mut named = page("wiki.example.com", "/");
    named.attributes.as_mut().unwrap().context_extensions.insert("gatepost.app".to_owned(), "portal".to_owned());
    let mut all: Vec<(String, CheckRequest)> = [
        ("empty", CheckRequest::default()),
        ("no-request", CheckRequest { attributes: Some(AttributeContext::default()) }),
        (
            "no-http",
            CheckRequest {
                attributes: Some(AttributeContext { request: Some(Request::default()), ..AttributeContext::default() }),
            },
        ),
        ("empty-http", of_http(HttpRequest::default())),
        ("first-visit", page("wiki.example.com", "/x?y=1")),
        ("signed-in", navigation("wiki.example.com", "/x", spoofed)),
        ("signed-in-joined", joined("wiki.example.com", "/x", &[("cookie", &wiki), ("x-authentik-username", "eve")])),
        ("signed-in-domain", navigation("a.corp.example.com", "/x", &[("cookie", portal.as_bytes())])),
        ("another-applications-session", navigation("wiki.example.com", "/", &[("cookie", portal.as_bytes())])),
        ("public-spoofed", navigation("wiki.example.com", "/public/a", &spoofed[1..])),
        ("public-domain", page("open.corp.example.com", "/")),
        (
            "public-on-this-machine",
            changed(|http| {
                http.host = "demo.localhost:8080".to_owned();
                http.scheme = "http".to_owned();
                http.path = "/app/public/a".to_owned();
            }),
        ),
        ("plain-http", changed(|http| http.scheme = "http".to_owned())),
        ("odd-scheme", changed(|http| http.scheme = "https,http".to_owned())),
        ("odd-method", changed(|http| http.method = "get it".to_owned())),
        ("lower-case-method", changed(|http| http.method = "get".to_owned())),
        (
            "preflight",
            changed(|http| {
                http.method = "OPTIONS".to_owned();
                http.host = "auth.corp.example.com".to_owned();
                let line = HeaderValue {
                    key: "access-control-request-method".to_owned(),
                    value: "PUT".to_owned(),
                    raw_value: Vec::new(),
                };
                http.header_map = Some(HeaderMap { headers: vec![line] });
            }),
        ),
        ("two-hosts", navigation("wiki.example.com", "/", &[("host", b"evil.test")])),
        ("unknown-application", named),
        ("start", page("wiki.example.com", "/outpost.goauthentik.io/start?rd=%2F%2Fevil.test")),
        ("callback", page("wiki.example.com", "/outpost.goauthentik.io/callback?code=c&state=s")),
        (
            "sign-out",
            navigation(
                "wiki.example.com",
                "/outpost.goauthentik.io/sign_out",
                &[("cookie", wiki.as_bytes()), ("sec-fetch-site", b"none"), ("sec-fetch-mode", b"navigate")],
            ),
        ),
        (
            "sign-out-elsewhere",
            navigation("wiki.example.com", "/x?X-authentik-logout=true", &[("cookie", wiki.as_bytes())]),
        ),
        ("ping", page("nobody", "/outpost.goauthentik.io/ping")),
    ]
    .into_iter()
    .map(|(name, request)| (name.to_owned(), request))
    .collect();
    let hosts = [
        "WIKI.example.com:443",
        "wiki.example.com:8443",
        "wiki.example.com.",
        "wiki.example.com@evil.test",
        "wiki.example.com,evil.test",
        "evilwiki.example.com",
        "[::1]",
        "",
        "corp.example.com",
        "xn--pp-eka.corp.example.com",
    ];
    all.extend(hosts.iter().enumerate().map(|(n, host)| (format!("host-{n:02}"), page(host, "/"))));
    let paths = [
        "/public",
        "/publicity",
        "//public/a",
        "/public;x/a",
        "/public/a%23x",
        "/public/%252e%252e/admin",
        "/public/../admin",
        "/public/%2e%2e/admin",
        "/public/..;x/admin",
        "/public/%2fadmin",
        "/public/..\\admin",
        "/public/a%00",
        "/public/%zz",
        "/public/a#x",
        "/public/a?x=/../admin",
        "/public/%c0%ae",
        "*",
        "",
        "https://wiki.example.com/public/a",
        "/public/.%2e/admin",
        "/x?u=/public/a",
    ];
    all.extend(paths.iter().enumerate().map(|(n, path)| (format!("path-{n:02}"), page("wiki.example.com", path))));
    all
}

#[test]
#[ignore = "writes the seeds"]
fn write_the_seeds() {
    write("return_address", numbered(RETURN_ADDRESSES));
    write("callback_query", numbered(CALLBACKS));
    write("id_token", numbered(ID_TOKENS));
    write("config_file", numbered(CONFIGS));
    write("cookie_header", cookies());
    write("check_request", requests().into_iter().map(|(name, request)| (name, request.encode_to_vec())));
    let truncated = requests().into_iter().find(|(name, _)| name == "signed-in").map(|(_, it)| it.encode_to_vec());
    write("check_request", [("truncated".to_owned(), truncated.unwrap()[..100].to_vec())]);
}
