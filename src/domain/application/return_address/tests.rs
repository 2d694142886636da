//! The rows of `docs/security.md` on return addresses, and PR-3.

use super::*;
use crate::testing::{application, domain_application};
use proptest::prelude::*;

/// `app.example.com` itself and all subdomains of `example.com`, as the catalogue assumes.
fn check(raw: &str) -> Result<String, Refused> {
    let application = domain_application("https://app.example.com", "example.com");
    let base = Url::parse("https://app.example.com/orig?x=1").expect("is a URL");
    ReturnAddress::check(raw, &application, &base).map(|address| address.as_str().to_owned())
}

fn refused(rule: Refused, inputs: &[&str]) {
    for raw in inputs {
        assert_eq!(check(raw), Err(rule), "{raw:?}");
    }
}

#[test]
fn ra_accepted() {
    for (raw, expected) in [
        ("/", "https://app.example.com/"),
        ("/path/a?b=c#frag", "https://app.example.com/path/a?b=c#frag"),
        ("/path%20with%20space", "https://app.example.com/path%20with%20space"),
        ("/x?next=//evil.com", "https://app.example.com/x?next=//evil.com"),
        ("/x?q=line1%0Aline2", "https://app.example.com/x?q=line1%0Aline2"),
        ("https://app.example.com", "https://app.example.com/"),
        ("https://app.example.com/x?y=1", "https://app.example.com/x?y=1"),
        ("https://other.example.com/x", "https://other.example.com/x"),
        ("/x#//evil.com", "https://app.example.com/x#//evil.com"),
        ("/x?u=https://evil.com/", "https://app.example.com/x?u=https://evil.com/"),
        ("/%c3%a9", "https://app.example.com/%c3%a9"),
        ("/a;b=c", "https://app.example.com/a;b=c"),
        ("/%252f%252fevil.com", "https://app.example.com/%252f%252fevil.com"),
    ] {
        assert_eq!(check(raw), Ok(expected.to_owned()), "{raw}");
    }
}

#[test]
fn rb_slashes_and_scheme_relative() {
    refused(Refused::Characters, &["/\\evil.com", "\\\\evil.com", "/./\\evil.com", "https:\\\\evil.com"]);
    refused(Refused::Form, &["//evil.com", "///evil.com", "//app.example.com/x", "https:evil.com", "https:/evil.com"]);
    refused(Refused::ForeignHost, &["https:///evil.com"]);
}

#[test]
fn rc_control_bytes_and_white_space() {
    refused(
        Refused::Characters,
        &[
            "/\t/evil.com",
            "/\n/evil.com",
            "/\u{b}/evil.com",
            "\t//evil.com",
            " //evil.com",
            "/ /evil.com",
            "https://evil.com\t.example.com/",
            "https://evil.com\0.example.com/",
            "/x\r\nSet-Cookie: a=b",
            "/\u{a0}/evil.com",
        ],
    );
    refused(Refused::Unparsable, &["https://app.example.com%0d%0aSet-Cookie:x=1/"]);
    refused(Refused::Path, &["/x%0d%0aSet-Cookie:%20a=b", "/%00/evil.com", "/%7f/evil.com"]);
}

#[test]
fn rd_dot_segments() {
    refused(Refused::Characters, &["/./../../\\evil.com"]);
    refused(
        Refused::Path,
        &[
            "/.//evil.com",
            "/..//evil.com",
            "/%2e%2e//evil.com",
            "https://app.example.com/..//evil.com",
            "https://app.example.com//evil.com",
        ],
    );
}

#[test]
fn re_encoding() {
    refused(Refused::Form, &["%2f%2fevil.com", "https%3A%2F%2Fapp.example.com%2Fx"]);
    refused(Refused::Path, &["/%2f%2fevil.com", "/%2fevil.com", "/%5C%5Cevil.com"]);
}

#[test]
fn rf_authority() {
    refused(Refused::Characters, &["https://evil.com\\@app.example.com/"]);
    refused(
        Refused::Unparsable,
        &[
            "https://app.example.com%40evil.com/",
            "https://evil.com%23.example.com/",
            "https://evil.com%2f.example.com/",
            "https://evil.com%5c.example.com/",
            "https://app.example.com:80%40evil.com/",
        ],
    );
    refused(
        Refused::UserInformation,
        &[
            "https://app.example.com@evil.com/",
            "https://app.example.com:443@evil.com/",
            "https://user@app.example.com/",
        ],
    );
    refused(
        Refused::ForeignHost,
        &[
            "https://evil.com#@app.example.com/",
            "https://evil.com?@app.example.com/",
            "https://evil.com/@app.example.com/",
            "https://app.example.com,evil.com/",
            "https://app.example.com;evil.com/",
            "https://app.example.com&.evil.com/",
        ],
    );
    refused(Refused::Spelling, &["https://@app.example.com/", "https://:@app.example.com/"]);
}

