//! Assertions that Gatepost signs, verified by a library of another language, and `userinfo` for the scripts of a page.

use std::process::Command;

use http::{Method, StatusCode};

use crate::support::browser::{Ask, Browser, Protocol};
use crate::support::envoy::Scenario;
use crate::support::process::Process;
use crate::support::settings::Mode;
use crate::support::site::Plan;
use crate::support::tools;

const ASSERTION: &str = "    assertion: { audience: wiki, claims: [groups] }\n";
const HEADER: &str = "x-gatepost-assertion";

/// Runs the script that verifies `token`.
fn verify(jwks: &str, token: &str, issuer: &str) {
    let script = tools::root().join("tests/e2e/assertion.mjs");
    let mut command = Command::new("node");
    let mut process = Process::start("verify", command.arg(script).args([jwks, token, issuer, "wiki", "alice"]));
    assert!(process.wait().success(), "{}", process.last_words());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_is_verified_by_a_stock_library_behind_envoy() {
    for scenario in Scenario::BOTH {
        let mut plan = Plan::new(scenario, Mode::Single);
        plan.settings.for_entries = ASSERTION;
        let site = plan.start().await;
        let browser = site.signed_in(Protocol::Http2).await;
        let seen = browser.open(&site.wiki("/")).await.seen();
        let token = seen.header(HEADER).expect("an assertion").to_owned();
        let again = browser.open(&site.wiki("/other")).await.seen();
        assert_eq!(again.header(HEADER), Some(token.as_str()), "it is prepared with the session");

        let stranger = Browser::new(Protocol::Http1);
        let keys = stranger.ask(Ask::script(Method::GET, &site.wiki("/outpost.goauthentik.io/jwks.json"))).await;
        assert_eq!(keys.status, StatusCode::OK);
        verify(&keys.body, &token, site.wiki("/").trim_end_matches('/'));

        let forged = Ask::plain(Method::GET, &site.wiki("/public/page")).header("x-gatepost-assertion", &token);
        assert_eq!(stranger.ask(forged).await.seen().header(HEADER), None, "on a public path, too");

        let user_info = Ask::script(Method::GET, &site.wiki("/outpost.goauthentik.io/userinfo"));
        assert_eq!(stranger.ask(user_info.clone()).await.status, StatusCode::UNAUTHORIZED);
        let told = browser.ask(user_info).await;
        assert_eq!(told.header("cache-control"), Some("no-store"));
        assert_eq!(told.json().text("sub"), Some("alice"));
    }
}
