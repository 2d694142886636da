//! SIGTERM under load: no request is lost, and the exit code is 0.

use std::time::{Duration, Instant};

use http::StatusCode;

use crate::support::browser::{Browser, Protocol};
use crate::support::envoy::Scenario;
use crate::support::load::Load;
use crate::support::process::eventually;
use crate::support::raw;
use crate::support::settings::Mode;
use crate::support::site::{Plan, Site};

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_loses_no_request() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.shutdown = "{ delay: 3s, grace: 10s }";
    let mut site = plan.start().await;
    let load = Load::start(&site);
    eventually("the load is on", async || (load.answered() > 100).then_some(())).await;

    let asked = Instant::now();
    site.gatepost.ask_to_stop();
    let metrics = site.gatepost.port("metrics");
    eventually("readiness goes first", async || {
        let answer = raw::get(metrics, "/readyz").await?;
        answer.starts_with("HTTP/1.1 503 ").then_some(())
    })
    .await;
    let before = load.answered();
    eventually("it serves on meanwhile", async || (load.answered() > before + 100).then_some(())).await;
    assert!(site.gatepost.is_running() && asked.elapsed() < Duration::from_secs(3), "within the delay");
    site.gatepost.wait_for_clean_end();
    let ended = Instant::now();
    assert!(ended - asked >= Duration::from_secs(3), "it served for the whole delay");
    let refused = load.end().await;
    // Nothing was refused while it served. Afterwards no process listens: Envoy answers 503.
    let too_early = refused.iter().filter(|(at, _)| *at < asked + Duration::from_secs(3));
    assert_eq!(too_early.collect::<Vec<_>>(), Vec::<&(Instant, StatusCode)>::new());
    assert!(refused.iter().all(|(_, status)| *status == StatusCode::SERVICE_UNAVAILABLE), "{refused:?}");
}

/// With the shipped health check and Gatepost's default delay, a rolling restart is not noticeable.
#[tokio::test(flavor = "multi_thread")]
async fn another_replica_takes_over() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.shutdown = "{}";
    plan.replicas = 1;
    let mut site = plan.start().await;
    let load = Load::start(&site);
    eventually("the load is on", async || (load.answered() > 100).then_some(())).await;
    site.gatepost.stop();
    let before = load.answered();
    eventually("the other one serves", async || (load.answered() > before + 100).then_some(())).await;
    assert_eq!(load.end().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_at_once() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.shutdown = "{ delay: 60s, grace: 60s }";
    let mut site = plan.start().await;
    site.gatepost.ask_to_stop();
    let metrics = site.gatepost.port("metrics");
    eventually("it has begun to stop", async || {
        let answer = raw::get(metrics, "/readyz").await?;
        answer.starts_with("HTTP/1.1 503 ").then_some(())
    })
    .await;
    site.gatepost.ask_to_stop();
    // Far earlier than the delay: `wait` gives up after 30 s.
    site.gatepost.wait_for_any_end();
}

/// A callback that waits for a slow provider is finished before the process ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_under_way_is_finished() {
    for scenario in Scenario::BOTH {
        let mut plan = Plan::new(scenario, Mode::Single);
        plan.provider.token_delay_ms = 2000;
        plan.settings.shutdown = "{ delay: 0s, grace: 20s }";
        let mut site = plan.start().await;
        let browser = Browser::new(Protocol::Http1);
        let form = browser.visit(&site.wiki("/")).await;
        let callback = browser.fill_in_until_callback(&form, "alice").await;
        let stop = async {
            // The callback is running once the provider has received the token request.
            let provider = site.provider.as_ref().expect("a provider");
            let waits = eventually("the token request", async || provider.has_token_request().then_some(()));
            waits.await;
            site.gatepost.ask_to_stop();
        };
        let (page, ()) = tokio::join!(browser.open(callback.as_str()), stop);
        assert_eq!(page.status, StatusCode::FOUND, "{page:#?}");
        assert_eq!(page.location().as_str(), site.wiki("/"));
        site.gatepost.wait_for_clean_end();
    }
}

/// All signals that end a process unless it handles them, in turn. Excluded are those that stop Gatepost (INT 2, TERM 15),
/// those that cannot be handled (KILL 9, STOP 19, and 32 and 33, which belong to the C library), those of a failed
/// instruction (ILL 4, TRAP 5, BUS 7, FPE 8, SEGV 11, SYS 31) and those of a terminal's job control (TSTP 20, TTIN 21, TTOU
/// 22).
#[tokio::test(flavor = "multi_thread")]
async fn no_other_signal_ends_the_process() {
    let mut site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let browser = site.signed_in(Protocol::Http1).await;
    let metrics = site.gatepost.port("metrics");
    let left_out = [2, 4, 5, 7, 8, 9, 11, 15, 19, 20, 21, 22, 31, 32, 33];
    for number in (1..=64).filter(|number| !left_out.contains(number)) {
        site.gatepost.signal(number);
        let alive = raw::get(metrics, "/livez").await.unwrap_or_default();
        assert!(alive.starts_with("HTTP/1.1 200 "), "signal {number}: {alive}");
        assert!(site.gatepost.is_running(), "signal {number}");
    }
    let page = browser.open(&site.wiki("/after-all-signals")).await;
    assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));
    site.gatepost.stop();
}
