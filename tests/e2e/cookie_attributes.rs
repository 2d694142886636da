//! A session cookie with the attributes that an operator chose, in a real browser.

use crate::chromium::run_chromium;
use crate::support::envoy::Scenario;
use crate::support::settings::Mode;
use crate::support::site::Plan;

/// The provider's site is another one, so the session cookie would not come with its redirect.
#[tokio::test(flavor = "multi_thread")]
async fn chromium_signs_in_with_a_strict_session_cookie() {
    for scenario in Scenario::BOTH {
        let mut plan = Plan::new(scenario, Mode::Single);
        plan.settings.for_entries = "    cookie: { same_site: strict }\n";
        let site = plan.start().await;
        run_chromium(&[&site.wiki("/"), &site.wiki("/second"), "alice"]);
    }
}
