//! The limits that users meet: sessions of one user, and sign-ins that one client address starts.

use std::net::Ipv4Addr;

use http::{Method, StatusCode};

use crate::support::browser::{Ask, Browser, Page, Protocol};
use crate::support::envoy::Scenario;
use crate::support::front_proxy::{FrontProxy, FrontSite};
use crate::support::settings::Mode;
use crate::support::site::Plan;

const ONE_SESSION: &str = "{ store: file, path: sessions.db, max_per_user: 1 }";
const THREE_STARTS: &str = "provider: { sign_in_starts_per_client: 3 }";

/// The second sign-in leaves one session. The first browser is told so by a page, which deletes its cookie, and may sign in again.
async fn one_session_is_left([first, second]: [Browser; 2], wiki: &str) {
    let script = first.ask(Ask::script(Method::GET, wiki)).await;
    assert_eq!(script.status, StatusCode::UNAUTHORIZED, "{script:#?}");
    let page = first.open(wiki).await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{page:#?}");
    assert!(page.body.contains("It allows each user 1 at the same time"), "{page:#?}");
    let again = first.open(wiki).await;
    assert_eq!(again.status, StatusCode::FOUND, "{again:#?}");
    second.open(wiki).await.seen();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_as_many_sessions_as_allowed_through_envoy() {
    for scenario in Scenario::BOTH {
        let mut plan = Plan::new(scenario, Mode::Single);
        plan.settings.session = ONE_SESSION.to_owned();
        let site = plan.start().await;
        let board = Browser::new(Protocol::Http1);
        board.sign_in(&site.at("board", "/"), "alice").await.seen();
        let browsers = [site.signed_in(Protocol::Http1).await, site.signed_in(Protocol::Http2).await];
        one_session_is_left(browsers, &site.wiki("/")).await;
        board.open(&site.at("board", "/")).await.seen();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_as_many_sessions_as_allowed_through_nginx() {
    let limited = |settings: &mut crate::support::settings::Settings, _: &mut _| {
        settings.session = ONE_SESSION.to_owned();
    };
    let site = FrontSite::start_with(FrontProxy::Nginx, Mode::Single, limited).await;
    let browsers = [site.signed_in().await, site.signed_in().await];
    let wiki = site.wiki("/");
    one_session_is_left(browsers, &wiki).await;
}

fn is_too_many(page: &Page) -> bool {
    let seconds = page.header("retry-after").and_then(|value| value.parse::<u32>().ok());
    let is_told = page.body.contains("started from your network address");
    page.status == StatusCode::TOO_MANY_REQUESTS
        && is_told
        && seconds.is_some_and(|seconds| (1..=20).contains(&seconds))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_starts_as_many_sign_ins_as_allowed_through_envoy() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.limits = THREE_STARTS;
    let site = plan.start().await;
    let user = site.signed_in(Protocol::Http1).await;
    let stranger = Browser::new(Protocol::Http1);
    for _ in 0..2 {
        assert_eq!(stranger.open(&site.wiki("/")).await.status, StatusCode::FOUND);
    }
    let page = stranger.open(&site.wiki("/")).await;
    assert!(is_too_many(&page), "{page:#?}");
    user.open(&site.wiki("/")).await.seen();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_starts_as_many_sign_ins_as_allowed_through_nginx() {
    let limited = |settings: &mut crate::support::settings::Settings, _: &mut _| {
        settings.limits = THREE_STARTS;
    };
    let site = FrontSite::start_with(FrontProxy::Nginx, Mode::Single, limited).await;
    // nginx' own address is no client's.
    let stranger = Browser::from_address(Protocol::Http1, Ipv4Addr::new(127, 0, 0, 2));
    for _ in 0..3 {
        let page = stranger.open(&site.wiki("/")).await;
        assert_eq!(page.status, StatusCode::FOUND, "the subrequest does not count: {page:#?}");
    }
    for path in ["/", "/outpost.goauthentik.io/start"] {
        let page = stranger.open(&site.wiki(path)).await;
        assert!(is_too_many(&page), "{page:#?}");
    }
    let another = Browser::from_address(Protocol::Http1, Ipv4Addr::new(127, 0, 0, 3));
    assert_eq!(another.open(&site.wiki("/")).await.status, StatusCode::FOUND);
}
