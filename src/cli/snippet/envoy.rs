//! Envoy: `envoy.yaml`, with a virtual host for each host. Applications in mode `proxy` need only the shipped file.

use super::address::ListenerAddress;
use super::site::{Hosts, Site, sites};
use super::template::{Excerpt, each, excerpt, filled, marked};

const INSIDE_THE_CHECK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/envoy/inside-the-check/envoy.yaml"));
const PROXY_MODE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/envoy/proxy-mode/envoy.yaml"));

const VIRTUAL_HOST: &str = "            - name: applications\n";
const FILTERS: &str = "          http_filters:\n";
const CLUSTER: &str = "  - name: app\n";

/// The part of the file with the virtual hosts, without the introductory comments.
const INSIDE: Excerpt = excerpt(excerpt(INSIDE_THE_CHECK, "admin:\n", "admin:\n").after, VIRTUAL_HOST, FILTERS);
const BEFORE_CLUSTERS: &str = excerpt(INSIDE.after, CLUSTER, CLUSTER).before;
const ROUTES: &str = excerpt(INSIDE_THE_CHECK, "              # Gatepost's own endpoints.", FILTERS).piece;
const CLUSTERS: &str = excerpt(INSIDE_THE_CHECK, CLUSTER, CLUSTER).after;
/// The place before the virtual host for all backends, into which ours are inserted.
const PROXY: Excerpt = excerpt(excerpt(PROXY_MODE, "admin:\n", "admin:\n").after, VIRTUAL_HOST, VIRTUAL_HOST);

pub(super) fn print(places: &[Site<'_>], proxies: bool, gatepost: &ListenerAddress) -> String {
    let hosts = each(sites(places), |site| virtual_host(&site));
    let clusters = each(places, clusters);
    let (before, after) = if proxies { (PROXY.before, PROXY.after) } else { (INSIDE.before, BEFORE_CLUSTERS) };
    let text = [before, &hosts, after, &clusters].concat();
    let kind = if gatepost.is_name() { "STRICT_DNS" } else { "STATIC" };
    let address = format!("address: \"{}\", port_value: {}", gatepost.bare_host(), gatepost.port());
    let text = filled!(text, in BEFORE_CLUSTERS,
        "- name: gatepost\n    type: STATIC" => &format!("- name: gatepost\n    type: {kind}"),
        "address: 127.0.0.1, port_value: 9001" => &address,
    );
    // The other file has the same markers.
    const { marked(PROXY.after, "- name: gatepost\n    type: STATIC") };
    const { marked(PROXY.after, "address: 127.0.0.1, port_value: 9001") };
    format!("# For Envoy: envoy.yaml. TLS is to end at this listener (`transport_socket`) or before it.\n{text}")
}

/// The virtual host of one site.
fn virtual_host(places: &[&Site<'_>]) -> String {
    let Some(first) = places.first() else { return String::new() };
    let quoted = |text: String| format!("\"{text}\"");
    let domains: Vec<String> = first.authorities(&first.pattern()).into_iter().map(quoted).collect();
    let (Hosts::One(name) | Hosts::Below(name)) = first.host;
    let routes = each(places, |place| routes(place));
    format!(
        "            - name: \"{name}\"\n              domains: [{}]\n              routes:\n{routes}",
        domains.join(", ")
    )
}

fn routes(place: &Site<'_>) -> String {
    let (slug, path) = (place.slug, place.path);
    let below = if path.is_empty() { "prefix: /".to_owned() } else { format!("path_separated_prefix: {path}") };
    // Below its own path, the metadata for programs would have no route. The check answers it.
    let metadata = each(place.metadata.iter().filter(|_| !path.is_empty()), |address| {
        format!("              - match: {{ path: {address} }}\n                route: {{ cluster: app_{slug} }}\n")
    });
    metadata
        + &filled!(ROUTES, in ROUTES,
            "prefix: /outpost.goauthentik.io/" => &format!("prefix: {path}/outpost.goauthentik.io/"),
            "path: /outpost.goauthentik.io/" => &format!("path: {path}/outpost.goauthentik.io/"),
            "{ prefix: /, grpc" => &format!("{{ {below}, grpc"),
            "{ prefix: / }" => &format!("{{ {below} }}"),
            "cluster: app_grpc" => &format!("cluster: app_{slug}_grpc"),
            "cluster: app," => &format!("cluster: app_{slug},"),
            "cluster: app }" => &format!("cluster: app_{slug} }}"),
        )
}

/// The clusters of the application itself: over HTTP/1.1 and, for gRPC, over HTTP/2.
fn clusters(place: &Site<'_>) -> String {
    filled!(CLUSTERS, in CLUSTERS,
        "name: app\n" => &format!("name: app_{}\n", place.slug),
        "name: app_grpc\n" => &format!("name: app_{}_grpc\n", place.slug),
    )
}
