//! Tables of backends that may and may not be named; properties over every possible value of the claim.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::application::{Application, Mode};
use crate::domain::http::RequestTarget;
use crate::domain::oidc::claims::Claims;
use crate::testing::application;

fn backend(text: &str) -> Backend {
    Backend::parse(text, true).expect("is a backend").0
}

fn backends(own: &str, allow: &[&str]) -> Backends {
    Backends::new(backend(own), BackendAllow::parse(allow).expect("is a list"))
}

fn claims(ak_proxy: &Value) -> Claims {
    let Value::Object(members) = json!({ "sub": "alice", "ak_proxy": ak_proxy }) else { panic!("is an object") };
    Claims::new(members)
}

fn upstream(backends: &Backends, ak_proxy: &Value, target: &str) -> Upstream {
    let application = Application { mode: Mode::Proxy(backends.clone()), ..application("https://app.example.com") };
    let target = RequestTarget::parse(target.to_owned()).expect("is a target");
    application.upstream(Some(&claims(ak_proxy)), &target).expect("is in mode proxy")
}

/// The origin to which a request is sent, for a user with this override.
fn asked(allow: &[&str], backend_override: &str) -> String {
    let upstream =
        upstream(&backends("http://own.internal", allow), &json!({ "backend_override": backend_override }), "/");
    format!("{}://{}", upstream.backend().scheme().as_str(), upstream.backend().authority())
}

#[test]
fn an_address_of_a_backend_is_plain() {
    for (text, authority, path) in [
        ("http://wiki.internal", "wiki.internal", ""),
        ("http://wiki.internal:80/", "wiki.internal", ""),
        ("https://WIKI.internal:443", "wiki.internal", ""),
        ("https://wiki.internal:8443/a/b/", "wiki.internal:8443", "/a/b"),
        ("http://my_app:3000", "my_app:3000", ""),
        ("http://10.0.0.1", "10.0.0.1", ""),
        ("http://[FD00:0::1]:8080", "[fd00::1]:8080", ""),
        ("http://[::ffff:10.0.0.1]", "10.0.0.1", ""),
    ] {
        let (backend, rest) = Backend::parse(text, true).expect(text);
        assert_eq!((backend.authority(), rest), (authority, path), "{text}");
    }
    for text in [
        "",
        "wiki.internal",
        "ftp://wiki.internal",
        "HTTP://wiki.internal",
        "unix:///run/wiki.sock",
        "http://",
        "http://wiki.internal:0",
        "http://wiki.internal:080",
        "http://wiki.internal:65536",
        "http://wiki.internal.",
        "http://wiki..internal",
        "http://user@wiki.internal",
        "http://wiki.internal?x",
        "http://wiki.internal#x",
        "http://wiki.internal\\@other.internal",
        "http://wiki.internal//a",
        "http://wiki.internal/../a",
        "http://wiki.internal/a/.",
        "http://wiki.internal/a%2fb",
        "http://wiki.internal/a b",
        "http://wiki.internal/é",
        "http://wiki.internal\r\nx: y",
        "http://wïki.internal",
        "http://127.1",
        "http://2130706433",
        "http://0x7f.0.0.1",
        "http://0x7f000001",
        "http://0177.0.0.1",
        "http://::1",
        "http://[::1",
        "http://[fe80::1%25eth0]",
        "http://[1.2.3.4]",
    ] {
        assert!(Backend::parse(text, true).is_err(), "{text}");
    }
}

#[test]
fn names_are_opened_by_hosts_and_suffixes() {
    for (allow, text, permitted) in [
        ("wiki.internal", "http://wiki.internal", true),
        ("WIKI.internal", "https://wiki.INTERNAL:8443", true),
        ("wiki.internal:8443", "https://wiki.internal:8443", true),
        ("wiki.internal:8443", "https://wiki.internal", false),
        ("wiki.internal:443", "https://wiki.internal", true),
        ("wiki.internal", "http://a.wiki.internal", false),
        ("wiki.internal", "http://xwiki.internal", false),
        (".apps.internal", "http://a.apps.internal:3000", true),
        ("*.apps.internal", "http://a.b.apps.internal", true),
        (".apps.internal", "http://apps.internal", false),
        (".apps.internal", "http://evilapps.internal", false),
        (".apps.internal", "http://a.apps.internal.evil.test", false),
        (".internal", "http://localhost", false),
        ("localhost", "http://localhost:3000", true),
        ("wiki.localhost", "http://wiki.localhost", true),
        ("localhost", "http://wiki.localhost", false),
        ("localhost", "http://127.0.0.1", false),
        ("10.0.0.0/8", "http://ten.internal", false),
        ("0.0.0.0/0", "http://localhost", false),
    ] {
        let allow_list = BackendAllow::parse(&[allow]).expect(allow);
        assert_eq!(allow_list.permits(&backend(text)), permitted, "{allow}: {text}");
    }
}

