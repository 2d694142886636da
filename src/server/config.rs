//! Everything that a start needs: a struct of the rooms' own settings.

use std::net::SocketAddr;
use std::time::Duration;

use crate::domain::application::registry::Applications;
use crate::domain::crypto::sealing::SealingKeys;
use crate::domain::http::RequestLimits;
use crate::domain::session::Lifetimes;
use crate::inbound::connections::{ConnectionLimits, FrontProxies, MutualTls};
use crate::inbound::forward_auth::ForwardAuthSettings;
use crate::inbound::grpc::GrpcLimits;
use crate::inbound::side_listener::{HttpLimits, TlsIdentity};
use crate::outbound::provider::ProviderSettings;
use crate::outbound::store::StoreSettings;
use crate::outpost::WaitLimits;
use crate::telemetry::LogSettings;

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Envoy's checks.
    pub grpc: SocketAddr,
    /// Browsers, over HTTP.
    pub http: Option<SocketAddr>,
    /// Browsers, over HTTPS.
    pub https: Option<SocketAddr>,
    /// Probes and metrics.
    pub metrics: SocketAddr,
    /// Operators, who list and end sessions.
    pub admin: Option<SocketAddr>,
}

/// How to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// How long requests are still taken while health says no.
    pub delay: Duration,
    /// How long running requests may take after that.
    pub grace: Duration,
}

/// Where the sealing keys come from.
#[derive(Clone, Debug)]
pub enum Sealing {
    /// The operator gave them.
    Given(SealingKeys),
    /// Made on first start and kept beside the store.
    BesideStore,
}

/// Limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The gRPC listener.
    pub grpc: GrpcLimits,
    /// The HTTP and HTTPS listeners.
    pub http: HttpLimits,
    /// Requests of applications.
    pub requests: RequestLimits,
    /// Connections of every listener.
    pub connections: ConnectionLimits,
    /// Where front proxies connect from, which have no limit per source.
    pub front_proxies: FrontProxies,
    /// Requests that wait for identity providers.
    pub waits: WaitLimits,
}

/// Everything that a start needs.
#[derive(Clone, Debug)]
pub struct Config {
    /// What is protected.
    pub applications: Applications,
    /// Where to listen.
    pub listen: Listen,
    /// The certificate for HTTPS; self-signed unless given.
    pub tls: Option<TlsIdentity>,
    /// Certificates of the admin listener; without TLS unless given.
    pub admin_tls: Option<MutualTls>,
    /// Which front proxies may ask over HTTP; `None`: none.
    pub forward_auth: Option<ForwardAuthSettings>,
    /// Where sessions are kept.
    pub store: StoreSettings,
    /// Where the sealing keys come from.
    pub sealing: Sealing,
    /// How long sessions last.
    pub lifetimes: Lifetimes,
    /// The outpost's name.
    pub outpost_name: String,
    /// What is logged.
    pub log: LogSettings,
    /// How identity providers are spoken to.
    pub provider: ProviderSettings,
    /// Limits.
    pub limits: Limits,
    /// How to stop.
    pub shutdown: Shutdown,
}
