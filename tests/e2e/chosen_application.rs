//! The application that a front proxy chooses for a request is the one that Gatepost judges: with the files that
//! `gatepost snippet` prints, a session and the public paths of one application open no other.

use http::StatusCode;
use url::Url;

use crate::support::browser::{Browser, Protocol};
use crate::support::front_proxy::{FrontProxy, FrontSite};
use crate::support::ports::free_port;
use crate::support::raw;
use crate::support::settings::{Entry, Mode};

/// Requests that name two applications.
async fn a_session_opens_no_other_application(front_proxy: FrontProxy) {
    let other_port = free_port();
    let site = FrontSite::start_printed_with(front_proxy, Mode::Single, |settings| {
        settings.entries.push(Entry::single("Tools", "tools").at_port(other_port));
    })
    .await;
    let browser = Browser::new(Protocol::Http1);
    let page = browser.sign_in(&site.at("board", "/"), "alice").await;
    assert_eq!(page.seen().header("x-authentik-meta-app"), Some("board"));
    let cookies = browser.cookie_header(&Url::parse(&site.at("board", "/")).expect("an address")).expect("a session");
    let (wiki, board) = (site.host("wiki"), site.host("board"));
    let tools = format!("tools.demo.localhost:{other_port}");
    for (port, target, host) in [
        (site.front, format!("http://{wiki}/"), &board),
        (site.front, format!("http://{wiki}/public/x"), &board),
        (site.front, format!("http://{tools}/"), &board),
        (site.front, "/".to_owned(), &tools),
        (other_port, "/".to_owned(), &board),
        (other_port, "/public/x".to_owned(), &board),
        (other_port, format!("http://{tools}/"), &board),
        (other_port, format!("http://{wiki}/"), &board),
    ] {
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookies}\r\nConnection: close\r\n\r\n");
        let answer = raw::exchange(port, request.as_bytes()).await.expect("an answer");
        for (slug, application) in &site.applications {
            for seen in application.seen() {
                // On a public path, no application is named.
                let named = seen.header("x-authentik-meta-app").filter(|name| !name.is_empty());
                let judged = named.or(seen.header("host")).expect("a host");
                assert!(judged.starts_with(slug), "{front_proxy:?}: {target} of {host} at {port}:\n{answer}\n{seen:?}");
            }
        }
    }
}

/// A path of one application that begins like the path of another.
async fn a_path_ends_at_a_segment(front_proxy: FrontProxy) {
    let site = FrontSite::start_printed_with(front_proxy, Mode::Single, |settings| {
        settings.entries.push(Entry::single("Docs", "docs").below("wiki", "/docs"));
    })
    .await;
    let browser = Browser::new(Protocol::Http1);
    browser.sign_in(&site.wiki("/docs/x?y=1"), "alice").await;
    for (path, slug) in [
        ("/docs/x?y=1", "docs"),
        ("/docs", "docs"),
        ("/docs/", "docs"),
        ("/docsx", "wiki"),
        ("/docs.x/y", "wiki"),
        ("/", "wiki"),
    ] {
        let page = browser.visit(&site.wiki(path)).await;
        assert_eq!(page.status, StatusCode::OK, "{front_proxy:?}: {path}: {page:#?}");
        let seen = site.applications[slug].seen().pop().unwrap_or_else(|| panic!("{path} reaches {slug}: {page:#?}"));
        assert_eq!((seen.path.as_str(), seen.header("x-authentik-meta-app")), (path, Some(slug)), "{front_proxy:?}");
    }
    // A front proxy and an application may read these paths as one application's or the other's.
    let seen = || site.applications.values().map(|application| application.seen().len()).sum::<usize>();
    let before = seen();
    let cookies = browser.cookie_header(&Url::parse(&site.wiki("/")).expect("an address")).expect("a session");
    for path in ["/%64ocs/x", "//docs/x", "/docs;a/x", "/DOCS/x", "/docs/.../x"] {
        let answer = raw::get_with(site.front, &site.host("wiki"), path, &[("Cookie", &cookies)]).await;
        assert_eq!(seen(), before, "{front_proxy:?}: {path}:\n{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_chooses_what_is_judged() {
    a_session_opens_no_other_application(FrontProxy::Nginx).await;
    a_path_ends_at_a_segment(FrontProxy::Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_chooses_what_is_judged() {
    a_session_opens_no_other_application(FrontProxy::Caddy).await;
    a_path_ends_at_a_segment(FrontProxy::Caddy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_chooses_what_is_judged() {
    a_session_opens_no_other_application(FrontProxy::Haproxy).await;
    a_path_ends_at_a_segment(FrontProxy::Haproxy).await;
}
