//! Which application owns a request.

use super::*;
use crate::domain::slug::Slug;
use crate::testing::{application, domain_application, request};

fn slugged(slug: &str, application: Application) -> Application {
    Application { slug: Slug::parse(slug).expect("is a slug"), ..application }
}

fn outpost() -> Applications {
    Applications::new(vec![
        slugged("root", application("https://app.example.com")),
        slugged("wiki", application("https://app.example.com/wiki")),
        slugged("deep", application("https://app.example.com/wiki/deep")),
        slugged("domain", domain_application("https://auth.example.com", "example.com")),
        slugged("inner", domain_application("https://auth.inner.example.com", "inner.example.com")),
        slugged("path-only", application("https://paths.other.test/only")),
    ])
    .expect("fits together")
}

fn owner(host: &str, target: &str, named: Option<&str>) -> Result<String, Unrouted> {
    let mut head = request(host, target, &[]);
    head.application = named.map(str::to_owned);
    outpost().find(&head).map(|application| application.slug.to_string())
}

#[test]
fn the_exact_host_then_the_longest_domain_then_the_longest_path() {
    for (host, target, slug) in [
        ("app.example.com", "/", "root"),
        ("APP.example.com:443", "/x", "root"),
        ("app.example.com", "/wiki", "wiki"),
        ("app.example.com", "/wiki/", "wiki"),
        ("app.example.com", "/wiki?x=/wiki/deep", "wiki"),
        ("app.example.com", "/wikipedia", "root"),
        ("app.example.com", "/wiki/deep/x", "deep"),
        ("app.example.com", "/wiki/deep/a;b%2fc", "deep"),
        ("app.example.com", "/wiki/deep/caf%E9", "deep"),
        ("app.example.com", "/wiki/deep/100%2525", "deep"),
        ("app.example.com", "/caf%c3%a9//x;y", "root"),
        ("auth.example.com", "/", "domain"),
        ("other.example.com", "/", "domain"),
        ("x.inner.example.com", "/", "inner"),
        ("paths.other.test", "/only/x", "path-only"),
    ] {
        assert_eq!(owner(host, target, None), Ok(slug.to_owned()), "{host}{target}");
    }
}

#[test]
fn h3_a_35_an_unknown_host_has_no_owner() {
    for (host, target) in [
        ("evil.test", "/"),
        ("evilexample.com", "/"),
        ("example.com", "/"),
        ("app.example.com:8443", "/"),
        ("127.0.0.1", "/"),
        ("[::1]", "/"),
        ("paths.other.test", "/elsewhere"),
    ] {
        assert_eq!(owner(host, target, None), Err(Unrouted::UnknownHost), "{host}{target}");
    }
}

/// The front proxy routes by one reading, the application answers by another, and access rules are those of one
/// application.
#[test]
fn a_path_that_leads_to_two_applications_leads_to_none() {
    for target in [
        "/wiki;a/deep",
        "//wiki//deep",
        "/wiki/deep;a",
        "/wiki%2fdeep",
        "/%2577iki/x",
        "/WIKI/x",
        "/wiki/Deep/x",
        "/caf%E9",
        "/wiki/deep/.../x",
        "/wiki/deep/%c0%ae%c0%ae/x",
        "/wiki/deep/%252e%252e/x",
    ] {
        assert_eq!(owner("app.example.com", target, None), Err(Unrouted::OddPath), "{target}");
        for named in ["wiki", "root"] {
            assert_eq!(owner("app.example.com", target, Some(named)), Err(Unrouted::OddPath), "{named}: {target}");
        }
    }
    for target in ["/caf%E9", "/x/...", "/%2577iki"] {
        assert_eq!(owner("one.example.com", target, None), Ok("domain".to_owned()), "{target}");
    }
}

#[test]
fn the_application_that_a_route_names_has_to_own_the_address() {
    for (host, target, name, expected) in [
        ("app.example.com", "/wiki/x", "wiki", Ok("wiki")),
        ("app.example.com", "/wikix", "root", Ok("root")),
        ("app.example.com", "/", "wiki", Err(Unrouted::UnknownApplication)),
        ("app.example.com", "/wiki/x", "root", Err(Unrouted::UnknownApplication)),
        ("app.example.com", "/wiki/x", "nope", Err(Unrouted::UnknownApplication)),
        ("one.example.com", "/", "domain", Ok("domain")),
        ("app.example.com", "/", "domain", Err(Unrouted::UnknownApplication)),
        ("evil.test", "/", "wiki", Err(Unrouted::UnknownHost)),
    ] {
        assert_eq!(owner(host, target, Some(name)), expected.map(str::to_owned), "{host}{target} {name}");
    }
}

#[test]
fn clashes_are_named() {
    let clash = Applications::new(vec![
        slugged("a", application("https://one.example.com")),
        slugged("b", application("https://one.example.com:443/")),
        slugged("a", application("https://two.example.com")),
        slugged("c", domain_application("https://auth.example.com", "example.com")),
        slugged("d", domain_application("https://login.example.com", "example.com")),
    ])
    .expect_err("clashes");
    let named: Vec<_> = clash.iter().map(|clash| (clash.first, clash.second, clash.what)).collect();
    assert_eq!(named, [(0, 1, "external_host"), (0, 2, "slug"), (3, 4, "cookie_domain")]);
}