#[test]
fn rg_similar_names() {
    let long = format!("https://{}.example.com/", "a".repeat(64));
    refused(
        Refused::ForeignHost,
        &[
            "https://app.example.com.evil.com/",
            "https://evilexample.com/",
            "https://evil-example.com/",
            "https://example.com/",
            "https://.example.com/",
            "https://xexample.com/.example.com",
            "https://app.example.comevil/",
            "https://app.example.com.",
            "https://app.example.com./x",
            "https://-app.example.com/",
            "https://a_b.example.com/",
            long.as_str(),
        ],
    );
}

#[test]
fn rh_case_port_and_percent() {
    refused(Refused::Form, &["HTTPS://app.example.com/x", "http://app.example.com/x"]);
    refused(Refused::Unparsable, &["https://app.example.com:99999/x", "https://app.example.com:-1/x"]);
    refused(Refused::ForeignHost, &["https://app.example.com:8443/x"]);
    refused(
        Refused::Spelling,
        &[
            "https://APP.EXAMPLE.COM/x",
            "https://app.example.com:443/x",
            "https://app.example.com:0443/x",
            "https://%61pp.example.com/x",
        ],
    );
}

#[test]
fn ri_unicode() {
    refused(
        Refused::Characters,
        &[
            "https://app\u{3002}example\u{3002}com/x",
            "https://\u{ff41}pp.example.com/x",
            "https://app.ex\u{430}mple.com/x",
            "https://evil\u{2044}.example.com/x",
            "https://evil.com\u{2100}.example.com/x",
            "https://evil.com\u{ff0f}.example.com/x",
            "https://app.example.com\u{200b}/",
            "https://app\u{ad}.example.com/",
            "\u{202e}https://app.example.com",
            "\u{ff0f}\u{ff0f}evil.com",
            "\u{3031}evil.com",
            "https:\u{2215}\u{2215}evil.com",
        ],
    );
    refused(Refused::ForeignHost, &["https://xn--pp-eka.example.com/x"]);
}

#[test]
fn rj_addresses() {
    refused(Refused::Unparsable, &["https://[fe80::1%25eth0]/x"]);
    refused(
        Refused::ForeignHost,
        &[
            "https://127.0.0.1/x",
            "https://2130706433/x",
            "https://0x7f.1/x",
            "https://0177.0.0.1/x",
            "https://[::1]/x",
            "https://169.254.169.254/latest",
        ],
    );
}

#[test]
fn rk_schemes() {
    refused(Refused::Characters, &["java\tscript:alert(1)"]);
    refused(
        Refused::Form,
        &[
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "javascript://app.example.com/%0aalert(1)",
            "data:text/html,x",
            "vbscript:x",
            "blob:https://app.example.com/x",
            "file:///etc/passwd",
            "ftp://app.example.com/x",
            "ws://app.example.com/x",
            "view-source:https://app.example.com/",
        ],
    );
}

#[test]
fn rl_other_shapes_and_own_endpoints() {
    let of_bytes = |bytes: usize| format!("/{}", "a".repeat(bytes - 1));
    let (longest, long) = (of_bytes(8192), of_bytes(8193));
    // The parser writes one byte of this query as three.
    let grown = format!("/?{}", "\"".repeat(2731));
    refused(Refused::Length, &["", &long, &format!("https://app.example.com{long}"), &grown]);
    let address = format!("https://app.example.com{longest}");
    assert_eq!((check(&longest), check(&address)), (Ok(address.clone()), Ok(address.clone())));
    refused(Refused::Form, &["evil.com", "@evil.com", "?x=1", "#x", "*", "null"]);
    refused(Refused::Unparsable, &["https://"]);
    refused(
        Refused::OwnEndpoint,
        &[
            "/outpost.goauthentik.io/callback?code=x&state=y",
            "/outpost.goauthentik.io/sign_out",
            "/x/../outpost.goauthentik.io/sign_out",
            "https://app.example.com/outpost.goauthentik.io/callback",
            "/outpost.goauthentik.io/sign_out;x",
            "/outpost.goauthentik.io/sessions?end=x",
            "/outpost.goauthentik.io/sessions?",
            "/outpost.goauthentik.io/sessions/",
            "/outpost.goauthentik.io/sessions;x",
            "/outpost.goauthentik.io/session%73",
            "/outpost.goauthentik.io/sessions/../sign_out",
            "/x?X-authentik-logout=true",
            "/x?%58-authentik-auth-callback=false",
        ],
    );
}

