//! How every dialect reads the original request: when it is complete, and in every way in which it is not (N-1, H-4–H-8).

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;
use crate::domain::http::RequestHead;

type Line = (&'static str, &'static str);
type Row = (&'static str, Vec<Line>, Fault);

const NGINX: &[Line] = &[("x-original-url", "https://wiki.example.com/x?y=1"), ("x-original-method", "GET")];
const FORWARDED: &[Line] = &[
    ("x-forwarded-method", "GET"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "wiki.example.com"),
    ("x-forwarded-uri", "/x?y=1"),
];
const ENVOY: &[Line] = &[("host", "wiki.example.com"), ("x-forwarded-proto", "https")];

fn headers(lines: &[Line]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("is a value");
        map.append(HeaderName::from_bytes(name.as_bytes()).expect("is a name"), value);
    }
    map
}

/// The lines by which a dialect describes a request for `https://wiki.example.com/x?y=1`.
const fn own_lines(dialect: Dialect) -> &'static [Line] {
    match dialect {
        Dialect::Nginx => NGINX,
        Dialect::Traefik | Dialect::Caddy => FORWARDED,
        Dialect::Envoy => ENVOY,
    }
}

fn read(dialect: Dialect, headers: &HeaderMap) -> Result<RequestHead, Fault> {
    match dialect {
        Dialect::Nginx => nginx::read(headers, None),
        Dialect::Traefik | Dialect::Caddy => traefik_and_caddy::read(headers, None),
        Dialect::Envoy => envoy::read(&http::Method::GET, headers, "/x?y=1", None),
    }
}

/// The dialect's own lines except those with the name `without`, followed by further ones.
fn changed(own: &[Line], without: &str, further: &[Line]) -> Vec<Line> {
    own.iter().filter(|(name, _)| *name != without).chain(further).copied().collect()
}

fn assert_faults(dialect: Dialect, rows: Vec<Row>) {
    for (what, lines, expected) in rows {
        assert_eq!(read(dialect, &headers(&lines)).err(), Some(expected), "{dialect}: {what}");
    }
}

#[test]
fn each_dialect_tells_the_same_request() {
    for (dialect, own) in Dialect::ALL.map(|(dialect, _)| (dialect, own_lines(dialect))) {
        let client = [("cookie", "a=1"), ("cookie", "b=2"), ("accept", "text/html"), ("x-request-id", "r-1")];
        let mut lines =
            headers(&[own, &client, &[("x-forwarded-for", "192.0.2.1"), ("forwarded", "host=evil.test")]].concat());
        // `Host` has a meaning in the Envoy dialect only.
        lines.entry("host").or_insert(HeaderValue::from_static("gatepost:9000"));
        let head = read(dialect, &lines).expect("is whole");
        assert_eq!((head.method.as_str(), head.target.raw()), ("GET", "/x?y=1"), "{dialect}");
        assert_eq!(head.scheme.map(crate::domain::http::Scheme::as_str), Some("https"), "{dialect}");
        assert_eq!(head.authority.host().as_str(), "wiki.example.com", "{dialect}");
        assert_eq!(head.request_id.as_deref(), Some("r-1"));
        let mut names: Vec<&str> = head.headers.names().collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "cookie", "cookie", "forwarded", "x-request-id"], "{dialect}: the client's lines");
    }
}

