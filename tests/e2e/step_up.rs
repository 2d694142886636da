//! Rules that ask for another sign-in (`acr`, `max_age`), at the real provider: through Envoy and through the front proxies.

use http::{Method, StatusCode};

use crate::support::browser::{Ask, Page, Protocol};
use crate::support::envoy::Scenario;
use crate::support::front_proxy::{FrontProxy, FrontSite};
use crate::support::settings::Mode;
use crate::support::site::Plan;

/// The provider knows `mfa` alone, and tells `auth_time` only to clients that ask for `max_age`.
const RULES: &str = "    allow:
      - anyone: true
      - paths: [/admin]
        anyone: true
        acr: [hwk, mfa]
      - paths: [/pay]
        anyone: true
        max_age: 15m
      - paths: [/vault]
        anyone: true
        acr: [hwk]
        max_age: 15m
";

fn asked(page: &Page, name: &str) -> Option<String> {
    let location = page.location();
    location.query_pairs().find(|(other, _)| other == name).map(|(_, value)| value.into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_sends_a_user_to_the_provider_once() {
    for scenario in Scenario::BOTH {
        let mut plan = Plan::new(scenario, Mode::Single);
        plan.settings.for_entries = RULES;
        plan.provider.acr = Some("mfa");
        let site = plan.start().await;
        let browser = site.signed_in(Protocol::Http1).await;
        for (path, acr, max_age) in [("/admin?x=1", Some("hwk mfa"), None), ("/pay", None, Some("900"))] {
            let first = browser.open(&site.wiki(path)).await;
            assert_eq!((asked(&first, "acr_values").as_deref(), asked(&first, "max_age").as_deref()), (acr, max_age));
            let page = browser.follow(first).await;
            assert_eq!((page.url.as_str(), page.seen().path.as_str()), (site.wiki(path).as_str(), path));
            let again = browser.open(&site.wiki(path)).await;
            assert_eq!(again.seen().header("x-authentik-username"), Some("alice"));
            assert_eq!(browser.open(&site.wiki("/")).await.status, StatusCode::OK);
        }
        let script = browser.ask(Ask::script(Method::GET, &site.wiki("/vault"))).await;
        assert_eq!(script.status, StatusCode::FORBIDDEN, "{script:#?}");
        assert_eq!(script.json().text("error"), Some("insufficient_user_authentication"));
        let page = browser.visit(&site.wiki("/vault")).await;
        for page in [page, browser.open(&site.wiki("/vault")).await] {
            assert_eq!((page.status, page.url.path()), (StatusCode::FORBIDDEN, "/vault"), "{page:#?}");
            assert!(page.body.contains("its answer does not show one"), "{page:#?}");
        }
        assert_eq!(browser.open(&site.wiki("/")).await.status, StatusCode::OK, "the session goes on");
        assert!(site.application.seen().iter().all(|seen| !seen.path.starts_with("/vault")));
        assert!(site.gatepost.log().says("an access rule asks for another sign-in"));
    }
}

async fn the_front_proxy_leads_to_the_provider_once(front_proxy: FrontProxy) {
    let site = FrontSite::start_with(front_proxy, Mode::Single, |settings, provider| {
        settings.for_entries = RULES;
        provider.acr = Some("mfa");
    })
    .await;
    let browser = site.signed_in().await;
    for path in ["/admin?x=1&y=2", "/pay"] {
        let page = browser.visit(&site.wiki(path)).await;
        assert_eq!((page.url.as_str(), page.seen().path.as_str()), (site.wiki(path).as_str(), path));
    }
    let before = browser.trail().len();
    let page = browser.visit(&site.wiki("/vault")).await;
    assert_eq!((page.status, page.url.path()), (StatusCode::FORBIDDEN, "/vault"), "{page:#?}");
    assert!(browser.trail().len() - before < 12, "once: {:?}", &browser.trail()[before..]);
    assert_eq!(browser.open(&site.wiki("/vault")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.open(&site.wiki("/")).await.status, StatusCode::OK, "the session goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_leads_to_the_provider_once() {
    the_front_proxy_leads_to_the_provider_once(FrontProxy::Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_leads_to_the_provider_once() {
    the_front_proxy_leads_to_the_provider_once(FrontProxy::Caddy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_leads_to_the_provider_once() {
    the_front_proxy_leads_to_the_provider_once(FrontProxy::Haproxy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_over_http_leads_to_the_provider_once() {
    the_front_proxy_leads_to_the_provider_once(FrontProxy::Envoy).await;
}