#[test]
fn r3_r6_an_http_application_takes_http_and_its_own_port() {
    let application = application("http://wiki.demo.localhost:10000");
    let base = Url::parse("http://wiki.demo.localhost:10000/").expect("is a URL");
    let check = |raw: &str| ReturnAddress::check(raw, &application, &base).map(|address| address.as_str().to_owned());
    assert_eq!(check("http://wiki.demo.localhost:10000/x"), Ok("http://wiki.demo.localhost:10000/x".into()));
    assert_eq!(check("/x"), Ok("http://wiki.demo.localhost:10000/x".into()));
    assert_eq!(check("https://wiki.demo.localhost:10000/x"), Err(Refused::Form));
    assert_eq!(check("http://wiki.demo.localhost/x"), Err(Refused::ForeignHost));
    assert_eq!(check("http://board.demo.localhost:10000/x"), Err(Refused::ForeignHost));
}

/// The page of the user's sessions: opening it changes nothing.
#[test]
fn r9_a_sign_in_may_end_at_the_users_sessions() {
    for external in ["https://app.example.com", "https://app.example.com/wiki"] {
        let application = application(external);
        let base = Url::parse("https://app.example.com/").expect("is a URL");
        let sessions = application.endpoint("sessions");
        let checked = ReturnAddress::check(&sessions, &application, &base);
        assert_eq!(checked.as_ref().map(ReturnAddress::as_str), Ok(sessions.as_str()));
        assert!(ReturnAddress::as_asked(&sessions, &application).is_ok());
    }
}

#[test]
fn r9_below_a_path_our_endpoints_lie_there_too() {
    let application = application("https://app.example.com/wiki");
    let base = Url::parse("https://app.example.com/wiki/").expect("is a URL");
    for raw in [
        "/wiki/outpost.goauthentik.io/sign_out",
        "/outpost.goauthentik.io/sign_out",
        "/outpost.goauthentik.io/sessions",
        "/wiki//outpost.goauthentik.io/sessions",
    ] {
        assert_eq!(ReturnAddress::check(raw, &application, &base), Err(Refused::OwnEndpoint), "{raw}");
    }
}

proptest! {
    /// PR-3: an accepted address leads to the application in a second, simple parser as well.
    #[test]
    fn an_accepted_address_is_ours_to_every_reader(raw in odd_address()) {
        if let Ok(accepted) = check(&raw) {
            let authority = accepted.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#', '\\', '@']).next());
            let authority = authority.unwrap_or_default();
            prop_assert!(authority == "app.example.com" || authority.ends_with(".example.com"), "{} -> {}", raw, accepted);
            prop_assert!(!accepted.contains(char::is_control) && !accepted.contains('\\'));
            prop_assert_eq!(check(&accepted), Ok(accepted.clone()), "accepting twice changes nothing");
        }
    }
}

/// Addresses made of parts that are typical of attacks.
fn odd_address() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "/",
        "//",
        "\\",
        "https:",
        "https://",
        "app.example.com",
        "evil.com",
        "@",
        "#",
        "?",
        ":",
        "443",
        ".",
        "..",
        "%2f",
        "%5c",
        "%2e",
        "%0d%0a",
        "\t",
        " ",
        ";",
        "example.com",
        "xn--",
        "é",
        "x",
        "outpost.goauthentik.io",
        "/outpost.goauthentik.io/sessions",
    ]);
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn as_asked(address: &str) -> Result<String, Refused> {
    let application = domain_application("https://app.example.com", "example.com");
    ReturnAddress::as_asked(address, &application).map(|address| address.as_str().to_owned())
}

