//! The first visit: from the application to the provider and back, signed in.

use http::StatusCode;
use url::Url;

use crate::support::application::Seen;
use crate::support::browser::{Browser, Page, Protocol};
use crate::support::envoy::Scenario;
use crate::support::settings::Mode;
use crate::support::site::{Plan, Site};

/// Asserts that the application receives all identity headers of alice, and no others under these names.
fn assert_alice(seen: &Seen, application: &str) {
    let version = seen.header("x-authentik-meta-version").expect("a version").to_owned();
    assert!(version.starts_with("goauthentik.io/outpost/"), "{version}");
    let slug = application.to_lowercase();
    let mut identity = seen.identity();
    identity.sort_unstable();
    let expected = [
        ("x-authentik-email", "alice@example.test"),
        ("x-authentik-groups", "admins|staff"),
        ("x-authentik-meta-app", slug.as_str()),
        ("x-authentik-meta-outpost", "gatepost"),
        ("x-authentik-meta-provider", application),
        ("x-authentik-meta-version", version.as_str()),
        ("x-authentik-name", "Alice Doe"),
        ("x-authentik-uid", "alice"),
        ("x-authentik-username", "alice"),
    ];
    assert_eq!(identity, expected);
}

/// Asserts that the first answer redirects straight to the provider and sets only the binding cookie.
fn assert_leads_to_provider(first: &Page, site: &Site, mode: Mode) {
    assert_eq!(first.status, StatusCode::FOUND, "{first:#?}");
    let provider = first.location();
    assert!(provider.as_str().starts_with(&format!("{}/auth?", site.plan.provider.issuer())), "{provider}");
    let query: Vec<(String, String)> = provider.query_pairs().into_owned().collect();
    let value = |name: &str| query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
    assert_eq!(value("response_type"), Some("code"));
    assert_eq!(value("code_challenge_method"), Some("S256"));
    assert!(value("state").is_some() && value("nonce").is_some(), "{provider}");
    assert_eq!(first.sets_cookies(), [format!("{}binding", mode.cookie_prefix())]);
    assert_eq!(first.header("cache-control"), Some("no-store"));
}

/// Asserts the cookies of a signed-in browser: one session, in the form of this mode.
fn assert_session_cookie(browser: &Browser, page: &Page, mode: Mode) {
    let slug = if mode == Mode::Single { "wiki" } else { "demo" };
    let name = format!("{}session-{slug}", mode.cookie_prefix());
    let cookies = browser.cookies(&page.url);
    let sessions: Vec<_> = cookies.iter().filter(|cookie| cookie.name == name).collect();
    let [session] = sessions.as_slice() else { panic!("one session cookie, not {cookies:#?}") };
    assert!(session.http_only && session.secure && session.same_site == "lax" && session.path == "/", "{session:?}");
    assert_eq!(session.host_only, mode == Mode::Single, "{session:?}");
    assert!(session.value.len() >= 43, "256 random bits: {session:?}");
}