#[test]
fn n1_a_12_a_13_a_39_nginx_names_one_address_and_nobody_contradicts() {
    use crate::domain::http::{HostFault, TargetFault};
    let url = |value: &'static str| changed(NGINX, "x-original-url", &[("x-original-url", value)]);
    let also = |line: Line| changed(NGINX, "", &[line]);
    assert_faults(
        Dialect::Nginx,
        vec![
            ("no address", changed(NGINX, "x-original-url", &[]), Fault::Missing("x-original-url")),
            ("only other dialects' headers", FORWARDED.to_vec(), Fault::Missing("x-original-url")),
            ("two addresses", also(NGINX[0]), Fault::Doubled("x-original-url")),
            (
                "another path",
                also(("x-original-uri", "/outpost.goauthentik.io/x")),
                Fault::Contradiction("x-original-uri"),
            ),
            ("another path", also(("x-forwarded-uri", "/public/a")), Fault::Contradiction("x-forwarded-uri")),
            ("an alias", also(("x_original_url", "https://wiki.example.com/x?y=1")), Fault::Alias("x-original-url")),
            ("an alias", also(("x.original-method", "GET")), Fault::Alias("x-original-method")),
            ("an alias", also(("x_forwarded_for", "1.1.1.1")), Fault::Alias("x-forwarded-for")),
            ("two methods", also(("x-original-method", "GET")), Fault::Doubled("x-original-method")),
            ("no method", changed(NGINX, "x-original-method", &[("x-original-method", "GET, PUT")]), Fault::Method),
            (
                "two credentials",
                [NGINX, &[("authorization", "a"), ("authorization", "b")]].concat(),
                Fault::Doubled("authorization"),
            ),
            ("empty", url(""), Fault::NotAbsolute),
            ("only a path", url("/x"), Fault::NotAbsolute),
            ("no path", url("https://wiki.example.com"), Fault::NotAbsolute),
            ("no path", url("https://wiki.example.com?x=/"), Fault::Host(HostFault::NotAName)),
            ("another scheme", url("ftp://wiki.example.com/x"), Fault::Scheme),
            ("another spelling of the scheme", url("HTTPS://wiki.example.com/x"), Fault::Scheme),
            ("white space", url(" https://wiki.example.com/x"), Fault::Scheme),
            ("no host", url("https:///x"), Fault::Host(HostFault::Empty)),
            ("a user", url("https://wiki.example.com@evil.test/x"), Fault::Host(HostFault::NotAName)),
            ("a backslash", url("https://wiki.example.com\\@evil.test/x"), Fault::Host(HostFault::NotAName)),
            (
                "two addresses in one",
                url("https://wiki.example.com/x, https://evil.test/"),
                Fault::Target(TargetFault::BadByte),
            ),
            ("dots", url("https://wiki.example.com/public/../x"), Fault::Target(TargetFault::DotSegment)),
        ],
    );
    let mut bytes = headers(&NGINX[1..]);
    bytes.insert("x-original-url", HeaderValue::from_bytes(b"https://wiki.example.com/x?\xff").expect("is a value"));
    assert_eq!(read(Dialect::Nginx, &bytes).err(), Some(Fault::NotText("x-original-url")));
    let agreeing = changed(NGINX, "", &[("x-original-uri", "/x?y=1"), ("x-forwarded-uri", "/x?y=1")]);
    assert!(read(Dialect::Nginx, &headers(&agreeing)).is_ok(), "who says the same does not contradict");
}

#[test]
fn without_a_method_nginx_asks_about_no_page_load() {
    use crate::domain::http::{ClientKind, is_token};
    for client in
        [[("sec-fetch-mode", "navigate")], [("accept", "text/html")], [("access-control-request-method", "PUT")]]
    {
        let lines = [&NGINX[..1], &client].concat();
        let head = read(Dialect::Nginx, &headers(&lines)).expect("is whole");
        assert_eq!(head.client_kind(), ClientKind::Script);
        assert!(!is_token(&head.method), "no rule for a method can name {}", head.method);
    }
}

#[test]
fn n1_a_12_a_16_a_17_traefik_and_caddy_name_all_four_parts_once() {
    use crate::domain::http::{HostFault, TargetFault};
    let other = |name: &'static str, value: &'static str| changed(FORWARDED, name, &[(name, value)]);
    let also = |line: Line| changed(FORWARDED, "", &[line]);
    let mut rows: Vec<Row> = vec![
        (
            "two hosts in one",
            other("x-forwarded-host", "wiki.example.com, evil.test"),
            Fault::Host(HostFault::NotAName),
        ),
        ("no host", other("x-forwarded-host", ""), Fault::Host(HostFault::Empty)),
        ("two schemes in one", other("x-forwarded-proto", "https,http"), Fault::Scheme),
        ("another spelling", other("x-forwarded-proto", "HTTPS"), Fault::Scheme),
        ("another scheme", other("x-forwarded-proto", "wss"), Fault::Scheme),
        ("two methods in one", other("x-forwarded-method", "GET, PUT"), Fault::Method),
        ("no method", other("x-forwarded-method", ""), Fault::Method),
        ("no path", other("x-forwarded-uri", ""), Fault::Target(TargetFault::NotAPath)),
        (
            "an absolute address",
            other("x-forwarded-uri", "https://wiki.example.com/x"),
            Fault::Target(TargetFault::NotAPath),
        ),
        (
            "another address",
            also(("x-original-url", "https://wiki.example.com/public/a")),
            Fault::Contradiction("x-original-url"),
        ),
        (
            "another scheme",
            also(("x-original-url", "http://wiki.example.com/x?y=1")),
            Fault::Contradiction("x-original-url"),
        ),
        ("another path", also(("x-original-uri", "/public/a")), Fault::Contradiction("x-original-uri")),
        ("an alias", also(("x_forwarded_proto", "http")), Fault::Alias("x-forwarded-proto")),
        ("an alias", also(("x.forwarded.uri", "/x?y=1")), Fault::Alias("x-forwarded-uri")),
        ("an alias", also(("x-forwarded_host", "evil.test")), Fault::Alias("x-forwarded-host")),
    ];
    for line @ (name, _) in FORWARDED {
        rows.push(("missing", changed(FORWARDED, name, &[]), Fault::Missing(name)));
        rows.push(("doubled", also(*line), Fault::Doubled(name)));
    }
    for dialect in [Dialect::Traefik, Dialect::Caddy] {
        assert_faults(dialect, rows.clone());
    }
    let agreeing = also(("x-original-url", "https://wiki.example.com/x?y=1"));
    assert!(read(Dialect::Traefik, &headers(&agreeing)).is_ok(), "who says the same does not contradict");
}

