//! A service whose listeners are bound and that serves no connection yet: between building and running.

use std::net::SocketAddr;
use std::sync::Arc;

use tonic::service::Routes;
use tracing::info;

use super::certificates::Certificates;
use super::config::{Limits, Listen, Shutdown};
use super::fault::Fault;
use crate::domain::session::Lifetimes;
use crate::inbound::connections::{ConnectionLimits, Listener, MutualTls, ReloadableTls};
use crate::inbound::ext_authz::{CheckService, Deadlines, Health};
use crate::inbound::forward_auth::ForwardAuthSettings;
use crate::inbound::grpc::Calls;
use crate::inbound::ops::Readiness;
use crate::outpost::Outpost;
use crate::ports::{Clock, SessionStore};
use crate::telemetry::{DecisionRecorder, MetricsPage};

/// The parts of a running service, besides its listeners.
pub struct Service {
    /// Answers the requests.
    pub outpost: Arc<Outpost>,
    /// The session store; expired sessions are deleted periodically.
    pub store: Arc<dyn SessionStore>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The lifetimes of sessions.
    pub lifetimes: Lifetimes,
    /// Slugs of the applications, for metrics.
    pub applications: Vec<String>,
    /// The certificates for HTTPS.
    pub certificates: Certificates,
    /// Certificates of the admin listener; `None`: no TLS.
    pub admin_tls: Option<MutualTls>,
    /// The front proxies that may use forward auth over HTTP; `None`: none.
    pub forward_auth: Option<ForwardAuthSettings>,
    /// Limits.
    pub limits: Limits,
    /// The delays of a shutdown.
    pub shutdown: Shutdown,
}

/// Bound listeners, and the service that will run on them.
pub struct Bound {
    pub(super) service: Service,
    pub(super) listeners: Listeners,
    pub(super) recorder: DecisionRecorder,
    pub(super) metrics: MetricsPage,
    pub(super) readiness: Readiness,
    pub(super) health: Health,
}

pub(super) struct Listeners {
    pub(super) grpc: Listener,
    pub(super) http: Option<Listener>,
    pub(super) https: Option<(Listener, ReloadableTls)>,
    pub(super) metrics: Listener,
    pub(super) admin: Option<(Listener, Option<ReloadableTls>)>,
}

/// The bound addresses.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// Envoy's checks.
    pub grpc: SocketAddr,
    /// Browsers, over HTTP.
    pub http: Option<SocketAddr>,
    /// Browsers, over HTTPS.
    pub https: Option<SocketAddr>,
    /// Probes and metrics.
    pub metrics: SocketAddr,
    /// Operators.
    pub admin: Option<SocketAddr>,
}

impl Bound {
    /// Binds every listener.
    ///
    /// # Errors
    /// When an address cannot be bound, or no certificate can be made.
    pub async fn bind(service: Service, listen: &Listen) -> Result<Self, Fault> {
        let metrics = crate::telemetry::install();
        let recorder = DecisionRecorder::new(service.applications.iter().map(String::as_str));
        let permits = service.limits.connections;
        let trusted = service.forward_auth.as_ref().map_or(&[][..], |settings| settings.trusted.networks());
        let front_proxies = &[&service.limits.front_proxies.0, trusted].concat();
        let listeners = Listeners {
            grpc: open("grpc", listen.grpc, permits).await?.with_front_proxies(front_proxies),
            http: match listen.http {
                Some(address) => Some(open("http", address, permits).await?.with_front_proxies(front_proxies)),
                None => None,
            },
            https: match listen.https {
                Some(address) => {
                    let listener = open("https", address, permits).await?.with_front_proxies(front_proxies);
                    let config = service.certificates.tls()?;
                    Some((listener, ReloadableTls::new(config)))
                }
                None => None,
            },
            metrics: open("metrics", listen.metrics, permits).await?,
            admin: match listen.admin {
                Some(address) => {
                    let tls = service.admin_tls.as_ref().map(MutualTls::server_config).transpose();
                    Some((
                        open("admin", address, permits).await?,
                        tls.map_err(Fault::AdminTls)?.map(ReloadableTls::new),
                    ))
                }
                None => None,
            },
        };
        let health = Health::not_serving().await;
        Ok(Self { service, listeners, recorder, metrics, readiness: Readiness::default(), health })
    }

    /// The real addresses, where port 0 was asked for.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        let Listeners { grpc, http, https, metrics, admin } = &self.listeners;
        Addresses {
            grpc: grpc.address(),
            http: http.as_ref().map(Listener::address),
            https: https.as_ref().map(|(listener, _)| listener.address()),
            metrics: metrics.address(),
            admin: admin.as_ref().map(|(listener, _)| listener.address()),
        }
    }

    /// Logs the addresses of all listeners.
    pub(super) fn announce(&self) {
        let Addresses { grpc, http, https, metrics, admin } = self.addresses();
        let all =
            [("grpc", Some(grpc)), ("http", http), ("https", https), ("metrics", Some(metrics)), ("admin", admin)];
        for (listener, address) in all {
            if let Some(address) = address {
                info!(listener, %address, "listening");
            }
        }
    }

    /// The gRPC service of Envoy's `Check`.
    pub(super) fn check(&self) -> impl Calls + use<> {
        let Service { outpost, limits, .. } = &self.service;
        let deadlines = Deadlines { check: limits.grpc.call_deadline, callback: limits.grpc.callback_deadline };
        let service = CheckService::new(Arc::clone(outpost), deadlines, self.recorder.clone());
        service.into_server(limits.grpc.max_message_bytes)
    }

    /// The other services on the gRPC port.
    pub(super) fn others(&self) -> Result<Routes, Fault> {
        Ok(self.health.routes()?)
    }
}

async fn open(name: &'static str, address: SocketAddr, limits: ConnectionLimits) -> Result<Listener, Fault> {
    Listener::bind(name, address, limits).await.map_err(|cause| Fault::Bind { name, address, cause })
}
