//! Clients of Gatepost: probes, a client of Envoy's API, Prometheus, and browsers.

mod browsers;
mod check;
mod health;
mod prometheus;

use crate::options::Options;
use crate::table::{Cell, Row, Table};

const COLUMNS: &[&str] = &[
    "health over gRPC",
    "health over HTTP",
    "sees the stop",
    "Check",
    "metrics",
    "sign-in",
    "sign-out",
    "both over http",
];

/// What a program is not for.
const OTHER: Cell = Cell::NotApplicable("");

pub(crate) async fn table(options: &Options) -> Table {
    let mut rows = Vec::new();
    for name in [
        "grpc-health-probe",
        "grpcio",
        "Kubernetes' prober",
        "go-control-plane",
        "Prometheus",
        "Chromium",
        "Firefox",
        "WebKitGTK",
    ] {
        if options.runs_row(name) {
            rows.push(row(name).await);
        }
    }
    Table { name: "clients", corner: "client", columns: COLUMNS, rows }
}

async fn row(name: &str) -> Row {
    let (version, cells) = match name {
        "grpc-health-probe" => health::grpc_health_probe().await,
        "grpcio" => health::grpcio().await,
        "Kubernetes' prober" => health::kubernetes().await,
        "go-control-plane" => check::go_control_plane().await,
        "Prometheus" => prometheus::prometheus().await,
        "Chromium" => browsers::row(browsers::Browser::Chromium).await,
        "Firefox" => browsers::row(browsers::Browser::Firefox).await,
        _ => browsers::row(browsers::Browser::WebKit).await,
    };
    Row { program: name.to_owned(), version, cells: cells.into() }
}

/// One cell for each column.
type Cells = [Cell; COLUMNS.len()];
