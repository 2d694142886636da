//! Gatepost comes and goes; attempts and sessions stay.

use crate::support::browser::{Browser, Protocol};
use crate::support::envoy::Scenario;
use crate::support::process::eventually;
use crate::support::settings::Mode;
use crate::support::site::Site;

/// Waits until Envoy has a connection to the new process.
async fn is_back(site: &Site) {
    let nobody = Browser::new(Protocol::Http1);
    eventually("Envoy reaches Gatepost again", async || {
        let page = nobody.open(&site.wiki("/public/")).await;
        page.status.is_success().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_mid_sign_in_goes_unnoticed() {
    for scenario in Scenario::BOTH {
        let mut site = Site::start(scenario, Mode::Single).await;
        let browser = Browser::new(Protocol::Http1);
        let address = site.wiki("/deep?x=1");
        let form = browser.visit(&address).await;
        site.gatepost.stop();
        site.start_gatepost();
        is_back(&site).await;
        let page = browser.fill_in(&form, "alice").await;
        assert_eq!(page.url.as_str(), address);
        assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_survive_a_restart_and_kill_9() {
    let mut site = Site::start(Scenario::InsideTheCheck, Mode::Domain).await;
    let browser = site.signed_in(Protocol::Http2).await;
    site.gatepost.stop();
    site.start_gatepost();
    is_back(&site).await;
    let page = browser.open(&site.wiki("/after-restart")).await;
    assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));

    // The session saved last, just before the power goes.
    let late = Browser::new(Protocol::Http1);
    late.sign_in(&site.wiki("/"), "bob").await;
    site.gatepost.kill();
    site.start_gatepost();
    is_back(&site).await;
    for (browser, name) in [(&browser, "alice"), (&late, "bob")] {
        let page = browser.open(&site.wiki("/after-kill")).await;
        assert_eq!(page.seen().header("x-authentik-username"), Some(name));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_gatepost_envoy_lets_nobody_through() {
    let mut site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let browser = site.signed_in(Protocol::Http1).await;
    let reached = site.application.seen().len();
    site.gatepost.kill();
    for path in ["/", "/public/"] {
        let page = browser.open(&site.wiki(path)).await;
        assert_eq!(page.status, http::StatusCode::SERVICE_UNAVAILABLE, "{page:#?}");
    }
    assert_eq!(site.application.seen().len(), reached, "nothing reached the application");
}
