//! Pages of another origin read a refusal: through Envoy, the front proxies, and in a real browser.

use http::{Method, StatusCode};

use crate::chromium::run_script;
use crate::support::browser::{Ask, Browser, Page, Protocol};
use crate::support::envoy::Scenario;
use crate::support::front_proxy::{FrontProxy, FrontSite};
use crate::support::settings::Mode;
use crate::support::site::Plan;

const ORIGINS: &str = "    cors_origins: [https://app.example.com]\n";
const RULES: &str = "    cors_origins: [https://app.example.com]\n    allow: [{ groups: [admins] }]\n";

fn headers(page: &Page) -> [Option<&str>; 3] {
    ["access-control-allow-origin", "access-control-allow-credentials", "vary"].map(|name| page.header(name))
}

async fn asked(browser: &Browser, url: &str, origin: &str) -> Page {
    let script = Ask::script(Method::GET, url).header("origin", origin).header("sec-fetch-site", "same-site");
    browser.ask(script).await
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_passes_the_headers_of_a_refusal_on() {
    for scenario in Scenario::BOTH {
        let mut plan = Plan::new(scenario, Mode::Single);
        plan.settings.for_entries = RULES;
        let site = plan.start().await;
        let (stranger, bob) = (Browser::new(Protocol::Http1), Browser::new(Protocol::Http2));
        let refused = bob.sign_in(&site.wiki("/"), "bob").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{refused:#?}");
        let alice = site.signed_in(Protocol::Http1).await;
        for (browser, status) in [(&stranger, StatusCode::UNAUTHORIZED), (&bob, StatusCode::FORBIDDEN)] {
            let page = asked(browser, &site.wiki("/api"), "https://app.example.com").await;
            assert_eq!(page.status, status);
            assert_eq!(headers(&page), [Some("https://app.example.com"), Some("true"), Some("Origin")]);
            let page = asked(browser, &site.wiki("/api"), "https://evil.test").await;
            assert_eq!((page.status, headers(&page)), (status, [None, None, Some("Origin")]));
        }
        let page = asked(&alice, &site.wiki("/api"), "https://app.example.com").await;
        assert_eq!((page.status, headers(&page)), (StatusCode::OK, [None, None, None]), "the application answers");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn front_proxies_pass_the_headers_of_a_401_on() {
    for front_proxy in [FrontProxy::Nginx, FrontProxy::Caddy, FrontProxy::Haproxy, FrontProxy::Envoy] {
        let site = FrontSite::start_with(front_proxy, Mode::Single, |settings, _| settings.for_entries = ORIGINS).await;
        let stranger = Browser::new(Protocol::Http1);
        let page = asked(&stranger, &site.wiki("/api"), "https://app.example.com").await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{front_proxy:?} {page:#?}");
        let expected = [Some("https://app.example.com"), Some("true"), Some("Origin")];
        assert_eq!(headers(&page), expected, "{front_proxy:?} {page:#?}");
        let page = asked(&stranger, &site.wiki("/api"), "https://evil.test").await;
        assert_eq!(headers(&page)[0], None, "{front_proxy:?} {page:#?}");
        let alice = site.signed_in().await;
        let page = asked(&alice, &site.wiki("/api"), "https://app.example.com").await;
        assert_eq!((page.status, headers(&page)[0]), (StatusCode::OK, None), "{front_proxy:?} {page:#?}");
    }
}

/// A page of the board calls the wiki.
#[tokio::test(flavor = "multi_thread")]
async fn chromium_lets_a_listed_page_read_a_401() {
    for listed in [true, false] {
        let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
        let name = if listed { "board" } else { "other" };
        let origin = format!("http://{name}.demo.localhost:{}", plan.front());
        plan.settings.for_entries = Box::leak(format!("    cors_origins: ['{origin}']\n").into_boxed_str());
        let site = plan.start().await;
        let expected = if listed { "401 sign_in_required" } else { "TypeError" };
        run_script("cors.mjs", &[&site.at("board", "/public/page"), &site.wiki("/api"), expected]);
    }
}
