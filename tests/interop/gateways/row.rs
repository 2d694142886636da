//! The rows of the table: a gateway, and what its operator took from Gatepost.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::checks::{self, Intended};
use super::cluster::{self, APPLICATIONS, GATEWAYS, Ports, SLUGS};
use super::load;
use super::operator::{self, Given};
use super::site::{Plan, Site};
use super::translate::{self, Proxy, Translated};
use crate::support::gatepost::Launch;
use crate::support::tools;
use crate::table::{Cell, Row as TableRow};

pub(crate) const COLUMNS: [&str; 10] = [
    "accepted by its validation",
    "Check as intended",
    "loaded by Envoy",
    "sign-in",
    "every port guarded",
    "public path",
    "spoofed headers removed",
    "sign-out",
    "logout by the provider",
    "denied without Gatepost",
];
/// The columns for which browsers have to reach the gateway.
const BEHAVIOUR: usize = 7;

/// What checks requests, and where its configuration comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A gateway with Istio's own `Gateway` and `VirtualService`, and the snippet.
    IstioSnippet,
    /// A gateway of the Gateway API, and the chart.
    IstioChart,
    /// A sidecar beside the application, and the chart.
    IstioSidecar,
    /// A waypoint of the ambient mode before the application, and the chart.
    IstioWaypoint,
    EnvoyGatewaySnippet,
    EnvoyGatewayChart,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    place: Place,
}

pub(crate) const ROWS: [Row; 6] = [
    Row { name: "Istio, ingress gateway, `gatepost snippet`", place: Place::IstioSnippet },
    Row { name: "Istio, Gateway API, chart", place: Place::IstioChart },
    Row { name: "Istio, sidecar, chart", place: Place::IstioSidecar },
    Row { name: "Istio, waypoint, chart", place: Place::IstioWaypoint },
    Row { name: "Envoy Gateway, `gatepost snippet`", place: Place::EnvoyGatewaySnippet },
    Row { name: "Envoy Gateway, chart", place: Place::EnvoyGatewayChart },
];

impl Place {
    fn is_istio(self) -> bool {
        !matches!(self, Self::EnvoyGatewaySnippet | Self::EnvoyGatewayChart)
    }

    fn intended(self) -> Intended {
        if self.is_istio() {
            Intended { timeout: "15s", status_on_error: Some("ServiceUnavailable") }
        } else {
            Intended { timeout: "10s", status_on_error: None }
        }
    }

    /// The operator's resources for this place.
    fn given(self, launch: &Launch, ports: Ports) -> Given {
        let application = if self == Self::IstioWaypoint {
            cluster::behind_waypoint(cluster::application(ports))
        } else {
            cluster::application(ports)
        };
        let routes = SLUGS.map(|slug| cluster::http_route(slug, ports));
        let mut given = match self {
            Self::IstioSnippet => operator::istio_snippet(launch, ports),
            Self::IstioChart => operator::istio_release(launch, ports, &by_reference("gateway", GATEWAYS), true),
            Self::IstioSidecar => {
                let target = json!({ "namespace": APPLICATIONS, "selector": { "app": "application" } });
                operator::istio_release(launch, ports, &target, false)
            }
            Self::IstioWaypoint => {
                operator::istio_release(launch, ports, &by_reference("waypoint", APPLICATIONS), false)
            }
            Self::EnvoyGatewaySnippet => operator::envoy_gateway_snippet(launch, ports),
            Self::EnvoyGatewayChart => operator::envoy_gateway_release(launch, ports),
        };
        match self {
            Self::IstioSnippet => given.add(cluster::istio_routes(ports)),
            Self::IstioChart => {
                given.add([
                    cluster::gateway_class("istio", "istio.io/gateway-controller"),
                    cluster::gateway("istio", ports),
                ]);
                given.add(cluster::istio_deployment(ports));
                given.add(routes);
            }
            Self::IstioSidecar => given.add(cluster::sidecar(ports)),
            Self::IstioWaypoint => given.add(cluster::waypoint()),
            Self::EnvoyGatewaySnippet | Self::EnvoyGatewayChart => {
                let class = cluster::gateway_class("eg", "gateway.envoyproxy.io/gatewayclass-controller");
                given.add([class, cluster::gateway("eg", ports)]);
                given.add(routes);
            }
        }
        given.add([cluster::endpoints(&application), application]);
        given
    }

