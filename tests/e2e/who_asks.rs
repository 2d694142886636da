//! HTML answers for clients that ask for HTML: in place of a redirect that would lose something, in frames, when no decision
//! is made in time, and when the request cannot be read. All other clients get a machine-readable answer.

use http::{Method, StatusCode};

use crate::support::browser::{Ask, Browser, Page, Protocol};
use crate::support::envoy::Scenario;
use crate::support::front_proxy::{FrontProxy, FrontSite};
use crate::support::raw;
use crate::support::settings::Mode;
use crate::support::site::{Plan, Site};

/// The address of the page's link labelled `label`, and whether it leaves the frame.
fn link(page: &Page, label: &str) -> (String, bool) {
    let before = page.body.split_once(&format!(">{label}</a>")).map(|(before, _)| before);
    let tag = before.and_then(|before| before.rsplit_once("<a ")).map(|(_, tag)| tag);
    let tag = tag.unwrap_or_else(|| panic!("no link {label}: {page:#?}"));
    let address = tag.split_once("href=\"").and_then(|(_, rest)| rest.split_once('"')).expect("an address").0;
    let address = page.url.join(&address.replace("&amp;", "&")).expect("an address");
    (address.into(), tag.contains("target=\"_top\""))
}

fn is_html(page: &Page) -> bool {
    page.header("content-type").is_some_and(|kind| kind.starts_with("text/html"))
}

