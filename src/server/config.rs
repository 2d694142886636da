//! The complete configuration of a start: a struct of the modules' own settings.

use std::net::SocketAddr;
use std::time::Duration;

use super::authentik::Authentik;
use crate::domain::application::registry::Applications;
use crate::domain::crypto::sealing::SealingKeys;
use crate::domain::decision::pages::Design;
use crate::domain::http::RequestLimits;
use crate::domain::session::Lifetimes;
use crate::inbound::connections::{ConnectionLimits, FrontProxies, MutualTls};
use crate::inbound::forward_auth::ForwardAuthSettings;
use crate::inbound::grpc::GrpcLimits;
use crate::inbound::side_listener::{HttpLimits, TlsIdentity};
use crate::outbound::audit::AuditSettings;
use crate::outbound::otlp::OtlpSettings;
use crate::outbound::provider::ProviderSettings;
use crate::outbound::store::StoreSettings;
use crate::outpost::{SignInLimits, WaitLimits};
use crate::telemetry::{LogSettings, TraceSettings};

/// The addresses of the listeners.
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

/// The delays of a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// How long requests are still accepted after the health check reports that the service is stopping.
    pub delay: Duration,
    /// The time limit for running requests after that.
    pub grace: Duration,
}

/// The source of the sealing keys.
#[derive(Clone, Debug)]
pub enum Sealing {
    /// Keys that the operator configured.
    Given(SealingKeys),
    /// A key that is generated on the first start and stored beside the store.
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
    /// The networks of front proxies, which have no limit per source.
    pub front_proxies: FrontProxies,
    /// Requests that wait for identity providers.
    pub waits: WaitLimits,
    /// Sign-ins of one client, and sessions of one user.
    pub sign_ins: SignInLimits,
}

/// Traces: where they go, and which.
#[derive(Clone, Debug)]
pub struct Traces {
    /// The collector.
    pub otlp: OtlpSettings,
    /// Which traces.
    pub spans: TraceSettings,
}

/// The complete configuration of a start.
#[derive(Clone, Debug)]
pub struct Config {
    /// The protected applications.
    pub applications: Applications,
    /// The addresses of the listeners.
    pub listen: Listen,
    /// The certificates for HTTPS, the default first; none: a self-signed one.
    pub tls: Vec<TlsIdentity>,
    /// Certificates of the admin listener; `None`: no TLS.
    pub admin_tls: Option<MutualTls>,
    /// The front proxies that may use forward auth over HTTP; `None`: none.
    pub forward_auth: Option<ForwardAuthSettings>,
    /// The session store.
    pub store: StoreSettings,
    /// authentik, where the applications come from it; `applications` is empty then.
    pub authentik: Option<Authentik>,
    /// The source of the sealing keys.
    pub sealing: Sealing,
    /// The lifetimes of sessions.
    pub lifetimes: Lifetimes,
    /// The outpost's name.
    pub outpost_name: String,
    /// The design of the pages that users see.
    pub pages: Design,
    /// Log level and format.
    pub log: LogSettings,
    /// Traces, where they are exported.
    pub traces: Option<Traces>,
    /// Where the audit stream goes; `None`: there is none.
    pub audit: Option<AuditSettings>,
    /// Settings of the requests to identity providers.
    pub provider: ProviderSettings,
    /// Limits.
    pub limits: Limits,
    /// The delays of a shutdown.
    pub shutdown: Shutdown,
}
