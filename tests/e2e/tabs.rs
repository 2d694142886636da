//! Many tabs at once: every sign-in attempt is its own.

use futures_util::future::join_all;

use crate::support::browser::{Browser, Protocol};
use crate::support::envoy::Scenario;
use crate::support::settings::Mode;
use crate::support::site::Site;

#[tokio::test(flavor = "multi_thread")]
async fn ten_tabs_all_end_where_they_wanted_to_go() {
    for (scenario, mode) in [(Scenario::InsideTheCheck, Mode::Single), (Scenario::SideListener, Mode::Domain)] {
        for protocol in Protocol::BOTH {
            let site = Site::start(scenario, mode).await;
            let browser = Browser::new(protocol);
            let addresses: Vec<String> = (0..10).map(|tab| site.wiki(&format!("/tab/{tab}?from={tab}"))).collect();
            // All have started and show the provider's form before the first one is sent.
            let forms = join_all(addresses.iter().map(|address| browser.visit(address))).await;
            let pages = join_all(forms.iter().map(|form| browser.fill_in(form, "alice"))).await;
            for (address, page) in addresses.iter().zip(&pages) {
                assert_eq!(page.url.as_str(), address);
                assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));
            }
            let again = browser.open(&site.wiki("/again")).await;
            assert_eq!(again.seen().header("x-authentik-username"), Some("alice"));
        }
    }
}
