//! Istio and Envoy Gateway: resources that make the gateway's Envoy ask over gRPC. The check also answers the browser's
//! requests for Gatepost's own endpoints, so no route leads to Gatepost.

use super::address::ListenerAddress;
use super::site::{Hosts, Site};

/// The default name of the service in a cluster.
const SERVICE: &str = "gatepost.gatepost.svc.cluster.local";

fn service(gatepost: &ListenerAddress) -> &str {
    if gatepost.is_name() { gatepost.bare_host() } else { SERVICE }
}

/// Mesh settings and a policy.
pub(super) fn istio(places: &[Site<'_>], gatepost: &ListenerAddress) -> String {
    format!(
        "# For Istio: the extension provider, a part of the mesh's settings (`meshConfig`).
extensionProviders:
- name: gatepost
  envoyExtAuthzGrpc:
    service: \"{}\"
    port: {}
    # A callback exchanges a code at the provider, which takes time.
    timeout: 15s
    # Back-channel logout (`backchannel_logout`), and `callback` with `response_mode: form_post`, need their body, which a
    # check does not have here: route these paths to Gatepost's HTTP listener, and exclude them from the policy below
    # (`notPaths`).
    # No request is allowed without a response from Gatepost.
    failOpen: false
    statusOnError: \"503\"
---
# The requests that are checked: those for these hosts, through this gateway.
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: gatepost
  namespace: istio-system
spec:
  selector:
    matchLabels:
      istio: ingressgateway
  action: CUSTOM
  provider:
    name: gatepost
  rules:
{}",
        service(gatepost),
        gatepost.port(),
        checked_requests(places)
    )
}

/// The rules of the policy. Istio routes `host:1234` like `host`, so each host is listed with every port. Below a domain no
/// pattern can do that, as a pattern has its `*` at one end only; then every request has to be checked.
fn checked_requests(places: &[Site<'_>]) -> String {
    let domain = places.iter().find(|place| matches!(place.host, Hosts::Below(_)));
    if let Some(domain) = domain {
        return format!(
            "  # All requests, because no pattern matches the hosts of `{}` with every port. Gatepost answers 403 for
  # hosts that it does not know. Name those that it does not guard in place of `{{}}`, each alone and with every port:
  # - to: [{{ operation: {{ notHosts: [\"other.example.com\", \"other.example.com:*\"] }} }}]
  - {{}}
",
            domain.pattern()
        );
    }
    let mut hosts: Vec<String> = Vec::new();
    for place in places {
        let pattern = place.pattern();
        for host in [format!("\"{pattern}\""), format!("\"{pattern}:*\"")] {
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
    }
    format!("  - to:\n    - operation:\n        hosts: [{}]\n", hosts.join(", "))
}

/// A policy for the route of each application.
pub(super) fn envoy_gateway(places: &[Site<'_>], gatepost: &ListenerAddress) -> String {
    let mut labels = service(gatepost).split('.');
    let service = labels.next().unwrap_or_default();
    let namespace = labels.next().unwrap_or("default");
    let port = gatepost.port();
    let policies = places.iter().map(|place| {
        // Names in a cluster must not contain `_`.
        let slug = place.slug.replace('_', "-");
        format!(
            "# For the HTTPRoute `{slug}`, whose `hostnames` are [\"{}\"].
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: SecurityPolicy
metadata:
  name: \"gatepost-{slug}\"
  # The namespace of the HTTPRoute: in another one this policy guards nothing.
  namespace: default
spec:
  targetRefs:
  - group: gateway.networking.k8s.io
    kind: HTTPRoute
    name: \"{slug}\"
  # Back-channel logout (`backchannel_logout`), and `callback` with `response_mode: form_post`, need their body, which a
  # check does not have here: give these paths a route of their own to Gatepost's HTTP listener, without this policy.
  extAuth:
    # No request is allowed without a response from Gatepost.
    failOpen: false
    grpc:
      backendRefs:
      - name: \"{service}\"
        namespace: \"{namespace}\"
        port: {port}
",
            place.pattern()
        )
    });
    let policies: Vec<String> = policies.collect();
    format!(
        "{}---
# Allows the policies in the routes' namespace to refer to the service in Gatepost's namespace.
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata:
  name: gatepost
  namespace: \"{namespace}\"
spec:
  from:
  - group: gateway.envoyproxy.io
    kind: SecurityPolicy
    namespace: default
  to:
  - group: \"\"
    kind: Service
    name: \"{service}\"
",
        policies.join("---\n")
    )
}
