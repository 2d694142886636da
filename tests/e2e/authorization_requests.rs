//! What an application adds to its authorization requests, at the real provider: consent for offline access, and
//! authorization responses as form posts.

use http::StatusCode;

use crate::chromium::run_chromium;
use crate::support::browser::{Browser, Protocol};
use crate::support::envoy::Scenario;
use crate::support::process::eventually;
use crate::support::settings::{Entry, Mode};
use crate::support::site::{Plan, Site};

/// The provider gives no refresh token for `offline_access` unless it asks the user for consent.
#[tokio::test(flavor = "multi_thread")]
async fn offline_access_with_consent_outlasts_the_tokens() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.scopes = "openid, profile, email, groups, offline_access";
    plan.settings.for_entries = "    authorization_parameters: { prompt: consent }\n";
    plan.provider.token_seconds = Some(5);
    let site = plan.start().await;
    let (browser, address) = (Browser::new(Protocol::Http1), site.wiki("/page"));
    let first = browser.open(&address).await;
    assert!(first.location().query_pairs().any(|(name, value)| name == "prompt" && value == "consent"), "{first:#?}");
    let form = browser.follow(first).await;
    let question = browser.fill_in(&form, "alice").await;
    let page = browser.consent(&question).await;
    assert_eq!(page.url.as_str(), address);
    assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));
    let provider = site.provider.as_ref().expect("runs");
    eventually("the session is refreshed", async || {
        assert_eq!(browser.open(&address).await.status, StatusCode::OK, "without another sign-in");
        (provider.refreshes(0) > 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn start_passes_a_login_hint_on_to_the_provider() {
    for scenario in Scenario::BOTH {
        let mut plan = Plan::new(scenario, Mode::Single);
        plan.settings.for_entries = "    forward_parameters: [login_hint]\n";
        let site = plan.start().await;
        let browser = Browser::new(Protocol::Http1);
        let query = "rd=/page&login_hint=bob%40example.test&redirect_uri=https%3A%2F%2Fevil.test%2F&prompt=none";
        let page = browser.visit(&site.wiki(&format!("/outpost.goauthentik.io/start?{query}"))).await;
        assert!(page.body.contains("value=\"bob@example.test\""), "the form is filled in: {page:#?}");
        let page = browser.fill_in(&page, "bob").await;
        assert_eq!(page.url.as_str(), site.wiki("/page"));
        let page = browser.open(&site.wiki("/page?login_hint=alice")).await;
        assert_eq!(page.seen().path, "/page?login_hint=alice", "the application's own parameter");
    }
}

async fn by_form(scenario: Scenario) -> Site {
    let mut plan = Plan::new(scenario, Mode::Single);
    plan.settings.entries = vec![Entry::https_here("Wiki", "wiki")];
    plan.settings.for_entries = "    response_mode: form_post\n";
    plan.tls = true;
    plan.start().await
}

fn address(site: &Site, path: &str) -> String {
    format!("https://wiki.example.com:{}{path}", site.front())
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_carries_the_form_of_the_provider() {
    for scenario in Scenario::BOTH {
        let site = by_form(scenario).await;
        let browser = Browser::new(Protocol::Http1);
        let long = address(&site, &format!("/page?x={}", "y".repeat(600)));
        for page in [address(&site, "/page"), long] {
            let form = browser.visit(&page).await;
            let form = if form.body.contains("name=\"login\"") { browser.fill_in(&form, "alice").await } else { form };
            let back = browser.send_form(&form).await;
            assert_eq!((back.status, back.location().as_str()), (StatusCode::SEE_OTHER, page.as_str()), "{back:#?}");
            let seen = browser.follow(back).await.seen();
            assert_eq!(seen.header("x-authentik-username"), Some("alice"));
            assert_eq!((seen.method.as_str(), seen.header("cookie").unwrap_or_default()), ("GET", ""));
            browser.forget(|cookie| cookie.name.contains("session"));
        }
        assert!(site.application.seen().iter().all(|seen| !seen.path.contains("callback")));
        let logged = site.gatepost.log().text() + &site.envoy.access_log();
        assert!(!logged.contains("code="), "{logged}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_signs_in_by_a_form_of_the_provider() {
    for scenario in Scenario::BOTH {
        let site = by_form(scenario).await;
        run_chromium(&[&address(&site, "/"), &address(&site, "/second"), "alice"]);
    }
}
