//! Envoy: `envoy.yaml`, with a virtual host for each host. Applications in mode `proxy` need nothing but the file itself.

use super::address::Address;
use super::pieces::{each, parts, with};
use super::place::{Hosts, Place};

const INSIDE_THE_CHECK: &str = include_str!("../../envoy/inside-the-check/envoy.yaml");
const PROXY_MODE: &str = include_str!("../../envoy/proxy-mode/envoy.yaml");

const VIRTUAL_HOST: &str = "            - name: applications\n";
const FILTERS: &str = "          http_filters:\n";
const CLUSTER: &str = "  - name: app\n";

pub(super) fn print(places: &[Place<'_>], proxies: bool, gatepost: &Address) -> String {
    let hosts = each(hosts(places), |places| virtual_host(&places));
    let clusters = each(places, clusters);
    let text = if proxies {
        PROXY_MODE.replace(VIRTUAL_HOST, &[&hosts, VIRTUAL_HOST].concat()) + &clusters
    } else {
        let text = with(INSIDE_THE_CHECK, VIRTUAL_HOST, FILTERS, &hosts);
        let (before, _, _) = parts(&text, CLUSTER, CLUSTER);
        before.to_owned() + &clusters
    };
    let (_, _, text) = parts(&text, "admin:\n", "admin:\n");
    let kind = if gatepost.is_name() { "STRICT_DNS" } else { "STATIC" };
    let text =
        text.replace("- name: gatepost\n    type: STATIC", &format!("- name: gatepost\n    type: {kind}")).replace(
            "address: 127.0.0.1, port_value: 9001",
            &format!("address: \"{}\", port_value: {}", gatepost.bare_host(), gatepost.port()),
        );
    format!("# For Envoy: envoy.yaml. TLS is to end at this listener (`transport_socket`) or before it.\n{text}")
}

/// One virtual host may hold several applications: the ones with longer paths come first.
fn hosts<'p, 'a>(places: &'p [Place<'a>]) -> Vec<Vec<&'p Place<'a>>> {
    let mut hosts: Vec<Vec<&Place<'_>>> = Vec::new();
    for place in places {
        match hosts.iter_mut().find(|host| host.iter().any(|other| other.host == place.host)) {
            Some(host) => host.push(place),
            None => hosts.push(vec![place]),
        }
    }
    hosts
}

fn virtual_host(places: &[&Place<'_>]) -> String {
    let Some(first) = places.first() else { return String::new() };
    let pattern = first.pattern();
    let mut domains = vec![format!("\"{pattern}\"")];
    for place in places {
        let with_port = format!("\"{pattern}:{}\"", place.port);
        if !domains.contains(&with_port) {
            domains.push(with_port);
        }
    }
    let name = match first.host {
        Hosts::One(name) | Hosts::Below(name) => name,
    };
    let routes = each(places, |place| routes(place));
    format!(
        "            - name: \"{name}\"\n              domains: [{}]\n              routes:\n{routes}",
        domains.join(", ")
    )
}

fn routes(place: &Place<'_>) -> String {
    let (_, shipped, _) = parts(INSIDE_THE_CHECK, "              # Gatepost's own endpoints.", FILTERS);
    let (slug, path) = (place.slug, place.path);
    let below = if path.is_empty() { "prefix: /".to_owned() } else { format!("path_separated_prefix: {path}") };
    shipped
        .replace("prefix: /outpost.goauthentik.io/", &format!("prefix: {path}/outpost.goauthentik.io/"))
        .replace("path: /outpost.goauthentik.io/", &format!("path: {path}/outpost.goauthentik.io/"))
        .replace("{ prefix: /, grpc", &format!("{{ {below}, grpc"))
        .replace("{ prefix: / }", &format!("{{ {below} }}"))
        .replace("cluster: app_grpc", &format!("cluster: app_{slug}_grpc"))
        .replace("cluster: app,", &format!("cluster: app_{slug},"))
        .replace("cluster: app }", &format!("cluster: app_{slug} }}"))
}

/// The application itself, over HTTP/1.1 and, for gRPC, over HTTP/2.
fn clusters(place: &Place<'_>) -> String {
    let (_, _, shipped) = parts(INSIDE_THE_CHECK, CLUSTER, CLUSTER);
    shipped
        .replace("name: app\n", &format!("name: app_{}\n", place.slug))
        .replace("name: app_grpc\n", &format!("name: app_{}_grpc\n", place.slug))
}