#[test]
fn addresses_are_opened_by_networks_that_are_meant_for_them() {
    for (allow, address, permitted) in [
        ("10.0.0.0/8", "10.1.2.3", true),
        ("10.0.0.0/8", "11.1.2.3", false),
        ("10.0.0.0/8", "[::ffff:10.1.2.3]", true),
        ("fd00::/8", "[fd12::1]", true),
        ("10.1.2.3/32", "10.1.2.3:8080", true),
        ("10.1.2.3", "10.1.2.3:8080", true),
        ("10.1.2.3:80", "10.1.2.3:8080", false),
        ("0.0.0.0/0", "203.0.113.1", true),
        ("0.0.0.0/0", "127.0.0.1", false),
        ("0.0.0.0/0", "127.9.9.9", false),
        ("0.0.0.0/0", "[::ffff:127.0.0.1]", false),
        ("0.0.0.0/0", "0.0.0.0", false),
        ("0.0.0.0/0", "169.254.169.254", false),
        ("0.0.0.0/0", "224.0.0.1", false),
        ("0.0.0.0/0", "255.255.255.255", false),
        ("96.0.0.0/3", "127.0.0.1", false),
        ("127.0.0.0/8", "127.0.0.1", true),
        ("127.0.0.1/32", "127.0.0.1", true),
        ("127.0.0.1/32", "127.0.0.2", false),
        ("127.0.0.1:8080", "127.0.0.1:8080", true),
        ("127.0.0.1:8080", "127.0.0.1", false),
        ("169.254.0.0/16", "169.254.169.254", true),
        ("::/0", "[2001:db8::1]", true),
        ("::/0", "[::1]", false),
        ("::/0", "[::]", false),
        ("::/0", "[fe80::1]", false),
        ("::/0", "[ff02::1]", false),
        ("::/0", "[::ffff:169.254.169.254]", false),
        ("::1/128", "[::1]", true),
        ("[::1]", "[::1]", true),
        ("fe80::/10", "[fe80::1]", true),
        (".internal", "10.0.0.1", false),
    ] {
        let allow_list = BackendAllow::parse(&[allow]).expect(allow);
        assert_eq!(allow_list.permits(&backend(&format!("http://{address}"))), permitted, "{allow}: {address}");
    }
}

#[test]
fn every_faulty_entry_is_named() {
    let entries = [
        "ok.internal",
        "",
        ".",
        "*",
        "*.*.x",
        "a*.internal",
        "*.LOCALHOST",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "::ffff:0:0/96",
        "http://x",
        "a b",
        "x:0",
    ];
    let faults = BackendAllow::parse(&entries).expect_err("all but one are faulty");
    assert_eq!(faults.iter().map(|(index, _)| *index).collect::<Vec<_>>(), (1..entries.len()).collect::<Vec<_>>());
}

#[test]
fn an_override_counts_when_it_is_listed() {
    let listed = ["wiki.internal:8443", ".apps.internal", "10.0.0.0/8"];
    for (text, expected) in [
        ("https://wiki.internal:8443", "https://wiki.internal:8443"),
        ("http://a.apps.internal", "http://a.apps.internal"),
        ("http://10.0.0.9:1", "http://10.0.0.9:1"),
        ("http://own.internal/", "http://own.internal"),
        ("https://wiki.internal", "http://own.internal"),
        ("https://own.internal", "http://own.internal"),
        ("http://own.internal:81", "http://own.internal"),
        ("http://a.apps.internal?x", "http://own.internal"),
        ("http://x@a.apps.internal", "http://own.internal"),
        ("a.apps.internal", "http://own.internal"),
        ("", "http://own.internal"),
    ] {
        assert_eq!(asked(&listed, text), expected, "{text}");
    }
    assert_eq!(asked(&[], "http://own.internal/"), "http://own.internal");
}

#[test]
fn the_path_of_an_override_goes_before_the_requests_own() {
    let backends = backends("http://own.internal", &["b.internal"]);
    for (backend_override, target, expected) in [
        ("http://b.internal", "/x?y", None),
        ("http://b.internal/", "/x?y", None),
        ("http://b.internal/team/", "/", Some("/team/")),
        ("http://b.internal/team-a/v1.2", "/x%2Fy/?z=/", Some("/team-a/v1.2/x%2Fy/?z=/")),
        ("http://other.internal/team", "/x", None),
    ] {
        let upstream = upstream(&backends, &json!({ "backend_override": backend_override }), target);
        assert_eq!(upstream.path(), expected, "{backend_override}");
    }
}

