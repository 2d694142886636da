//! The headers that the application receives: only Gatepost names the user, and Gatepost's cookies are not passed on.

use http::Method;
use url::Url;

use crate::support::application::Seen;
use crate::support::browser::{Ask, Protocol};
use crate::support::envoy::{Guards, Scenario};
use crate::support::raw;
use crate::support::settings::Mode;
use crate::support::site::{Plan, Site};

/// Identity headers in every spelling that some backend takes for the real one.
const SPOOFED: [(&str, &str); 14] = [
    ("X-authentik-username", "eve"),
    ("x-authentik-username", "eve-again"),
    ("X-AUTHENTIK-USERNAME", "eve"),
    ("X_authentik_username", "eve"),
    ("x_authentik-username", "eve"),
    ("X.authentik.username", "eve"),
    ("X-authentik_groups", "admins"),
    ("X-authentik-groups", "admins|root"),
    ("X-authentik-entitlements", "everything"),
    ("X-authentik-uid", "0"),
    ("X-authentik-jwt", "e.y.e"),
    ("X-authentik-meta-jwks", "https://evil.example/"),
    ("X_AUTHENTIK_META_APP", "other"),
    ("X-authentik-unheard-of", "eve"),
];

async fn ask_spoofed(site: &Site, path: &str, cookies: Option<&str>) -> Seen {
    let cookie_line = cookies.map(|cookies| ("Cookie", cookies));
    let headers: Vec<(&str, &str)> = SPOOFED.into_iter().chain(cookie_line).collect();
    let answer = raw::get_with(site.front(), &site.host("wiki"), path, &headers).await;
    Seen::from_body(raw::body(&answer)).unwrap_or_else(|| panic!("not the application's answer:\n{answer}"))
}

