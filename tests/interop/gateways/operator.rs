//! What an operator takes from Gatepost: the output of `gatepost snippet`, or a release of the chart.

use std::process::Command;

use serde_json::{Value, json};

use super::chart;
use super::cluster::{self, APPLICATIONS, GATEWAYS, Ports, SLUGS};
use super::helm::{self, NAMESPACE, Release, merged};
use crate::support::gatepost::Launch;

/// Resources for a gateway.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    /// Istio's mesh settings, as YAML.
    pub(crate) mesh: String,
    /// Resources, each as a YAML document.
    pub(crate) resources: Vec<String>,
}

impl Given {
    pub(crate) fn add(&mut self, resources: impl IntoIterator<Item = Value>) {
        self.resources.extend(resources.into_iter().map(|resource| resource.to_string()));
    }
}

/// What `gatepost snippet` prints for this front proxy.
fn printed(front_proxy: &str, launch: &Launch) -> String {
    let address = format!("http://gatepost.{NAMESPACE}.svc.cluster.local:9000");
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
    command.args(["snippet", front_proxy, "--gatepost", &address, "--config"]).arg(&launch.config);
    command.current_dir(&launch.folder).envs(launch.environment.iter().cloned());
    let output = command.output().expect("gatepost");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Istio's snippet, with the exclusion of back-channel logouts that docs/istio-and-envoy-gateway.md describes.
pub(crate) fn istio_snippet(launch: &Launch, ports: Ports) -> Given {
    let printed = printed("istio", launch);
    let (mesh, policy) = printed.split_once("\n---\n").expect("mesh settings and a policy");
    let hosts = policy.lines().find(|line| line.trim_start().starts_with("hosts: [")).expect("the hosts of the policy");
    let indent = " ".repeat(hosts.len() - hosts.trim_start().len());
    let policy = policy.replace(hosts, &format!("{hosts}\n{indent}{}", cluster::excluded_paths()));
    let mut given = Given { mesh: mesh.to_owned(), resources: vec![policy] };
    let service = cluster::gatepost(ports);
    given.add([cluster::endpoints(&service), service]);
    given
}

/// Envoy Gateway's snippet, with the route of back-channel logouts that docs/istio-and-envoy-gateway.md describes.
pub(crate) fn envoy_gateway_snippet(launch: &Launch, ports: Ports) -> Given {
    let printed = printed("envoy-gateway", launch);
    let mut given = Given { resources: printed.split("\n---\n").map(str::to_owned).collect(), ..Given::default() };
    let service = cluster::gatepost(ports);
    given.add([cluster::endpoints(&service), service, cluster::logout_route(ports)]);
    given
}

/// A release of the chart for Gatepost's configuration, with these values for a front proxy.
fn release(launch: &Launch, ports: Ports, changes: &Value) -> Release {
    let text = std::fs::read_to_string(&launch.config).expect("gatepost.yaml");
    let mut config = helm::values(&[&text]).remove(0);
    let members = config.as_object_mut().expect("sections");
    // The pod has listeners of its own, and its folder for sessions.
    members.retain(|name, _| name == "applications");
    config["listen"] = json!({ "grpc": ports.grpc, "http": ports.http });
    let secrets = launch
        .environment
        .iter()
        .map(|(name, _)| json!({ "name": name, "secretName": "oidc", "key": name.to_lowercase().replace('_', "-") }));
    let values = json!({
        "image": { "repository": "registry.example.com/gatepost" },
        "config": config,
        "secretEnv": secrets.collect::<Vec<_>>(),
    });
    chart::rendered_by_helm_3(merged(&values, changes))
}

/// The resources of a release that a gateway reads, with what the cluster adds.
fn of_release(release: &Release) -> Given {
    let mut given = Given::default();
    for kind in ["AuthorizationPolicy", "SecurityPolicy", "ReferenceGrant", "HTTPRoute"] {
        given.add(release.all(kind).into_iter().cloned());
    }
    let service = cluster::with_address(release.the("Service").clone());
    given.add([cluster::endpoints(&service), service]);
    given
}

/// The release's resources for Istio, and the mesh settings that its notes print.
pub(crate) fn istio_release(launch: &Launch, ports: Ports, target: &Value, routes_logouts: bool) -> Given {
    let changes = json!({
        "istio": { "enabled": true, "targets": [target] },
        "httpRoute": { "enabled": routes_logouts, "parentRefs": [{ "name": "gateway", "namespace": GATEWAYS }] },
    });
    let release = release(launch, ports, &changes);
    let (_, notes) = release.notes.split_once("\nextensionProviders:").expect("the extension provider in the notes");
    let mesh = format!("extensionProviders:{}", notes.split("\n\n").next().unwrap_or_default());
    Given { mesh, ..of_release(&release) }
}

/// The release's resources for Envoy Gateway.
pub(crate) fn envoy_gateway_release(launch: &Launch, ports: Ports) -> Given {
    let routes = SLUGS.map(|slug| json!({ "name": slug, "namespace": APPLICATIONS }));
    let changes = json!({
        "envoyGateway": { "enabled": true, "routes": routes },
        "httpRoute": { "enabled": true, "parentRefs": [{ "name": "gateway", "namespace": GATEWAYS }] },
    });
    of_release(&release(launch, ports, &changes))
}
