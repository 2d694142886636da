//! The chart rendered by Helm 3, beside what Helm 4 makes of it in `make test` (tests/deploy).

use serde_json::{Value, json};

use super::{chart, helm, row};
use crate::table::{Cell, Row, Table};

const COLUMNS: [&str; 2] = ["the same as in `make test`", "refuses what it must"];

/// Values for each front proxy, and for several replicas.
fn accepted() -> Vec<Value> {
    let with = |changes: Value| helm::merged(&helm::replicated(), &changes);
    vec![
        helm::smallest(),
        helm::replicated(),
        with(json!({ "istio": { "enabled": true }, "serviceMonitor": { "enabled": true } })),
        with(json!({
            "envoyGateway": { "enabled": true, "routes": [{ "name": "wiki", "namespace": "default" }] },
            "httpRoute": { "enabled": true, "parentRefs": [{ "name": "eg", "namespace": "gateways" }] },
            "networkPolicy": { "enabled": true, "gateways": [{ "namespaceSelector": {} }] },
        })),
        with(json!({
            "ingressNginx": { "enabled": true, "tls": [{ "hosts": ["wiki.example.com"], "secretName": "wiki-tls" }] },
            "config": { "forward_auth": { "dialects": ["nginx"], "trusted_proxies": ["10.244.0.0/16"] } },
            "autoscaling": { "enabled": true },
        })),
    ]
}

/// Values that the schema or a template refuses.
fn refused() -> Vec<Value> {
    let with = |changes: Value| helm::merged(&helm::smallest(), &changes);
    vec![
        with(json!({ "replicas": 2 })),
        with(json!({ "replica": 1 })),
        with(json!({ "config": { "sesion": {} } })),
        with(json!({ "config": { "listen": { "grpc": "127.0.0.1:9001" } } })),
        with(json!({ "istio": { "enabled": true, "otherHosts": ["other.example.com"] } })),
    ]
}

fn renders_the_same() {
    let values = accepted();
    for (number, (here, there)) in chart::render(&values).into_iter().zip(helm::render(&values)).enumerate() {
        let here = here.unwrap_or_else(|error| panic!("Helm 3 refuses the values {number}: {error}"));
        let there = there.unwrap_or_else(|error| panic!("Helm 4 refuses the values {number}: {error}"));
        assert_eq!(here.resources, there.resources, "the values {number}");
        assert_eq!(here.notes, there.notes, "the values {number}");
    }
}

fn refuses_the_same() {
    let values = refused();
    for (number, (here, there)) in chart::render(&values).into_iter().zip(helm::render(&values)).enumerate() {
        assert!(here.is_err(), "Helm 3 takes the values {number}");
        assert!(there.is_err(), "Helm 4 takes the values {number}");
    }
}

pub(crate) async fn table() -> Table {
    let cells = vec![Cell::of(async { renders_the_same() }).await, Cell::of(async { refuses_the_same() }).await];
    let row = Row { program: "Helm".to_owned(), version: row::required("helm", "helm.sh/helm/v3"), cells };
    Table { name: "helm", corner: "Program", columns: &COLUMNS, rows: vec![row] }
}
