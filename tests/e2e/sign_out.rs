//! The end of a session: at the wiki, in every other browser of the same user, and at the provider.

use http::{Method, StatusCode};

use crate::support::browser::{Ask, Browser, Page, Protocol};
use crate::support::envoy::Scenario;
use crate::support::settings::Mode;
use crate::support::site::{Plan, Site};

const SIGN_OUT: &str = "/outpost.goauthentik.io/sign_out";

/// A click on a link of the application itself.
fn click(url: &str) -> Ask {
    Ask::navigation(url).header("sec-fetch-site", "same-origin").header("sec-fetch-user", "?1")
}

fn assert_leads_to_logout(page: &Page, site: &Site) {
    assert_eq!(page.status, StatusCode::FOUND, "{page:#?}");
    let logout = page.location();
    assert!(logout.as_str().starts_with(&format!("{}/session/end?", site.plan.provider.issuer())), "{logout}");
    let names: Vec<String> = logout.query_pairs().map(|(name, _)| name.into_owned()).collect();
    for name in ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"] {
        assert!(names.iter().any(|found| found == name), "{name} is missing: {logout}");
    }
}

async fn signs_out_everywhere(scenario: Scenario, mode: Mode) {
    let site = Site::start(scenario, mode).await;
    let here = site.signed_in(Protocol::Http1).await;
    let elsewhere = site.signed_in(Protocol::Http2).await;
    let bob = Browser::new(Protocol::Http1);
    bob.sign_in(&site.wiki("/"), "bob").await;

    let left = here.ask(click(&site.wiki(SIGN_OUT))).await;
    assert_leads_to_logout(&left, &site);
    assert!(!site.is_signed_in(&here).await && !site.is_signed_in(&elsewhere).await, "all of alice's sessions");
    assert!(site.is_signed_in(&bob).await, "no session of another user ends");
    let of_session = |name: &str| name.starts_with(mode.cookie_prefix()) && !name.ends_with("binding");
    let wiki = url::Url::parse(&site.wiki("/")).expect("an address");
    assert!(!here.cookies(&wiki).iter().any(|cookie| of_session(&cookie.name)), "{:?}", here.cookies(&wiki));

    let question = here.follow(left).await;
    let goodbye = here.confirm_sign_out(&question).await;
    assert_eq!(goodbye.status, StatusCode::OK, "{goodbye:#?}");
    assert!(goodbye.url.path().ends_with(SIGN_OUT), "back from the provider: {goodbye:#?}");
    assert!(goodbye.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{goodbye:#?}");

    // The provider's session of alice has ended as well: it asks for a name again.
    let form = here.visit(&site.wiki("/")).await;
    assert!(form.url.as_str().starts_with(&site.plan.provider.issuer()), "{form:#?}");
    assert!(form.body.contains("name=\"login\""), "{form:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_out_inside_the_check_single() {
    signs_out_everywhere(Scenario::InsideTheCheck, Mode::Single).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_out_inside_the_check_domain() {
    signs_out_everywhere(Scenario::InsideTheCheck, Mode::Domain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_out_side_listener_single() {
    signs_out_everywhere(Scenario::SideListener, Mode::Single).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_out_side_listener_domain() {
    signs_out_everywhere(Scenario::SideListener, Mode::Domain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_query_signature_signs_out_at_any_path() {
    for scenario in Scenario::BOTH {
        let site = Site::start(scenario, Mode::Single).await;
        let browser = site.signed_in(Protocol::Http1).await;
        let left = browser.ask(click(&site.wiki("/some/page?X-authentik-logout=true"))).await;
        assert_leads_to_logout(&left, &site);
        assert!(!site.is_signed_in(&browser).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sites_image_script_or_form_cannot_sign_anybody_out() {
    for scenario in Scenario::BOTH {
        let site = Site::start(scenario, Mode::Single).await;
        let browser = site.signed_in(Protocol::Http1).await;
        let address = site.wiki(SIGN_OUT);
        let foreign = |ask: Ask| ask.header("sec-fetch-site", "cross-site");
        let asks = [
            foreign(Ask::navigation(&address)).header("sec-fetch-mode", "no-cors").header("sec-fetch-dest", "image"),
            foreign(Ask::navigation(&address)).header("sec-fetch-mode", "no-cors").header("sec-fetch-dest", "script"),
            foreign(Ask::script(Method::GET, &address)),
            foreign(Ask::navigation(&address)).header("sec-fetch-dest", "iframe"),
            foreign(Ask::script(Method::POST, &address)),
            // A link or form of another site, clicked by the user: at most a page that asks for confirmation.
            foreign(Ask::navigation(&address)),
            foreign(Ask::navigation(&address)).with_method(Method::POST),
        ];
        // The worst case: the cookie is sent although it is SameSite=Lax.
        for ask in asks {
            let page = browser.ask(ask).await;
            assert!(!page.status.is_redirection(), "{page:#?}");
            assert!(site.is_signed_in(&browser).await, "signed out by {page:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_without_logout_gets_a_plain_page() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.provider.end_session = false;
    let site = plan.start().await;
    let browser = site.signed_in(Protocol::Http1).await;
    let page = browser.ask(click(&site.wiki(SIGN_OUT))).await;
    assert_eq!(page.status, StatusCode::OK, "{page:#?}");
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{page:#?}");
    assert!(!site.is_signed_in(&browser).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_that_are_given_suffice_and_a_sign_out_may_end_at_the_provider() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    let provider = plan.provider.issuer();
    plan.settings.for_entries = format!(
        "    authorization_endpoint: {provider}/auth\n    token_endpoint: {provider}/token\n    jwks_uri: {provider}/jwks\n    \
         userinfo_endpoint: {provider}/me\n    end_session_endpoint: {provider}/session/end\n    \
         post_logout_redirect_uri: none\n"
    )
    .leak();
    let site = plan.start().await;
    let browser = site.signed_in(Protocol::Http1).await;
    let left = browser.ask(click(&site.wiki(SIGN_OUT))).await;
    let logout = left.location();
    assert!(logout.as_str().starts_with(&format!("{provider}/session/end?")), "{logout}");
    let names: Vec<String> = logout.query_pairs().map(|(name, _)| name.into_owned()).collect();
    assert_eq!(names, ["id_token_hint", "client_id"]);
    let question = browser.follow(left).await;
    let goodbye = browser.confirm_sign_out(&question).await;
    assert!(goodbye.status.is_success() && goodbye.url.as_str().starts_with(&provider), "{goodbye:#?}");
    assert!(!site.is_signed_in(&browser).await);
}