    fn translate(self, given: &Given, launch: &Launch) -> Translated {
        let proxy = |kind, namespace, label| Proxy { kind, namespace, label, address: cluster::PROXY };
        match self {
            Self::IstioSnippet => {
                translate::istio(given, proxy("router", "istio-system", ("istio", "ingressgateway")), &launch.folder)
            }
            Self::IstioChart => {
                let label = ("gateway.networking.k8s.io/gateway-name", "gateway");
                translate::istio(given, proxy("router", GATEWAYS, label), &launch.folder)
            }
            Self::IstioSidecar => {
                translate::istio(given, proxy("sidecar", APPLICATIONS, ("app", "application")), &launch.folder)
            }
            Self::IstioWaypoint => {
                let label = ("gateway.networking.k8s.io/gateway-name", "waypoint");
                translate::istio(given, proxy("waypoint", APPLICATIONS, label), &launch.folder)
            }
            Self::EnvoyGatewaySnippet | Self::EnvoyGatewayChart => translate::envoy_gateway(given, &launch.folder),
        }
    }

    fn version(self) -> String {
        let (folder, module) = if self.is_istio() {
            ("istio", "istio.io/istio")
        } else {
            ("envoy_gateway", "github.com/envoyproxy/gateway")
        };
        required(folder, module)
    }
}

/// The version of a module in `tests/interop/gateways/<folder>/go.mod`.
pub(crate) fn required(folder: &str, module: &str) -> String {
    let path = tools::root().join("tests/interop/gateways").join(folder).join("go.mod");
    let text = std::fs::read_to_string(path).expect("go.mod");
    let version =
        text.lines().find_map(|line| line.trim_start_matches("require").trim().strip_prefix(module)?.strip_prefix(' '));
    version.unwrap_or_else(|| panic!("{module} is not in the go.mod of {folder}")).to_owned()
}

/// The target of a policy by the name of a Gateway.
fn by_reference(name: &str, namespace: &str) -> Value {
    json!({
        "namespace": namespace,
        "targetRefs": [{ "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": name }],
    })
}

impl Row {
    pub(crate) async fn run(self) -> TableRow {
        TableRow { program: self.name.to_owned(), version: self.place.version(), cells: self.cells().await }
    }

    async fn cells(self) -> Vec<Cell> {
        let place = self.place;
        let intended = place.intended();
        let plan = Plan::new();
        let (launch, ports) = (plan.launch.clone(), plan.ports);
        let (accepted, translated) = kept(async move || {
            let given = place.given(&launch, ports);
            place.translate(&given, &launch)
        })
        .await;
        let Some(translated) = translated else { return after(vec![accepted]) };
        let translated = Arc::new(translated);
        let seen = Arc::clone(&translated);
        let asks = Cell::of(async move { checks::asks_as_intended(&seen, intended) }).await;
        if place == Place::IstioWaypoint {
            let mut cells = vec![accepted, asks];
            cells.resize(COLUMNS.len(), Cell::NotApplicable("behind ztunnel"));
            return cells;
        }
        let seen = Arc::clone(&translated);
        let (loaded, site) = kept(async move || {
            let site = plan.start(Arc::clone(&seen)).await;
            load::took_everything(seen, site.admin).await;
            site
        })
        .await;
        let mut cells = vec![accepted, asks, loaded];
        let Some(site) = site else { return after(cells) };
        cells.extend(behaviour(place, Arc::new(site)).await);
        cells
    }
}

/// What browsers see, in the order of [`COLUMNS`].
async fn behaviour(place: Place, site: Arc<Site>) -> [Cell; BEHAVIOUR] {
    macro_rules! cell {
        ($check:ident $(, $argument:expr)*) => {{
            let site = Arc::clone(&site);
            Cell::of(async move { checks::$check(&site $(, $argument)*).await }).await
        }};
    }
    [
        cell!(signs_in),
        cell!(guards_every_port),
        cell!(passes_public_paths),
        cell!(removes_spoofed_headers),
        cell!(signs_out),
        if place == Place::IstioSidecar {
            Cell::NotApplicable("the gateway routes it")
        } else {
            cell!(follows_the_providers_logout)
        },
        cell!(denies_without_gatepost, place.intended()),
    ]
}

/// The cells so far, and "no" for those that need what failed.
fn after(mut cells: Vec<Cell>) -> Vec<Cell> {
    cells.resize(COLUMNS.len(), Cell::Fails("an earlier step failed".to_owned()));
    cells
}

/// The cell of a step, and what the step made. The step stays on one thread, since waiting for Envoy cannot move to another.
async fn kept<T, F>(step: impl FnOnce() -> F + Send + 'static) -> (Cell, Option<T>)
where
    T: Send + Sync + 'static,
    F: Future<Output = T>,
{
    let made = Arc::new(OnceLock::new());
    let slot = Arc::clone(&made);
    let cell = Cell::of(async move {
        let runs = tokio::task::spawn_blocking(move || Handle::current().block_on(step()));
        match runs.await {
            Ok(value) => drop(slot.set(value)),
            Err(fault) => std::panic::resume_unwind(fault.into_panic()),
        }
    })
    .await;
    (cell, Arc::into_inner(made).and_then(OnceLock::into_inner))
}