#[test]
fn envoys_question_is_the_request_itself() {
    use crate::domain::http::HostFault;
    assert_faults(
        Dialect::Envoy,
        vec![
            ("no host", changed(ENVOY, "host", &[]), Fault::Missing("host")),
            ("two hosts", changed(ENVOY, "", &[ENVOY[0]]), Fault::Doubled("host")),
            (
                "two hosts in one",
                changed(ENVOY, "host", &[("host", "a.test,b.test")]),
                Fault::Host(HostFault::NotAName),
            ),
            ("two schemes", changed(ENVOY, "", &[ENVOY[1]]), Fault::Doubled("x-forwarded-proto")),
            (
                "two schemes in one",
                changed(ENVOY, "x-forwarded-proto", &[("x-forwarded-proto", "https,http")]),
                Fault::Scheme,
            ),
            ("an alias", changed(ENVOY, "", &[("x_forwarded_proto", "http")]), Fault::Alias("x-forwarded-proto")),
        ],
    );
    let ask = |rest| envoy::read(&http::Method::POST, &headers(ENVOY), rest, None);
    for (rest, expected) in [("", "/"), ("/", "/"), ("?x=1", "/?x=1"), ("/a?x", "/a?x"), ("//a", "//a")] {
        assert_eq!(ask(rest).expect("is whole").target.raw(), expected, "{rest}");
    }
    assert!(ask("x").is_err(), "a path prefix that is none");
    assert_eq!(ask("/").expect("is whole").method, "POST");
    let without_scheme = envoy::read(&http::Method::GET, &headers(&ENVOY[..1]), "/", None).expect("is whole");
    assert_eq!(without_scheme.scheme, None, "the application's own");
    let forwarded =
        headers(&[ENVOY, &[("x-forwarded-uri", "/public/a"), ("x-original-url", "https://evil.test/")]].concat());
    let head = read(Dialect::Envoy, &forwarded).expect("is whole");
    assert_eq!(head.target.raw(), "/x?y=1", "nobody else says what the path is");
}

proptest! {
    /// H-7: with any additional header, the request is refused or read as the front proxy's own lines describe it.
    #[test]
    fn nobody_but_the_front_proxy_moves_the_address(
        name in "[xX][-_.](forwarded|original|rewrite|real)[-_.](url|uri|host|proto|method|port|prefix|path|ip)|forwarded",
        value in "(https://evil\\.test)?/[a-z/.%0-9]{0,12}|[a-z.]{0,8}",
    ) {
        for (dialect, own) in Dialect::ALL.map(|(dialect, _)| (dialect, own_lines(dialect))) {
            let mut lines = headers(own);
            let before = lines.len();
            lines.append(HeaderName::from_bytes(name.as_bytes()).expect("is a name"), HeaderValue::try_from(&value).expect("is a value"));
            prop_assert_eq!(lines.len(), before + 1);
            if let Ok(head) = read(dialect, &lines) {
                prop_assert_eq!(head.target.raw(), "/x?y=1");
                prop_assert_eq!(head.authority.host().as_str(), "wiki.example.com");
                prop_assert_eq!(head.scheme.map(crate::domain::http::Scheme::as_str), Some("https"));
            }
        }
    }
}