#[test]
fn the_address_that_was_asked_for_keeps_its_spelling() {
    let long = format!("https://app.example.com/x?{}", "q".repeat(8189));
    for address in [
        "https://app.example.com/",
        "https://app.example.com/x?",
        "https://app.example.com/x?a=\\&b=\"c\"&d=<e>&f=|{}^`'&g=%7e%zz%&h=a+b",
        "https://app.example.com/x?next=//evil.com\\@evil.com",
        "https://app.example.com/x?é",
        "https://app.example.com/%7Ea/%c3%A9/{b}\"c\"<d>|^`'",
        "https://app.example.com/a%2fb;c=d/%252e",
        "https://app.example.com/caf%E9/100%",
        "https://other.example.com/x?y='z'",
        "https://app.example.com/x?q=a&X-Authentik-Logout=true",
        &long,
    ] {
        assert_eq!(as_asked(address).as_deref(), Ok(address));
    }
}

#[test]
fn the_address_that_was_asked_for_obeys_every_rule() {
    let long = format!("https://app.example.com/x?{}", "q".repeat(8190));
    for (address, rule) in [
        ("", Refused::Form),
        ("/x", Refused::Form),
        ("//evil.com/x", Refused::Form),
        ("https://evil.com/x", Refused::ForeignHost),
        ("https://evil.com\\.example.com/x", Refused::Characters),
        ("https://app.example.com\\@evil.com/", Refused::Characters),
        ("https://app.example.com/\\evil.com?x", Refused::Characters),
        ("https://app.example.com@evil.com/?\\", Refused::UserInformation),
        ("https://app.example.com//evil.com?\\", Refused::Path),
        ("https://app.example.com/..//evil.com?\\", Refused::Path),
        ("https://app.example.com/%5cevil.com?\\", Refused::Path),
        ("https://app.example.com/x%0d%0ay", Refused::Path),
        ("https://app.example.com/%E9%zz%0a%", Refused::Path),
        ("https://app.example.com/outpost.goauthentik.io/sign_out%E9?\\", Refused::OwnEndpoint),
        ("https://app.example.com/x?a\r\nSet-Cookie: b=c", Refused::Characters),
        ("https://app.example.com/x?a b", Refused::Characters),
        ("https://app.example.com/x?a\tb", Refused::Characters),
        ("https://app.example.com/é", Refused::Characters),
        ("https://APP.example.com/x?\\", Refused::Spelling),
        ("http://app.example.com/x?\\", Refused::Form),
        ("https://app.example.com/outpost.goauthentik.io/sign_out?\\", Refused::OwnEndpoint),
        ("https://app.example.com/x?X-authentik-logout=\\", Refused::OwnEndpoint),
        (&long, Refused::Length),
    ] {
        assert_eq!(as_asked(address), Err(rule), "{address:.80}");
    }
    assert_eq!(as_asked("https://app.example.com").as_deref(), Ok("https://app.example.com/"));
    let dots = as_asked("https://app.example.com/a/../b?\\x");
    assert_eq!(dots.as_deref(), Ok("https://app.example.com/b?\\x"), "the path that was judged");
    assert_eq!(as_asked("https://app.example.com/x#a\"").as_deref(), Ok("https://app.example.com/x#a%22"));
}

proptest! {
    /// An address that keeps its spelling belongs to the application for a browser's parser and for a simple parser,
    /// and checking it again does not change it.
    #[test]
    fn an_address_that_keeps_its_spelling_is_ours_to_every_reader(path in odd_address(), query in "[ -~\\\\é]{0,30}", asks: bool) {
        let address = if asks { format!("https://app.example.com/{path}?{query}") } else { format!("https://app.example.com{path}") };
        if let Ok(accepted) = as_asked(&address) {
            let url = Url::parse(&accepted).expect("is an address");
            let host = url.host_str().unwrap_or_default();
            prop_assert!(host == "app.example.com" || host.ends_with(".example.com"), "{} -> {}", address, accepted);
            prop_assert!(url.username().is_empty() && url.password().is_none());
            let simple = accepted.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#', '\\', '@']).next());
            prop_assert_eq!(simple, Some(host));
            prop_assert!(!accepted.contains(|sign: char| sign.is_control() || sign == ' '));
            prop_assert!(!url.path().starts_with("//") && !accepted.split('?').next().unwrap_or_default().contains('\\'));
            let again = as_asked(&accepted);
            prop_assert_eq!(again.as_deref(), Ok(accepted.as_str()));
            let query = |text: &str| text.split_once('?').map(|(_, query)| query.to_owned());
            prop_assert!(accepted.contains('#') || query(&accepted) == query(&address), "the query is kept byte by byte");
        }
    }
}
