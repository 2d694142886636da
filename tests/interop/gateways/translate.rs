//! The gateways' own code: resources of a cluster in, Envoy's resources out.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;
use serde_json::{Value, json};

use super::operator::Given;
use crate::support::tools;

/// Envoy's resources of each type.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Translated {
    pub(crate) listeners: Vec<Value>,
    pub(crate) routes: Vec<Value>,
    pub(crate) clusters: Vec<Value>,
    pub(crate) endpoints: Vec<Value>,
}

/// The proxy of Istio's that asks for its configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proxy {
    /// `router`, `sidecar` or `waypoint`.
    pub(crate) kind: &'static str,
    pub(crate) namespace: &'static str,
    pub(crate) label: (&'static str, &'static str),
    /// The address of its pod.
    pub(crate) address: &'static str,
}

/// Filters that Istio's own build of Envoy adds to Envoy's, and that the real Envoy does not have: they exchange names of workloads and
/// choose TLS's application protocol.
const WITHOUT_FILTERS_OF_ISTIOS_BUILD: [(&str, &str); 2] =
    [("PILOT_ENABLE_METADATA_EXCHANGE", "false"), ("PILOT_ENABLE_ALPN_FILTER", "false")];

/// No agent of Istio's hands out the mesh's certificates here.
const WITHOUT_MUTUAL_TLS: &str = "\nenableAutoMtls: false\n";

/// The configuration that Istio's control plane sends to `proxy`.
pub(crate) fn istio(given: &Given, proxy: Proxy, folder: &Path) -> Translated {
    let (request, answer) = (folder.join("request.json"), folder.join("answer.json"));
    let (name, value) = proxy.label;
    let asked = json!({
        "meshConfig": given.mesh.clone() + WITHOUT_MUTUAL_TLS,
        "resources": given.resources.join("\n---\n"),
        "proxy": {
            "type": proxy.kind,
            "namespace": proxy.namespace,
            "labels": { name: value },
            "address": proxy.address,
            "interceptionMode": "NONE",
        },
    });
    std::fs::write(&request, asked.to_string()).expect("the request");
    let mut command = Command::new(tools::fetched("interop/bin/gateways-istio"));
    command.args([&request, &answer]).envs(WITHOUT_FILTERS_OF_ISTIOS_BUILD);
    command.env("PILOT_ENABLE_AMBIENT", (proxy.kind == "waypoint").to_string());
    let output = command.output().expect("Istio's control plane");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&std::fs::read(&answer).expect("the answer")).expect("Envoy's resources")
}

/// The configuration that Envoy Gateway sends to the proxies of its only Gateway.
pub(crate) fn envoy_gateway(given: &Given, folder: &Path) -> Translated {
    let (resources, answer) = (folder.join("resources.yaml"), folder.join("answer.json"));
    std::fs::write(&resources, given.resources.join("\n---\n")).expect("the resources");
    let mut command = Command::new(tools::fetched("interop/bin/gateways-envoy_gateway"));
    let output = command.args([&resources, &answer]).output().expect("Envoy Gateway's translator");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&std::fs::read(&answer).expect("the answer")).expect("JSON");
    for kind in ["gateways", "httpRoutes", "securityPolicies"] {
        for resource in answer[kind].as_array().unwrap_or_else(|| panic!("no {kind} in {answer:#}")) {
            require_conditions(resource);
        }
    }
    serde_json::from_value(answer).expect("Envoy's resources")
}

/// Each condition in the status of a resource is met.
fn require_conditions(resource: &Value) {
    let name = format!("{} {}", resource["kind"], resource["metadata"]["name"]);
    let parts =
        ["listeners", "parents", "ancestors"].into_iter().filter_map(|part| resource["status"][part].as_array());
    let conditions = parts.flatten().flat_map(|part| part["conditions"].as_array().into_iter().flatten());
    let conditions: Vec<_> = conditions.collect();
    assert!(!conditions.is_empty(), "{name} has no condition: {resource:#}");
    for condition in conditions {
        assert_eq!(condition["status"], "True", "{name}: {condition:#}");
    }
}
