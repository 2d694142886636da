//! Many tabs at once: every sign-in attempt is independent.

use futures_util::future::join_all;

use crate::support::browser::{Browser, Page, Protocol};
use crate::support::envoy::Scenario;
use crate::support::settings::Mode;
use crate::support::site::Site;

fn addresses(site: &Site) -> Vec<String> {
    (0..10).map(|tab| site.wiki(&format!("/tab/{tab}?from={tab}"))).collect()
}

fn assert_all_arrived(addresses: &[String], pages: &[Page]) {
    for (address, page) in addresses.iter().zip(pages) {
        assert_eq!(page.url.as_str(), address);
        assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));
    }
    assert_eq!(addresses.len(), pages.len());
}

/// All ten show the provider's form before the first one is sent; then the user fills in one after the other.
#[tokio::test(flavor = "multi_thread")]
async fn ten_forms_opened_at_once_all_lead_where_they_wanted_to_go() {
    for (scenario, mode) in [(Scenario::InsideTheCheck, Mode::Single), (Scenario::SideListener, Mode::Domain)] {
        for protocol in Protocol::BOTH {
            let site = Site::start(scenario, mode).await;
            let browser = Browser::new(protocol);
            let addresses = addresses(&site);
            let forms = join_all(addresses.iter().map(|address| browser.visit(address))).await;
            let mut pages = Vec::new();
            for form in &forms {
                pages.push(browser.fill_in(form, "alice").await);
            }
            assert_all_arrived(&addresses, &pages);
        }
    }
}

/// A browser that was closed with ten tabs open, and whose session at the provider still exists: the user does not have to
/// click.
#[tokio::test(flavor = "multi_thread")]
async fn ten_tabs_opened_at_once_sign_in_by_themselves() {
    for (scenario, mode) in [(Scenario::InsideTheCheck, Mode::Domain), (Scenario::SideListener, Mode::Single)] {
        for protocol in Protocol::BOTH {
            let site = Site::start(scenario, mode).await;
            let browser = site.signed_in(protocol).await;
            browser.forget(|cookie| cookie.name.contains("gatepost"));
            let addresses = addresses(&site);
            let pages = join_all(addresses.iter().map(|address| browser.visit(address))).await;
            assert_all_arrived(&addresses, &pages);
        }
    }
}
