//! Unauthenticated paths, and spellings that try to make a private path look like one.

use url::Url;

use crate::support::application::Seen;
use crate::support::browser::{Browser, Protocol};
use crate::support::envoy::Scenario;
use crate::support::raw;
use crate::support::settings::Mode;
use crate::support::site::Site;

/// Whether a request without a session gets the application's answer, and not Gatepost's.
async fn is_public(site: &Site, application: &str, path: &str) -> bool {
    let answer = raw::get_with(site.front(), &site.host(application), path, &[("Accept", "text/html")]).await;
    let Some(seen) = Seen::from_body(raw::body(&answer)) else {
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(["302", "400", "401", "403", "404"].contains(&status), "{path}: {answer}");
        return false;
    };
    assert_eq!(seen.identity(), [], "{path}");
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn public_paths_pass_and_look_alikes_do_not() {
    for mode in Mode::BOTH {
        let site = Site::start(Scenario::InsideTheCheck, mode).await;
        for path in ["/public/", "/public/a", "/public/a?x=/../admin", "/public//a", "/public/%c3%a9"] {
            assert!(is_public(&site, "wiki", path).await, "{path} is public");
        }
        let private = [
            "/",
            "/public",
            "/publicity",
            "/PUBLIC/a",
            "/x?u=/public/a",
            "/x?/public/",
            "/public/../admin",
            "/public/%2e%2e/admin",
            "/public/..;x/admin",
            "/public/..%2fadmin",
            "/public%2fa",
            "/public/%252e%252e/admin",
            "/public;x/../admin",
            "/%70ublic/../admin",
            "/public/a%00",
            "/public/..%5cadmin",
            "/admin/%2e%2e/public%2f..",
        ];
        for path in private {
            assert!(!is_public(&site, "wiki", path).await, "{path} is not public");
        }
    }
}

/// Paths that Envoy accepts and no rule covers are left to the application; where a public pattern could match, they are
/// refused.
#[tokio::test(flavor = "multi_thread")]
async fn odd_addresses_are_the_applications_affair_through_envoy() {
    let site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let alice = site.signed_in(Protocol::Http1).await;
    let cookies = alice.cookie_header(&Url::parse(&site.wiki("/")).expect("an address")).expect("a session");
    let ask = async |path: &str| {
        raw::get_with(site.front(), &site.host("wiki"), path, &[("Cookie", cookies.as_str()), ("Accept", "text/html")])
            .await
    };
    let long = format!("/search?q={}", "a".repeat(9_000));
    for path in ["/caf%E9", "/100%", "/a%0Ab", "/a%2Fb", long.as_str()] {
        let answer = ask(path).await;
        let seen = Seen::from_body(raw::body(&answer)).unwrap_or_else(|| panic!("{path}: {answer}"));
        assert_eq!((seen.path.as_str(), seen.header("x-authentik-username")), (path, Some("alice")));
    }
    for path in ["/public/%ff", "/public/%zz", "/public/a%0d%0aX:1"] {
        let answer = ask(path).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
    }
    for path in ["/public/;%252f..%252f..%252fadmin", "/public/x;%252f..", "/public/%3b%255c..%255cadmin"] {
        assert!(!is_public(&site, "wiki", path).await, "{path} is not public");
    }
    let answer = ask(&format!("/search?q={}", "a".repeat(33 * 1024))).await;
    assert!(answer.starts_with("HTTP/1.1 414 "), "{answer}");
}

/// In domain mode the pattern is matched against the whole address, so it can name one application only.
#[tokio::test(flavor = "multi_thread")]
async fn a_public_address_of_one_host_is_private_at_another() {
    let site = Site::start(Scenario::SideListener, Mode::Domain).await;
    assert!(is_public(&site, "wiki", "/public/a").await);
    assert!(!is_public(&site, "board", "/public/a").await);
    assert!(!is_public(&site, "board", "/?http://wiki.demo.localhost/public/a").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signed_in_are_known_on_public_paths_too() {
    let site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    for protocol in Protocol::BOTH {
        let nobody = Browser::new(protocol);
        let page = nobody.open(&site.wiki("/public/a")).await;
        assert_eq!(page.seen().identity(), []);
        assert!(page.sets_cookies().is_empty(), "a public page starts nothing: {page:#?}");

        let alice = site.signed_in(protocol).await;
        let page = alice.open(&site.wiki("/public/a")).await;
        assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_hosts_are_denied() {
    let site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    for host in ["evil.example", "wiki.demo.localhost.evil.example", "demo.localhost", "127.0.0.1"] {
        let answer = raw::get_with(site.front(), host, "/public/a", &[]).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{host}: {answer}");
    }
    let twice = [("Host", "evil.example")];
    let answer = raw::get_with(site.front(), &site.host("wiki"), "/public/a", &twice).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert!(site.application.seen().is_empty());
}
