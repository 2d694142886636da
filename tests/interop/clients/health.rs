//! Programs that ask for health: over gRPC (grpc.health.v1), and as the kubelet does.

use std::process::Command;

use super::{Cells, OTHER};
use crate::support::envoy::Scenario;
use crate::support::process::eventually;
use crate::support::settings::Mode;
use crate::support::site::{Plan, Site};
use crate::support::tools;
use crate::table::Cell;
use crate::version::{interop, said_by};

/// The services that are probed, and whether each is healthy.
const SERVICES: [(&str, bool); 4] = [
    ("", true),
    ("envoy.service.auth.v3.Authorization", true),
    ("grpc.health.v1.Health", false),
    ("no.such.Service", false),
];

/// A Gatepost that answers a while after it was asked to stop.
async fn stopping_slowly() -> Site {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.shutdown = "{ delay: 20s, grace: 5s }";
    plan.start().await
}

/// Whether a program said that the service is healthy, and all that it said.
struct Answer {
    is_healthy: bool,
    said: String,
}

fn run(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap_or_else(|fault| panic!("{command:?}: {fault}"));
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

async fn answers(probe: impl Fn(u16, &str) -> Answer) {
    let site = stopping_slowly().await;
    for (service, expected) in SERVICES {
        let Answer { is_healthy, said } = probe(site.gatepost.port("grpc"), service);
        assert_eq!(is_healthy, expected, "{service:?}: {said}");
    }
}

/// From the beginning of a stop on Gatepost is not healthy, although it still answers.
async fn sees_the_stop(probe: impl Fn(u16, &str) -> Answer) {
    let site = stopping_slowly().await;
    let port = site.gatepost.port("grpc");
    site.gatepost.ask_to_stop();
    for service in ["", "envoy.service.auth.v3.Authorization"] {
        let is_told = async || (!probe(port, service).is_healthy).then_some(());
        eventually("Gatepost says that it stops", is_told).await;
        let Answer { said, .. } = probe(port, service);
        assert!(said.contains("NOT_SERVING"), "{service:?}: {said}");
    }
}

/// The cells of a program that probes over gRPC; `http` is that of probes over HTTP.
async fn over_grpc(probe: impl Fn(u16, &str) -> Answer + Copy, http: Cell) -> Cells {
    let [grpc, stop] = [Cell::of(answers(probe)).await, Cell::of(sees_the_stop(probe)).await];
    [grpc, http, stop, OTHER, OTHER, OTHER, OTHER, OTHER]
}

pub(super) async fn grpc_health_probe() -> (String, Cells) {
    let program = interop("bin/grpc-health-probe");
    let probe = |port: u16, service: &str| {
        let mut command = Command::new(&program);
        let (is_healthy, said) = run(command.arg(format!("-addr=127.0.0.1:{port}")).arg(format!("-service={service}")));
        Answer { is_healthy, said }
    };
    let cells = over_grpc(probe, OTHER).await;
    (said_by(Command::new(&program).arg("--version")), cells)
}

pub(super) async fn grpcio() -> (String, Cells) {
    let python = tools::fetched("venv/bin/python");
    let probe = |port: u16, service: &str| {
        let script = tools::root().join("tests/e2e/health_client.py");
        let mut command = Command::new(&python);
        let (_, said) = run(command.arg(script).arg(format!("127.0.0.1:{port}")).args(["check", service]));
        Answer { is_healthy: said.contains("\"SERVING\""), said }
    };
    let cells = over_grpc(probe, OTHER).await;
    (said_by(Command::new(&python).args(["-c", "import grpc; print(grpc.__version__)"])), cells)
}

/// `kube-probe http`: the path at the port of metrics and probes.
fn probe_http(port: u16, path: &str) -> Answer {
    let mut command = Command::new(interop("bin/kube-probe"));
    let (_, said) = run(command.arg("http").arg(format!("http://127.0.0.1:{port}{path}")));
    Answer { is_healthy: said.starts_with("success"), said }
}

async fn answers_http() {
    let site = stopping_slowly().await;
    let port = site.gatepost.port("metrics");
    for (path, expected) in [("/livez", true), ("/readyz", true), ("/no-such-path", false)] {
        let Answer { is_healthy, said } = probe_http(port, path);
        assert_eq!(is_healthy, expected, "{path}: {said}");
    }
    site.gatepost.ask_to_stop();
    let is_told = async || (!probe_http(port, "/readyz").is_healthy).then_some(());
    eventually("Gatepost says that it stops", is_told).await;
    let alive = probe_http(port, "/livez");
    assert!(alive.is_healthy, "a process that stops is not restarted: {}", alive.said);
}

/// The packages that the kubelet probes with: its time limit, user agent and reading of the answers.
pub(super) async fn kubernetes() -> (String, Cells) {
    let program = interop("bin/kube-probe");
    let probe = |port: u16, service: &str| {
        let mut command = Command::new(&program);
        let (_, said) = run(command.args(["grpc", "127.0.0.1", &port.to_string(), service]));
        Answer { is_healthy: said.starts_with("success"), said }
    };
    let cells = over_grpc(probe, Cell::of(answers_http()).await).await;
    (said_by(Command::new(&program).arg("version")), cells)
}