#[test]
fn the_host_header_is_a_host_or_nothing() {
    let backends = backends("http://own.internal:8080", &[]);
    for (text, expected) in [
        (json!("tenant.example"), "tenant.example"),
        (json!("Tenant.example:81"), "tenant.example:81"),
        (json!("[::1]:81"), "[::1]:81"),
        (json!("a.example, b.example"), "own.internal:8080"),
        (json!("a.example/x"), "own.internal:8080"),
        (json!("a.example\r\nx: y"), "own.internal:8080"),
        (json!("a.example:0"), "own.internal:8080"),
        (json!(""), "own.internal:8080"),
        (json!(7), "own.internal:8080"),
        (Value::Null, "own.internal:8080"),
    ] {
        assert_eq!(upstream(&backends, &json!({ "host_header": text }), "/").host(), expected, "{text}");
    }
}

#[test]
fn whoever_asks_in_vain_is_told_why_and_no_secret() {
    let some = backends("http://own.internal", &["b.internal"]);
    let causes = |backends: &Backends, ak_proxy: &Value| -> Vec<String> {
        backends.ignored_overrides(&claims(ak_proxy)).iter().map(ToString::to_string).collect()
    };
    let vain = json!({ "backend_override": "http://user:hunter2@b.internal", "host_header": "hunter2/" });
    let [first, second] = <[String; 2]>::try_from(causes(&some, &vain)).expect("both are of no use");
    assert!(first.starts_with("`ak_proxy.backend_override`") && second.starts_with("`ak_proxy.host_header`"));
    assert!(!first.contains("hunter2") && !second.contains("hunter2"), "{first} {second}");
    assert_eq!(
        some.ignored_overrides(&claims(&json!({ "backend_override": "http://c.internal/x" }))),
        [IgnoredOverride::NotListed("c.internal:80".into())]
    );
    let none = backends("http://own.internal", &[]);
    assert_eq!(
        none.ignored_overrides(&claims(&json!({ "backend_override": "http://own.internal" }))),
        [IgnoredOverride::Off]
    );
    for fine in [json!({}), json!(null), json!("x"), json!([1]), json!({ "backend_override": "", "host_header": null })]
    {
        assert_eq!(causes(&some, &fine), Vec::<String>::new());
    }
}

#[test]
fn other_modes_name_no_backend_and_strangers_get_the_own_one() {
    let target = RequestTarget::parse("/x".into()).expect("is a target");
    let forward = application("https://app.example.com");
    assert_eq!(forward.upstream(Some(&claims(&json!({ "backend_override": "http://b.internal" }))), &target), None);
    let backends = backends("http://own.internal", &["b.internal"]);
    let proxy = Application { mode: Mode::Proxy(backends), ..forward };
    let stranger = proxy.upstream(None, &target).expect("is in mode proxy");
    assert_eq!((stranger.host(), stranger.path()), ("own.internal", None));
}

proptest! {
    /// Whatever a claim contains, the request goes to the application's own backend or to a listed one, and no part of
    /// the claim can end a header or leave the backend's path.
    #[test]
    fn a_request_goes_nowhere_else(
        scheme in "(https?|HTTP|ftp|file|)(://|:|//|:/)",
        authority in "(a\\.apps\\.internal|10\\.0\\.0\\.[0-9]{1,4}|127\\.0\\.0\\.1|\\[::(ffff:10\\.0\\.0\\.)?1\\]|localhost|[a-z.@:%\\\\0-9-]{0,16}|\\PC{0,8})",
        tail in "(:[0-9]{0,6})?(/[a-z.%/\\\\]{0,10})?(\\?x|#x|@own\\.internal)?",
        host_header in "([a-z.]{1,12}(:[0-9]{0,5})?|\\PC{0,8}|[a-z]\r\n[a-z])",
        target in "/[a-z/]{0,10}(\\?[a-z=&]{0,6})?",
    ) {
        let backends = backends("http://own.internal", &[".apps.internal", "10.0.0.0/8"]);
        let ak_proxy = json!({ "backend_override": format!("{scheme}{authority}{tail}"), "host_header": host_header });
        let upstream = upstream(&backends, &ak_proxy, &target);
        prop_assert!(backends.permits(upstream.backend()), "{:?}", upstream);
        match upstream.backend().host() {
            BackendHost::Name(name) => prop_assert!(name == "own.internal" || name.ends_with(".apps.internal")),
            BackendHost::Address(address) => prop_assert!(address.to_string().starts_with("10.")),
        }
        let legal = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        prop_assert!(legal(upstream.host()) && !upstream.host().contains(['/', '@', ',']), "{:?}", upstream);
        if let Some(path) = upstream.path() {
            let prefix = path.strip_suffix(target.as_str());
            let plain = |prefix: &str| prefix.starts_with('/') && !prefix.contains("//") && !prefix.ends_with('/') && !prefix.contains("/.");
            prop_assert!(legal(path) && prefix.is_some_and(plain), "{:?}", upstream);
        }
    }
}