async fn first_visit(scenario: Scenario, mode: Mode) {
    let site = Site::start(scenario, mode).await;
    let application = if mode == Mode::Single { "Wiki" } else { "Demo" };
    for protocol in Protocol::BOTH {
        let browser = Browser::new(protocol);
        let address = site.wiki("/pages/start?tab=2&q=a%20b");
        let first = browser.open(&address).await;
        assert_leads_to_provider(&first, &site, mode);
        let form = browser.follow(first).await;
        let page = browser.fill_in(&form, "alice").await;
        assert_eq!(page.url.as_str(), address, "back where alice wanted to go");
        assert_eq!(page.seen().path, "/pages/start?tab=2&q=a%20b");
        assert_alice(&page.seen(), application);
        assert_session_cookie(&browser, &page, mode);
        let again = browser.open(&site.wiki("/other")).await;
        assert_alice(&again.seen(), application);
        assert!(again.sets_cookies().is_empty(), "{again:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn first_visit_inside_the_check_single() {
    first_visit(Scenario::InsideTheCheck, Mode::Single).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn first_visit_inside_the_check_domain() {
    first_visit(Scenario::InsideTheCheck, Mode::Domain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn first_visit_side_listener_single() {
    first_visit(Scenario::SideListener, Mode::Single).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn first_visit_side_listener_domain() {
    first_visit(Scenario::SideListener, Mode::Domain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn domain_mode_asks_once_for_all_applications() {
    let site = Site::start(Scenario::InsideTheCheck, Mode::Domain).await;
    let browser = site.signed_in(Protocol::Http1).await;
    let board = browser.open(&site.at("board", "/topics")).await;
    assert_eq!(board.seen().header("x-authentik-username"), Some("alice"), "without another sign-in");
}

#[tokio::test(flavor = "multi_thread")]
async fn single_mode_keeps_applications_apart() {
    let site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let browser = site.signed_in(Protocol::Http1).await;
    let board = site.at("board", "/topics");
    let first = browser.open(&board).await;
    assert_eq!(first.status, StatusCode::FOUND, "the wiki's session is none at the board");
    // The provider already has a session of alice and shows no form.
    let page = browser.follow(first).await;
    assert_eq!(page.url.as_str(), board);
    assert_eq!(page.seen().header("x-authentik-meta-app"), Some("board"));

    // The wiki's cookie, copied to the board by hand, is not a session there.
    let wiki = url::Url::parse(&site.wiki("/")).expect("an address");
    let cookies = browser.cookie_header(&wiki).expect("cookies");
    let stranger = Browser::new(Protocol::Http1);
    let carried = crate::support::browser::Ask::navigation(&board).header("cookie", &cookies);
    assert_eq!(stranger.ask(carried).await.status, StatusCode::FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_endpoint_leads_to_the_address_it_names() {
    for scenario in Scenario::BOTH {
        let site = Site::start(scenario, Mode::Single).await;
        let browser = Browser::new(Protocol::Http1);
        let target = site.wiki("/after?x=1");
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("rd", &target).finish();
        let page = browser.sign_in(&site.wiki(&format!("/outpost.goauthentik.io/start?{query}")), "bob").await;
        assert_eq!(page.url.as_str(), target);
        assert_eq!(page.seen().header("x-authentik-username"), Some("bob"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_token_endpoint_fits_the_callbacks_timeout() {
    for scenario in Scenario::BOTH {
        let mut plan = Plan::new(scenario, Mode::Single);
        plan.provider.token_delay_ms = 3000;
        let site = plan.start().await;
        site.signed_in(Protocol::Http1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_opened_again_leads_to_the_application() {
    for scenario in Scenario::BOTH {
        let site = Site::start(scenario, Mode::Single).await;
        let browser = Browser::new(Protocol::Http1);
        let address = site.wiki("/first");
        browser.sign_in(&address, "alice").await;
        let is_callback = |url: &&url::Url| url.path().ends_with("/callback");
        let callback = browser.trail().iter().find(is_callback).expect("a callback").clone();
        let page = browser.visit(callback.as_str()).await;
        assert_eq!(page.seen().header("x-authentik-username"), Some("alice"), "{page:#?}");

        // A bookmark, opened by a client without an attempt: the provider's form, or a page that says what to do.
        let stranger = Browser::new(Protocol::Http1);
        let page = stranger.visit(callback.as_str()).await;
        let is_form = page.url.as_str().starts_with(&site.plan.provider.issuer());
        assert!(is_form || !page.body.is_empty(), "never an empty answer: {page:#?}");
        assert!(page.sets_cookies().iter().all(|name| !name.contains("gatepost")), "{page:#?}");
    }
}

/// The return address is exact at any length, and the parameters sent to the provider stay short.
#[tokio::test(flavor = "multi_thread")]
async fn envoy_comes_back_to_exactly_the_address_that_was_asked_for() {
    for mode in Mode::BOTH {
        let site = Site::start(Scenario::InsideTheCheck, mode).await;
        for bytes in [300, 3000, 8192] {
            let mut path = format!("/x?a=\\&b={{c|d}}^`&e=%7e%zz&{}", "f%2Fg;h,i~".repeat(bytes / 10));
            path.truncate(bytes);
            let browser = Browser::new(Protocol::Http1);
            let first = browser.open(&site.wiki(&path)).await;
            let state =
                first.location().query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned();
            assert!(state.len() < 512, "{bytes}: {}", state.len());
            let form = browser.follow(first).await;
            let page = browser.fill_in(&form, "alice").await;
            let seen = page.seen();
            assert_eq!(seen.path, path, "{bytes}");
            assert_eq!(seen.header("cookie").unwrap_or_default(), "", "ours stay with us");
            let left = browser
                .cookie_header(&Url::parse(&site.at("wiki", "/outpost.goauthentik.io/callback")).expect("an address"));
            assert!(!left.unwrap_or_default().contains("return-"), "nothing waits any more");
        }
    }
}
