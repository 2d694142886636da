//! Health checks by real clients: Envoy, and the Python health client, which resembles Kubernetes' probes.

use std::process::Command;

use crate::support::envoy::Scenario;
use crate::support::json::Json;
use crate::support::process::{Process, eventually};
use crate::support::settings::Mode;
use crate::support::site::{Plan, Site};
use crate::support::{raw, tools};

#[tokio::test(flavor = "multi_thread")]
async fn envoys_health_check_follows_gatepost() {
    let mut site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let port = site.gatepost.port("grpc");
    let becomes = async |site: &Site, healthy: bool| {
        let envoy = &site.envoy;
        let fits = async || envoy.finds_healthy(port).await.filter(|found| *found == healthy);
        eventually("Envoy's view of Gatepost", fits).await;
    };
    becomes(&site, true).await;
    site.gatepost.stop();
    becomes(&site, false).await;
    site.start_gatepost();
    becomes(&site, true).await;
}

/// Starts the Python client; it prints one JSON line per answer.
fn health_client(port: u16, arguments: &[&str]) -> Process {
    let script = tools::root().join("tests/e2e/health_client.py");
    let python = tools::fetched("venv/bin/python");
    let mut command = Command::new(python);
    Process::start(
        "health client (no grpc_health? run `make tools`)",
        command.arg(script).arg(format!("127.0.0.1:{port}")).args(arguments),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn grpcio_health_checking_agrees() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.shutdown = "{ delay: 2s, grace: 5s }";
    let mut site = plan.start().await;
    let port = site.gatepost.port("grpc");
    let services = ["", "envoy.service.auth.v3.Authorization", "no.such.Service"];
    let client = health_client(port, &[&["check"][..], &services].concat());
    for (service, expected) in services.iter().zip(["SERVING", "SERVING", "NOT_FOUND"]) {
        let answer = client.out.find(|line| Json::parse(line).filter(|line| line.text("service") == Some(service)));
        let answer = answer.unwrap_or_else(|| panic!("no answer for {service:?}\n{}", client.last_words()));
        assert_eq!(answer.text("status"), Some(expected), "{service:?}");
    }

    // Watch reports the beginning of the shutdown while Gatepost still serves.
    let watcher = health_client(port, &["watch", "envoy.service.auth.v3.Authorization"]);
    let says =
        |status: &str| watcher.out.find(|line| Json::parse(line).filter(|line| line.text("status") == Some(status)));
    assert!(says("SERVING").is_some(), "{}", watcher.last_words());
    site.gatepost.ask_to_stop();
    assert!(says("NOT_SERVING").is_some(), "{}", watcher.last_words());
    site.gatepost.wait_for_clean_end();
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_and_metrics_have_a_port_of_their_own() {
    let site = Site::start(Scenario::SideListener, Mode::Single).await;
    let metrics = site.gatepost.port("metrics");
    for path in ["/livez", "/readyz", "/metrics"] {
        let answer = raw::get(metrics, path).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
        let public = raw::get_with(site.front(), &site.host("wiki"), path, &[]).await;
        assert!(!public.starts_with("HTTP/1.1 200 "), "{path} through Envoy: {public}");
        let direct = raw::get(site.gatepost.port("http"), path).await.expect("an answer");
        assert!(!direct.starts_with("HTTP/1.1 200 "), "{path} at the side listener: {direct}");
    }
    let ping = raw::get_with(site.front(), &site.host("wiki"), "/outpost.goauthentik.io/ping", &[]).await;
    assert!(ping.starts_with("HTTP/1.1 204 "), "{ping}");
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_does_not_wait_for_the_provider() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.provider_is_up = false;
    let site = plan.start().await;
    let answer = raw::get(site.gatepost.port("metrics"), "/readyz").await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
