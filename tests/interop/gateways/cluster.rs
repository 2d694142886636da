//! The operator's cluster: Services of Gatepost and of the application, and the routes of a gateway to it.

use serde_json::{Value, json};

use super::helm::NAMESPACE;

/// The namespace of the applications.
pub(crate) const APPLICATIONS: &str = "default";
/// The namespace of gateways of the Gateway API.
pub(crate) const GATEWAYS: &str = "gateways";
/// The address of the proxy's pod, by which Istio knows it. No packet is sent there.
pub(crate) const PROXY: &str = "10.0.0.7";
/// The slugs of the applications, which are also the names of their routes.
pub(crate) const SLUGS: [&str; 2] = ["wiki", "board"];
const BACK_CHANNEL: &str = "/outpost.goauthentik.io/backchannel_logout";

/// The ports of this run. A Service has the port of the program behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    /// The gateway's listener.
    pub(crate) front: u16,
    pub(crate) grpc: u16,
    pub(crate) http: u16,
    pub(crate) application: u16,
}

pub(crate) fn host(slug: &str) -> String {
    format!("{slug}.demo.localhost")
}

/// What the API server adds to a Service. There is no network of pods here: each address is this machine's.
pub(crate) fn with_address(mut service: Value) -> Value {
    service["spec"]["clusterIP"] = "127.0.0.1".into();
    service["spec"]["clusterIPs"] = json!(["127.0.0.1"]);
    service
}

/// The endpoints of a Service, as the cluster's controller writes them: each port is the Service's own.
pub(crate) fn endpoints(service: &Value) -> Value {
    let (name, namespace) = (&service["metadata"]["name"], &service["metadata"]["namespace"]);
    let ports = service["spec"]["ports"].as_array().expect("ports").iter().map(
        |port| json!({ "name": port["name"], "port": port["port"], "appProtocol": port["appProtocol"], "protocol": "TCP" }),
    );
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": format!("{}-1", name.as_str().expect("a name")),
            "namespace": namespace,
            "labels": { "kubernetes.io/service-name": name },
        },
        "addressType": "IPv4",
        "endpoints": [{ "addresses": ["127.0.0.1"], "conditions": { "ready": true } }],
        "ports": ports.collect::<Vec<_>>(),
    })
}

fn service(namespace: &str, name: &str, ports: &[(&str, u16, &str)]) -> Value {
    let ports = ports.iter().map(
        |(name, port, protocol)| json!({ "name": name, "port": port, "targetPort": port, "appProtocol": protocol }),
    );
    with_address(json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": name, "namespace": namespace },
        "spec": { "selector": { "app": name }, "ports": ports.collect::<Vec<_>>() },
    }))
}

/// The Service of a Gatepost that was not installed by the chart.
pub(crate) fn gatepost(ports: Ports) -> Value {
    service(NAMESPACE, "gatepost", &[("grpc", ports.grpc, "kubernetes.io/h2c"), ("http", ports.http, "http")])
}

pub(crate) fn application(ports: Ports) -> Value {
    service(APPLICATIONS, "application", &[("http", ports.application, "http")])
}

/// A Gateway of the Gateway API.
pub(crate) fn gateway(class: &str, ports: Ports) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": { "name": "gateway", "namespace": GATEWAYS },
        "spec": {
            "gatewayClassName": class,
            "listeners": [{
                "name": "http",
                "protocol": "HTTP",
                "port": ports.front,
                "allowedRoutes": { "namespaces": { "from": "All" } },
            }],
        },
    })
}

pub(crate) fn gateway_class(name: &str, controller: &str) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GatewayClass",
        "metadata": { "name": name },
        "spec": { "controllerName": controller },
    })
}

/// The `HTTPRoute` of an application.
pub(crate) fn http_route(slug: &str, ports: Ports) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": { "name": slug, "namespace": APPLICATIONS },
        "spec": {
            "parentRefs": [{ "name": "gateway", "namespace": GATEWAYS }],
            "hostnames": [host(slug)],
            "rules": [{ "backendRefs": [{ "name": "application", "port": ports.application }] }],
        },
    })
}

/// The route of back-channel logouts to Gatepost, beside its Service, as docs/istio-and-envoy-gateway.md describes it.
pub(crate) fn logout_route(ports: Ports) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": { "name": "gatepost", "namespace": NAMESPACE },
        "spec": {
            "parentRefs": [{ "name": "gateway", "namespace": GATEWAYS }],
            "hostnames": SLUGS.map(host),
            "rules": [{
                "matches": [{ "path": { "type": "Exact", "value": BACK_CHANNEL } }],
                "backendRefs": [{ "name": "gatepost", "port": ports.http }],
            }],
        },
    })
}

