//! The page of a user's sessions, in Chromium: one browser ends the session of another.

use crate::chromium::run_script;
use crate::support::envoy::Scenario;
use crate::support::front_proxy::{FrontProxy, FrontSite};
use crate::support::settings::Mode;
use crate::support::site::Site;

/// Pictures of the pages are written to this folder, for a person to look at.
const PICTURES: &str = "GATEPOST_TEST_PICTURES";

fn end_sessions(first: &str) {
    let folder = std::env::var(PICTURES).ok();
    let arguments: Vec<&str> = [first, "alice"].into_iter().chain(folder.as_deref()).collect();
    run_script("sessions.mjs", &arguments);
}

#[tokio::test(flavor = "multi_thread")]
async fn us_1_one_browser_ends_the_session_of_another_through_envoy() {
    for scenario in Scenario::BOTH {
        let site = Site::start(scenario, Mode::Single).await;
        end_sessions(&site.wiki("/"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn us_1_one_browser_ends_the_session_of_another_through_nginx() {
    let site = FrontSite::start(FrontProxy::Nginx).await;
    end_sessions(&site.wiki("/"));
}