/// Asserts a 401 in HTML; returns the address of its link, and whether it leads out of the frame.
fn told_to_sign_in(page: &Page) -> (String, bool) {
    assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{page:#?}");
    assert!(is_html(page), "{page:#?}");
    assert!(page.header("www-authenticate").is_some_and(|line| line.contains("sign_in=")), "{page:#?}");
    assert!(page.sets_cookies().is_empty(), "nothing has begun yet: {page:#?}");
    link(page, "Sign in")
}

/// A form that a user sends.
fn form(address: &str) -> Ask {
    Ask::navigation(address).header("sec-fetch-site", "same-origin").form(&[("text", "hello")])
}

/// A page load of a client that neither sends a specific `Accept` nor Fetch Metadata.
fn anything(address: &str) -> Ask {
    Ask::plain(Method::GET, address).header("accept", "*/*")
}

/// A page load in a frame.
fn framed(address: &str, site: &str) -> Ask {
    Ask::navigation(address).header("sec-fetch-dest", "iframe").header("sec-fetch-site", site)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_sent_without_a_session_gets_a_page_that_signs_in() {
    for protocol in Protocol::BOTH {
        let site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
        let browser = Browser::new(protocol);
        let refused = browser.ask(form(&site.wiki("/save")).header("referer", &site.wiki("/edit?page=7"))).await;
        assert!(refused.header("x-frame-options") == Some("DENY"), "{refused:#?}");
        let (address, _) = told_to_sign_in(&refused);
        assert!(site.application.seen().is_empty(), "nothing reached the application");
        let page = browser.sign_in(&address, "alice").await;
        assert_eq!(page.seen().path, "/edit?page=7", "back at the page with the form");
        assert_eq!(browser.ask(form(&site.wiki("/save"))).await.seen().method, "POST");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sites_address_is_nowhere_to_come_back_to() {
    let site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let browser = Browser::new(Protocol::Http1);
    let refused = browser.ask(form(&site.wiki("/save")).header("referer", "https://evil.example/")).await;
    let page = browser.sign_in(&told_to_sign_in(&refused).0, "alice").await;
    assert_eq!((page.url.as_str(), page.seen().path.as_str()), (site.wiki("/save").as_str(), "/save"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_anything_gets_a_link_and_the_link_works() {
    let site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let browser = Browser::new(Protocol::Http1);
    let refused = browser.ask(anything(&site.wiki("/page?a=1"))).await;
    let (address, _) = told_to_sign_in(&refused);
    // The same client continues; neither here nor at the provider does it send more about itself.
    let begun = browser.ask(anything(&address)).await;
    assert_eq!(begun.status, StatusCode::FOUND, "no second page with a link: {begun:#?}");
    let form = browser.follow(begun).await;
    let page = browser.fill_in(&form, "alice").await;
    assert_eq!(page.seen().path, "/page?a=1");
    assert_eq!(browser.ask(anything(&site.wiki("/x"))).await.seen().path, "/x");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_of_the_same_origin_shows_a_link_that_leads_out_of_it() {
    let site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let browser = Browser::new(Protocol::Http1);
    let ask = framed(&site.wiki("/widget"), "same-origin").header("referer", &site.wiki("/dashboard"));
    let refused = browser.ask(ask).await;
    let (address, leads_out) = told_to_sign_in(&refused);
    assert!(leads_out, "{refused:#?}");
    let policy = refused.header("content-security-policy").expect("a policy");
    assert!(policy.contains("frame-ancestors 'self'") && !policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(refused.headers.get_all("x-frame-options").iter().collect::<Vec<_>>(), ["SAMEORIGIN"], "{refused:#?}");
    assert!(!refused.body.contains("<form"), "a frame offers nothing but a link: {refused:#?}");
    let page = browser.sign_in(&address, "alice").await;
    assert_eq!(page.seen().path, "/dashboard", "the page around the frame");

    for from in ["cross-site", "same-site", "none"] {
        let refused = Browser::new(Protocol::Http1).ask(framed(&site.wiki("/widget"), from)).await;
        told_to_sign_in(&refused);
        assert_eq!(refused.header("x-frame-options"), Some("DENY"), "{from}: {refused:#?}");
        let policy = refused.header("content-security-policy").expect("a policy");
        assert!(policy.contains("frame-ancestors 'none'"), "{from}: {policy}");
    }
}

async fn people_behind(front_proxy: FrontProxy) {
    let site = FrontSite::start(front_proxy).await;
    let browser = Browser::new(Protocol::Http1);
    let refused = browser.ask(form(&site.wiki("/save"))).await;
    told_to_sign_in(&refused);
    let refused = browser.ask(framed(&site.wiki("/widget"), "same-origin")).await;
    let (_, leads_out) = told_to_sign_in(&refused);
    assert!(leads_out, "{refused:#?}");
    let refused = browser.ask(anything(&site.wiki("/page"))).await;
    let (address, _) = told_to_sign_in(&refused);
    let begun = browser.ask(anything(&address)).await;
    assert_eq!(begun.status, StatusCode::FOUND, "{begun:#?}");
    let form = browser.follow(begun).await;
    assert_eq!(browser.fill_in(&form, "alice").await.seen().path, "/page");
    assert!(!browser.ask(Ask::script(Method::GET, &site.wiki("/api"))).await.seen().path.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn people_behind_nginx() {
    people_behind(FrontProxy::Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_behind_caddy() {
    people_behind(FrontProxy::Caddy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_behind_haproxy() {
    people_behind(FrontProxy::Haproxy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_behind_envoy() {
    people_behind(FrontProxy::Envoy).await;
}

/// A sign-in up to the callback, whose token request exceeds the deadline.
async fn overdue_callback() -> (Site, Browser, String) {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.grpc_limits = "callback_deadline: 1s";
    plan.provider.token_delay_ms = 10_000;
    let site = plan.start().await;
    let browser = Browser::new(Protocol::Http1);
    let form = browser.visit(&site.wiki("/page?a=1")).await;
    let callback = browser.fill_in_until_callback(&form, "alice").await;
    (site, browser, callback.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overdue_callback_is_a_page_that_tries_again() {
    let (mut site, browser, callback) = overdue_callback().await;
    let late = browser.open(&callback).await;
    assert_eq!((late.status, late.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, Some("5")), "{late:#?}");
    assert!(is_html(&late) && late.body.contains("Temporarily unavailable"), "{late:#?}");
    let (again, _) = link(&late, "Try again");
    // The provider answers at normal speed again.
    site.stop_provider();
    site.plan.provider.token_delay_ms = 0;
    site.start_provider();
    let form = browser.visit(&again).await;
    let page = browser.fill_in(&form, "alice").await;
    assert_eq!(page.seen().path, "/page?a=1", "where the user wanted to go");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overdue_callback_tells_a_program_in_its_own_words() {
    let (_site, browser, callback) = overdue_callback().await;
    let late = browser.ask(Ask::script(Method::GET, &callback)).await;
    assert_eq!(late.status, StatusCode::SERVICE_UNAVAILABLE, "{late:#?}");
    assert_eq!(late.header("content-type"), Some("application/json"), "{late:#?}");
    assert_eq!(late.json().text("error"), Some("Temporarily unavailable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_refused_in_words_that_the_client_reads() {
    let site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    for (accept, kind) in [("text/html", "text/html"), ("application/json", "application/json")] {
        // Two hosts: it is ambiguous which one is meant.
        let host = format!("{},evil.test", site.host("wiki"));
        let answer = raw::get_with(site.front(), &host, "/x", &[("Accept", accept)]).await;
        let is_page = kind == "text/html";
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains(&format!("content-type: {kind}")), "{answer}");
        assert_eq!(answer.contains("<h1>Bad request</h1>") && answer.contains("Try again"), is_page, "{answer}");
    }
}