async fn nobody_else_names_the_user(guards: Guards) {
    for mode in Mode::BOTH {
        let mut plan = Plan::new(Scenario::InsideTheCheck, mode);
        plan.guards = guards;
        let site = plan.start().await;
        let public = ask_spoofed(&site, "/public/page", None).await;
        assert_eq!(public.identity(), [], "nobody is signed in");

        let browser = site.signed_in(Protocol::Http1).await;
        let cookies = browser.cookie_header(&Url::parse(&site.wiki("/")).expect("an address"));
        for path in ["/private", "/public/page"] {
            let seen = ask_spoofed(&site, path, cookies.as_deref()).await;
            assert_eq!(seen.header("x-authentik-username"), Some("alice"));
            assert_eq!(seen.header("x-authentik-groups"), Some("admins|staff"));
            assert_eq!(seen.header("x-authentik-uid"), Some("alice"));
            let ours = |name: &str| name.starts_with("x-authentik-") && !name.contains(['_', '.']);
            let names: Vec<&str> = seen.identity().into_iter().map(|(name, _)| name).collect();
            assert!(names.iter().all(|name| ours(name)), "{names:?}");
            for absent in ["entitlements", "jwt", "meta-jwks", "unheard-of"] {
                assert_eq!(seen.header(&format!("x-authentik-{absent}")), None);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_names_the_user_with_the_shipped_file() {
    nobody_else_names_the_user(Guards::AsShipped).await;
}

/// Tests Gatepost alone, without the protecting blocks of the shipped file.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_names_the_user_without_envoys_help() {
    nobody_else_names_the_user(Guards::Removed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spoofed_headers_over_http2_are_gone_too() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.guards = Guards::Removed;
    let site = plan.start().await;
    let browser = site.signed_in(Protocol::Http2).await;
    let ask = Ask::script(Method::GET, &site.wiki("/"))
        .header("x-authentik-username", "eve")
        .also("x-authentik-username", "eve")
        .header("x_authentik_groups", "admins")
        .header("x.authentik.email", "eve@example.test");
    let seen = browser.ask(ask).await.seen();
    assert_eq!(seen.header("x-authentik-username"), Some("alice"));
    assert_eq!(seen.header("x-authentik-email"), Some("alice@example.test"));
    assert!(seen.header("x_authentik_groups").is_none() && seen.header("x.authentik.email").is_none(), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn steering_headers_do_not_pass() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.guards = Guards::Removed;
    let site = plan.start().await;
    let host = site.host("wiki");
    let headers =
        [("X-Envoy-Original-Dst-Host", "10.0.0.1:80"), ("X-Gatepost-Cluster", "other"), ("X-Custom", "stays")];
    let answer = raw::get_with(site.front(), &host, "/public/page", &headers).await;
    let seen = Seen::from_body(raw::body(&answer)).unwrap_or_else(|| panic!("{answer}"));
    assert_eq!(seen.header("x-envoy-original-dst-host"), None);
    assert_eq!(seen.header("x-gatepost-cluster"), None);
    assert_eq!(seen.header("x-custom"), Some("stays"));
}

#[tokio::test(flavor = "multi_thread")]
async fn own_cookies_are_cut_and_all_others_stay() {
    let site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let browser = site.signed_in(Protocol::Http1).await;
    let url = Url::parse(&site.wiki("/")).expect("an address");
    let session = browser.cookie_header(&url).expect("a session");
    assert!(session.contains("__Host-gatepost-"));
    let host = site.host("wiki");

    // In one line and in several (RFC 9113 section 8.2.3 lets clients split it).
    let joined = format!("first=1; {session}; last=\"2\"");
    let several = [("Cookie", "first=1"), ("Cookie", session.as_str()), ("Cookie", "last=\"2\"")];
    for lines in [&[("Cookie", joined.as_str())][..], &several] {
        for path in ["/private", "/public/page"] {
            let answer = raw::get_with(site.front(), &host, path, lines).await;
            let seen = Seen::from_body(raw::body(&answer)).unwrap_or_else(|| panic!("{answer}"));
            assert_eq!(seen.header("x-authentik-username"), Some("alice"));
            assert_eq!(seen.header("cookie"), Some("first=1; last=\"2\""));
        }
    }

    // A header that contained only our cookies is removed; other cookies stay unchanged.
    let answer = raw::get_with(site.front(), &host, "/private", &[("Cookie", session.as_str())]).await;
    assert_eq!(Seen::from_body(raw::body(&answer)).expect("an answer").header("cookie"), None);
    let answer = raw::get_with(site.front(), &host, "/public/page", &[("Cookie", "a=1; b=2")]).await;
    assert_eq!(Seen::from_body(raw::body(&answer)).expect("an answer").header("cookie"), Some("a=1; b=2"));
}

/// The request that reaches the application when this `Cookie` line is sent, byte by byte.
async fn seen_with_cookie(site: &Site, path: &str, cookie: &[u8]) -> Seen {
    let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: ", site.host("wiki"));
    let request = [head.as_bytes(), cookie, b"\r\n\r\n"].concat();
    let answer = raw::exchange(site.front(), &request).await.expect("an answer");
    Seen::from_body(raw::body(&answer)).unwrap_or_else(|| panic!("not the application's answer:\n{answer}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_that_envoy_cannot_be_told_costs_one_cookie() {
    let site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let browser = site.signed_in(Protocol::Http1).await;
    let session = browser.cookie_header(&Url::parse(&site.wiki("/")).expect("an address")).expect("a session");
    let with_ours = |rest: &[u8]| [session.as_bytes(), rest].concat();
    for path in ["/private", "/public/page"] {
        let seen = seen_with_cookie(&site, path, &with_ours(b"; app=1; n=caf\xe9; z=2; u=caf\xc3\xa9")).await;
        assert_eq!(seen.header("cookie"), Some("app=1; z=2; u=caf\u{e9}"), "{path}");
        assert_eq!(seen.header("x-authentik-username"), Some("alice"), "{path}");
        let seen = seen_with_cookie(&site, path, &with_ours(b"; n=caf\xe9")).await;
        assert_eq!(seen.header("cookie"), None, "{path}: nothing is left, not an empty line");
    }
    let seen = seen_with_cookie(&site, "/public/page", b"app=1; n=caf\xe9").await;
    assert_eq!(seen.header("cookie"), Some("app=1; n=caf\u{fffd}"), "without a cookie of ours it passes as it is");

    let is_told = |line: &str| line.contains("left out").then(|| line.to_owned());
    let told = site.gatepost.log().find(is_told).expect("a line in the log");
    assert!(told.contains("\"level\":\"WARN\"") && told.contains("\"n\"") && !told.contains("caf"), "{told}");
    let lines = site.gatepost.log().text();
    assert_eq!(lines.lines().filter(|line| is_told(line).is_some()).count(), 1, "once, not with every request");
}