/// Istio's own `Gateway` and `VirtualService`, with the route of back-channel logouts.
pub(crate) fn istio_routes(ports: Ports) -> Vec<Value> {
    let to = |host: String, port: u16| json!([{ "destination": { "host": host, "port": { "number": port } } }]);
    let gateway = json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": { "name": "gateway", "namespace": "istio-system" },
        "spec": {
            "selector": { "istio": "ingressgateway" },
            "servers": [{ "port": { "number": ports.front, "name": "http", "protocol": "HTTP" }, "hosts": ["*"] }],
        },
    });
    let routes = json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": { "name": "applications", "namespace": "istio-system" },
        "spec": {
            "gateways": ["gateway"],
            "hosts": SLUGS.map(host),
            "http": [
                {
                    "match": [{ "uri": { "exact": BACK_CHANNEL } }],
                    "route": to(format!("gatepost.{NAMESPACE}.svc.cluster.local"), ports.http),
                },
                { "route": to(format!("application.{APPLICATIONS}.svc.cluster.local"), ports.application) },
            ],
        },
    });
    vec![gateway, routes]
}

/// A sidecar beside the application that listens at ports of its own, because no iptables rules lead connections to it here, and that
/// takes connections without the mesh's certificates.
pub(crate) fn sidecar(ports: Ports) -> Vec<Value> {
    let port = |number: u16| json!({ "number": number, "name": "http", "protocol": "HTTP" });
    vec![
        json!({
            "apiVersion": "networking.istio.io/v1",
            "kind": "Sidecar",
            "metadata": { "name": "application", "namespace": APPLICATIONS },
            "spec": {
                "workloadSelector": { "labels": { "app": "application" } },
                "ingress": [{
                    "port": port(ports.front),
                    "bind": "127.0.0.1",
                    "captureMode": "NONE",
                    "defaultEndpoint": format!("127.0.0.1:{}", ports.application),
                }],
                "egress": [{
                    "port": port(ports.grpc),
                    // Gatepost itself is at 127.0.0.1.
                    "bind": "127.0.0.2",
                    "captureMode": "NONE",
                    "hosts": [format!("{NAMESPACE}/*")],
                }],
            },
        }),
        json!({
            "apiVersion": "security.istio.io/v1",
            "kind": "PeerAuthentication",
            "metadata": { "name": "default", "namespace": APPLICATIONS },
            "spec": { "mtls": { "mode": "DISABLE" } },
        }),
    ]
}

/// What Istio deploys for a Gateway of the Gateway API: its Service, with the proxy behind it.
pub(crate) fn istio_deployment(ports: Ports) -> [Value; 2] {
    let mut service = service(GATEWAYS, "gateway-istio", &[("http", ports.front, "http")]);
    service["spec"]["selector"] = json!({ "gateway.networking.k8s.io/gateway-name": "gateway" });
    let mut endpoints = endpoints(&service);
    endpoints["endpoints"][0]["addresses"] = json!([PROXY]);
    [service, endpoints]
}

/// A waypoint of the ambient mode, with its Service as Istio deploys it.
pub(crate) fn waypoint() -> [Value; 3] {
    let mut waypoint = service(APPLICATIONS, "waypoint", &[("mesh", 15008, "hbone")]);
    waypoint["spec"]["selector"] = json!({ "gateway.networking.k8s.io/gateway-name": "waypoint" });
    let gateway = json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {
            "name": "waypoint",
            "namespace": APPLICATIONS,
            "labels": { "istio.io/waypoint-for": "service" },
        },
        "spec": {
            "gatewayClassName": "istio-waypoint",
            "listeners": [{ "name": "mesh", "port": 15008, "protocol": "HBONE" }],
        },
        "status": { "addresses": [{ "type": "Hostname", "value": format!("waypoint.{APPLICATIONS}.svc.cluster.local") }] },
    });
    [gateway_class("istio-waypoint", "istio.io/mesh-controller"), gateway, waypoint]
}

/// The Service with its requests led through the waypoint.
pub(crate) fn behind_waypoint(mut service: Value) -> Value {
    service["metadata"]["labels"] = json!({ "istio.io/use-waypoint": "waypoint" });
    service
}

/// The path that the operator excludes from Istio's policy because a route leads it to Gatepost.
pub(crate) fn excluded_paths() -> String {
    format!("notPaths: [\"{BACK_CHANNEL}\"]")
}
