//! Envoy's resources as files that the real Envoy subscribes to, in place of the gateway's xDS server.
//!
//! Two things change on the way: a subscription to the xDS server (`ads`) becomes one to a file, and listeners for
//! all addresses bind to 127.0.0.1.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::translate::Translated;
use crate::support::raw;

const TYPES: &str = "type.googleapis.com/envoy.config";

/// Writes the resources into a folder inside of `folder`; the content of Envoy's own file, which subscribes to them.
pub(crate) fn bootstrap(translated: &Translated, admin: u16, folder: &Path) -> String {
    let folder = &folder.join("xds");
    std::fs::create_dir(folder).expect("a folder");
    let listeners = translated.listeners.iter().map(|listener| on_this_machine(listener, translated, folder));
    let clusters = translated.clusters.iter().map(|cluster| with_endpoints(cluster, translated, folder));
    let listeners = write(folder, "listeners", "listener.v3.Listener", listeners.collect());
    let clusters = write(folder, "clusters", "cluster.v3.Cluster", clusters.collect());
    let bootstrap = json!({
        "node": { "id": "gateway", "cluster": "gateway" },
        "admin": { "address": { "socket_address": { "address": "127.0.0.1", "port_value": admin } } },
        "dynamic_resources": { "lds_config": subscription(&listeners), "cds_config": subscription(&clusters) },
    });
    bootstrap.to_string()
}

fn subscription(file: &Path) -> Value {
    json!({ "path_config_source": { "path": file }, "resource_api_version": "V3" })
}

/// Writes a discovery response with these resources.
fn write(folder: &Path, name: &str, kind: &str, resources: Vec<Value>) -> PathBuf {
    let resources: Vec<_> = resources
        .into_iter()
        .map(|mut resource| {
            resource["@type"] = format!("{TYPES}.{kind}").into();
            resource
        })
        .collect();
    let file = folder.join(format!("{name}.json"));
    std::fs::write(&file, json!({ "resources": resources }).to_string()).expect("a file of resources");
    file
}

/// The listener on this machine alone, with its routes from files.
fn on_this_machine(listener: &Value, translated: &Translated, folder: &Path) -> Value {
    let mut listener = listener.clone();
    if let Some(address) =
        listener.pointer_mut("/address/socketAddress/address").filter(|address| *address == "0.0.0.0")
    {
        *address = "127.0.0.1".into();
    }
    each_object(&mut listener, &mut |name, part| {
        if name != "rds" {
            return;
        }
        let wanted = part["routeConfigName"].clone();
        let position = translated.routes.iter().position(|routes| routes["name"] == wanted);
        let position = position.unwrap_or_else(|| panic!("no routes are named {wanted}"));
        let routes = vec![translated.routes[position].clone()];
        let file = write(folder, &format!("routes-{position}"), "route.v3.RouteConfiguration", routes);
        part["configSource"] = subscription(&file);
    });
    listener
}

/// The cluster with its endpoints from a file.
fn with_endpoints(cluster: &Value, translated: &Translated, folder: &Path) -> Value {
    let mut cluster = cluster.clone();
    let Some(eds) = cluster.get("edsClusterConfig") else { return cluster };
    let wanted = eds.get("serviceName").unwrap_or(&cluster["name"]).clone();
    let position = translated.endpoints.iter().position(|endpoints| endpoints["clusterName"] == wanted);
    let position = position.unwrap_or_else(|| panic!("no endpoints for {wanted}"));
    let endpoints = vec![translated.endpoints[position].clone()];
    let file = write(folder, &format!("endpoints-{position}"), "endpoint.v3.ClusterLoadAssignment", endpoints);
    cluster["edsClusterConfig"]["edsConfig"] = subscription(&file);
    cluster
}

/// Calls `change` for each object inside of `value`, with the name of its member.
fn each_object(value: &mut Value, change: &mut impl FnMut(&str, &mut Value)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if member.is_object() {
                    change(name, member);
                }
                each_object(member, change);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_object(item, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Envoy took every resource, and refused none.
pub(crate) async fn took_everything(translated: Arc<Translated>, admin: u16) {
    let answer =
        raw::get(admin, "/stats?filter=update_(success|rejected|failure)$|total_listeners_active|active_clusters")
            .await;
    let answer = answer.expect("Envoy's statistics");
    let stats: Vec<(&str, u64)> = raw::body(&answer)
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter_map(|(name, value)| Some((name, value.trim().parse().ok()?)))
        .collect();
    for (name, value) in &stats {
        if name.ends_with("rejected") || name.ends_with("failure") {
            assert_eq!(*value, 0, "{name}: {answer}");
        }
    }
    let count = |wanted: &str| stats.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    let expected = |list: &[Value]| u64::try_from(list.len()).ok();
    assert_eq!(count("listener_manager.total_listeners_active"), expected(&translated.listeners), "{answer}");
    assert_eq!(count("cluster_manager.active_clusters"), expected(&translated.clusters), "{answer}");
}
