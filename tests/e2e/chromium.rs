//! A real browser: Chromium, driven by playwright-core.

use std::process::Command;

use crate::support::envoy::Scenario;
use crate::support::process::Process;
use crate::support::settings::Mode;
use crate::support::site::Site;
use crate::support::tools;

/// Runs the script of the walk with the tests' own provider.
pub(crate) fn run_chromium(arguments: &[&str]) {
    run_script("browser.mjs", arguments);
}

/// Runs a script in Chromium; it prints its steps and fails when a result is wrong.
pub(crate) fn run_script(name: &str, arguments: &[&str]) {
    tools::fetched("node_modules/playwright-core/package.json");
    let chromium = tools::installed("chromium");
    let script = tools::root().join("tests/e2e").join(name);
    let mut command = Command::new("node");
    let mut process = Process::start("chromium", command.arg(script).arg(chromium).args(arguments));
    let status = process.wait();
    assert!(status.success(), "{}", process.last_words());
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_signs_in_opens_a_second_tab_and_signs_out() {
    for scenario in Scenario::BOTH {
        let site = Site::start(scenario, Mode::Single).await;
        run_chromium(&[&site.wiki("/"), &site.wiki("/second"), "alice"]);
    }
}

/// A real browser stores the pieces of an address that is too long for `state`, and sends them to the callback only.
#[tokio::test(flavor = "multi_thread")]
async fn chromium_comes_back_to_a_long_address() {
    let site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let long = site.wiki(&format!("/page?q={}", "a%2Fb;c,d|".repeat(790)));
    run_chromium(&[&long, &site.wiki("/second"), "alice"]);
}
