//! Traefik: a file for its file provider, with two routers and two services for each application.

use super::address::ListenerAddress;
use super::site::{Hosts, Site};
use super::template::{distinct, each, excerpt};

const SHIPPED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/envoy/forward-auth/traefik/dynamic.yaml"));
const OF_NO_CLIENT: &str =
    excerpt(SHIPPED, "    # Removes headers in which", "    gatepost:\n      forwardAuth:").piece;
const WHY: &str = excerpt(SHIPPED, "        # Traefik removes every", "        authResponseHeadersRegex").piece;

pub(super) fn print(places: &[Site<'_>], gatepost: &ListenerAddress) -> String {
    let routers = each(places.iter().rev().zip(1..), |(place, rank)| routers(place, rank * 10));
    let middlewares = each(places, |place| middleware(place, gatepost));
    let services = each(places, |place| {
        format!("    # The application itself.\n    app-{}:\n{}", place.slug, service("127.0.0.1:8080"))
    });
    let gatepost = service(&gatepost.to_string());
    format!(
        "# For the file provider of Traefik 3
http:
  routers:
{routers}
  middlewares:
{OF_NO_CLIENT}{middlewares}
  services:
    gatepost:
{gatepost}{services}"
    )
}

fn routers(place: &Site<'_>, priority: usize) -> String {
    let Site { slug, path, .. } = place;
    let host = host(place);
    // The prefix alone would match `/docsx`, too.
    let below = if path.is_empty() { String::new() } else { format!(" && (Path(`{path}`) || PathPrefix(`{path}/`))") };
    let (entry_point, tls) = if place.is_https { ("websecure", "      tls: {}\n") } else { ("web", "") };
    let metadata = each(&place.metadata, |path| {
        format!(
            "    # Metadata for programs (RFC 9728).
    gatepost-metadata-{slug}:
      rule: {host} && Path(`{path}`)
      priority: {}
      entryPoints: [{entry_point}]
{tls}      middlewares: [of-no-client]
      service: gatepost
",
            priority + 5
        )
    });
    format!(
        "{metadata}    # The sign-in endpoints. Clients must not reach `auth`, the endpoint for subrequests.
    gatepost-{slug}:
      rule: {host} && PathPrefix(`{path}/outpost.goauthentik.io/`) && !PathPrefix(`{path}/outpost.goauthentik.io/auth`)
      priority: {}
      entryPoints: [{entry_point}]
{tls}      middlewares: [of-no-client]
      service: gatepost
    app-{slug}:
      rule: {host}{below}
      priority: {priority}
      entryPoints: [{entry_point}]
{tls}      middlewares: [of-no-client, gatepost-{slug}]
      service: app-{slug}
",
        priority + 5
    )
}

fn host(place: &Site<'_>) -> String {
    match place.host {
        Hosts::One(host) => format!("Host(`{host}`)"),
        Hosts::Below(domain) => format!(r"HostRegexp(`^.+\.{}$`)", domain.replace('.', r"\.")),
    }
}

fn middleware(place: &Site<'_>, gatepost: &ListenerAddress) -> String {
    let (slug, names) = (place.slug, each(place.copied(), |name| format!("        - {name}\n")));
    format!(
        "    gatepost-{slug}:
      forwardAuth:
        address: http://{gatepost}/outpost.goauthentik.io/auth/traefik/{slug}
        trustForwardHeader: false
{WHY}        authResponseHeadersRegex: '{}'
        authResponseHeaders:
{names}",
        owned(place)
    )
}

/// A pattern for every spelling of our headers: in a name, all characters but letters and digits count as equal.
fn owned(place: &Site<'_>) -> String {
    let fold = |name: &str| name.replace(['-', '_', '.'], "[^a-z0-9]");
    let authentik = "x[^a-z0-9]authentik([^a-z0-9].*)?".to_owned();
    let names = distinct(place.further_owned().map(fold));
    let all: Vec<String> = std::iter::once(authentik).chain(names).collect();
    format!("(?i)^({})$", all.join("|"))
}

fn service(address: &str) -> String {
    format!("      loadBalancer:\n        passHostHeader: true\n        servers:\n        - url: http://{address}\n")
}
