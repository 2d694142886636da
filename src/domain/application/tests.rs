//! Slugs, cookie domains and external hosts: which values an operator may set.

use super::*;
use crate::domain::http::{CookieDomainFault, ExternalHostFault, HostFault};
use crate::domain::slug::BadSlug;
use crate::testing::{application, domain_application};
use CookieDomainFault::{Address, NotAHost, PublicSuffix, UpperCase};
use ExternalHostFault::{NotAnAddress, OddPath, PlainHttp};

#[test]
fn slugs() {
    // authentik allows capitals.
    for good in ["wiki", "team-wiki_2", "Wiki"] {
        assert!(Slug::parse(good).is_ok(), "{good}");
    }
    for bad in ["", "../x", "a b", "wiki;", "wíki", &"a".repeat(65)] {
        assert_eq!(Slug::parse(bad), Err(BadSlug), "{bad}");
    }
    for (name, slug) in
        [("Wiki", Ok("wiki")), ("Team  Wiki (new)", Ok("team-wiki-new")), ("--", Err(BadSlug)), ("維基", Err(BadSlug))]
    {
        assert_eq!(Slug::from_name(name).as_ref().map(Slug::as_str).map_err(|_| BadSlug), slug, "{name}");
    }
}

#[test]
fn ck_3_cookie_domains() {
    for (text, expected) in [
        ("example.com", "example.com"),
        (".example.com", "example.com"),
        ("demo.localhost", "demo.localhost"),
        ("a.b.co.uk", "a.b.co.uk"),
    ] {
        assert_eq!(CookieDomain::parse(text).as_ref().map(CookieDomain::as_str), Ok(expected), "{text}");
    }
    for (text, fault) in [
        ("com", PublicSuffix),
        ("co.uk", PublicSuffix),
        ("github.io", PublicSuffix),
        ("localhost", PublicSuffix),
        ("Example.com", UpperCase),
        ("example.com:443", NotAHost(HostFault::NotAName)),
        ("127.0.0.1", Address),
        ("[::1]", Address),
        ("example.com.", NotAHost(HostFault::NotAName)),
        ("", NotAHost(HostFault::Empty)),
    ] {
        assert_eq!(CookieDomain::parse(text), Err(fault), "{text}");
    }
}

#[test]
fn a_5_a_75_a_domain_covers_what_lies_below_a_dot() {
    let domain = CookieDomain::parse("example.com").expect("is a domain");
    for (host, expected) in [
        ("app.example.com", true),
        ("a.b.example.com", true),
        ("example.com", false),
        ("evilexample.com", false),
        ("example.com.evil.test", false),
        ("xn--pp-eka.example.com", false),
        ("a.xn--pp-eka.example.com", false),
    ] {
        assert_eq!(domain.covers(&Host::parse(host).expect("is a host")), expected, "{host}");
    }
}

#[test]
fn external_hosts() {
    for (text, join) in [
        ("https://Wiki.example.com", "https://wiki.example.com/x"),
        ("https://wiki.example.com/", "https://wiki.example.com/x"),
        ("https://wiki.example.com:443/a/b/", "https://wiki.example.com/a/b/x"),
        ("https://wiki.example.com:8443", "https://wiki.example.com:8443/x"),
        ("http://wiki.demo.localhost:10000", "http://wiki.demo.localhost:10000/x"),
        ("http://127.0.0.1", "http://127.0.0.1/x"),
    ] {
        assert_eq!(ExternalHost::parse(text).map(|external| external.join("/x")), Ok(join.to_owned()), "{text}");
    }
    for (text, fault) in [
        ("wiki.example.com", NotAnAddress),
        ("HTTPS://wiki.example.com", NotAnAddress),
        ("ftp://wiki.example.com", NotAnAddress),
        ("https://user@wiki.example.com", NotAnAddress),
        ("https://wiki.example.com/?a", NotAnAddress),
        ("https://wiki.example.com/#a", NotAnAddress),
        ("http://wiki.example.com", PlainHttp),
        ("https://wiki.example.com/a//b", OddPath),
        ("https://wiki.example.com/../b", OddPath),
        ("https://wiki.example.com/%61", OddPath),
        ("https://", ExternalHostFault::Host(HostFault::Empty)),
    ] {
        assert_eq!(ExternalHost::parse(text), Err(fault), "{text}");
    }
}

#[test]
fn an_application_owns_its_hosts_at_its_port() {
    let owns = |application: &Application, authority: &str, scheme| {
        application.owns(&Authority::parse(authority).expect("is a host"), scheme)
    };
    let single = application("https://app.example.com");
    assert!(owns(&single, "app.example.com", Scheme::Https));
    assert!(owns(&single, "app.example.com:8080", Scheme::Http), "it is led to https from any port");
    assert!(!owns(&single, "app.example.com:8443", Scheme::Https));
    assert!(!owns(&single, "other.example.com", Scheme::Https));
    let domain = domain_application("https://auth.example.com", "example.com");
    assert!(owns(&domain, "app.example.com", Scheme::Https));
    assert!(!owns(&domain, "app.example.com:8443", Scheme::Https));
    assert!(!owns(&domain, "evilexample.com", Scheme::Https));
}
