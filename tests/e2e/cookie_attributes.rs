//! The attributes that an operator gives to the cookies, in a real browser.

use crate::chromium::{run_chromium, run_script};
use crate::support::envoy::Scenario;
use crate::support::settings::{Entry, Mode};
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

/// A page of another site shows `start` in a frame, where its user signs in.
#[tokio::test(flavor = "multi_thread")]
async fn chromium_keeps_partitioned_cookies_in_a_frame_of_another_site() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.entries = vec![Entry::https_here("Wiki", "wiki")];
    plan.settings.for_entries = "    cookie: { same_site: none, partitioned: true }\n";
    plan.tls = true;
    let site = plan.start().await;
    let front = site.front();
    let (page, framed) = (
        format!("https://other.test:{front}/"),
        format!("https://wiki.example.com:{front}/outpost.goauthentik.io/start?rd=/page"),
    );
    run_script("frame.mjs", &[&page, &framed]);
}
