//! Every key of the configuration file, declared once. These comments are what the reference and editors show.

mod admin;
mod application;
mod audit;
mod authentik;
mod credentials;
mod foreign_issuer;
mod forward_auth;
mod groups_claim;
mod headers;
mod limits;
mod pages;
mod resource_metadata;
mod rules;
mod shared_store;
mod traces;

use std::path::PathBuf;

use secrecy::SecretString;

use super::reader::Spanned;
use super::section::section;
use super::value::{Choice, Count, DurationField, DurationOrZero, ListenAddress, MaybeAddress, written_span};
use crate::outbound::provider::ProviderSettings;

pub(super) use admin::Admin;
pub(super) use application::{Application, AuthMethod, Cookie, EndSession, Mode};
pub(super) use audit::Audit;
pub(super) use authentik::Authentik;
pub(super) use credentials::{Basic, Bearer, BearerCheck};
pub(super) use foreign_issuer::ForeignIssuer;
pub(super) use forward_auth::ForwardAuth;
pub(super) use groups_claim::{GroupsClaim, TextOfGroups};
pub(super) use headers::{AdditionalHeaders, Assertion, ClaimHeader};
pub(super) use limits::{
    ConnectionLimits, GrpcLimits, HttpLimits, IdentityHeaderLimits, Limits, ProviderLimits, RequestLimits,
};
pub(super) use pages::Pages;
pub(super) use resource_metadata::ResourceMetadata;
pub(super) use rules::{AccessRule, ClaimCondition};
pub(super) use shared_store::Redis;
pub(super) use traces::{OtlpProtocol, Traces};

type Secrets = Vec<Spanned<SecretString>>;
type Paths = Vec<Spanned<PathBuf>>;
type Applications = Vec<Spanned<Application>>;

section! {
    /// The configuration file.
    struct File {
        /// The protected applications; at least one. Required, unless they come from `authentik`.
        applications: optional Applications,
        /// authentik, in place of `applications`: Gatepost takes the place of a proxy outpost of authentik, reads its
        /// applications from authentik, and follows their changes. Without a file, the variables of authentik's outpost
        /// (`AUTHENTIK_HOST`, `AUTHENTIK_TOKEN`, …) have the same effect.
        authentik: optional Authentik,
        /// The addresses of the listeners. A port alone means all IPv4 interfaces; port 0 means a free port; `off`,
        /// where it is listed, disables the listener.
        listen: Listen = "{}",
        /// The certificate of `listen.https`. Without it, Gatepost makes a self-signed certificate at every start.
        tls: Tls = "{}",
        /// Mutual TLS on `listen.admin`: all three files, or none. Without them the listener has no TLS, and its
        /// address must be a loopback address.
        admin: Admin = "{}",
        /// Forward auth over HTTP: a front proxy sends a subrequest for each request to
        /// `/outpost.goauthentik.io/auth/…` on `listen.http` or `listen.https`. Without this section these endpoints
        /// do not exist.
        forward_auth: optional ForwardAuth,
        /// Lifetime and storage of sessions.
        session: Session = "{}",
        /// This outpost.
        outpost: Outpost = "{}",
        /// The pages that users see: name, logo, style and texts of your own.
        pages: Pages = "{}",
        /// The log, on stderr.
        log: Log = "{}",
        /// The audit stream: sign-ins, denials, ends of sessions, changes of the configuration and calls of the admin API, one JSON
        /// object per line. Give `file` or `socket`; without this section there is none.
        audit: optional Audit,
        /// Traces by OpenTelemetry (OTLP). Without this section there are none.
        traces: optional Traces,
        /// The HTTP client for identity providers.
        provider: Provider = "{}",
        /// Limits of size, time and concurrency. The defaults withstand known attacks; change a limit only when a log
        /// line names it.
        limits: Limits = "{}",
        /// The graceful shutdown after SIGTERM or SIGINT.
        shutdown: Shutdown = "{}",
    }
}

section! {
    /// Listeners.
    struct Listen {
        /// gRPC: Envoy's `ext_authz`, health and reflection.
        grpc: ListenAddress = "9001",
        /// HTTP: the sign-in endpoints for browsers, and forward auth.
        http: MaybeAddress = "9000",
        /// HTTPS: the same endpoints as `http`, with the certificate of `tls`.
        https: MaybeAddress = "9443",
        /// Probes (`/livez`, `/readyz`) and Prometheus metrics (`/metrics`), without authentication; do not expose it
        /// to browsers.
        metrics: ListenAddress = "9300",
        /// The admin API, through which `gatepost sessions` lists and ends sessions.
        admin: MaybeAddress = "127.0.0.1:9302",
    }
}

section! {
    /// Certificate.
    struct Tls {
        /// Certificate chain (PEM), the server's own certificate first.
        certificate_file: optional PathBuf,
        /// Private key of the certificate (PEM).
        private_key_file: optional PathBuf,
        /// Further certificates. A client gets the first one, `certificate_file` included, that is valid for the server
        /// name that it sends (SNI); without a match, `certificate_file`.
        certificates: Certificates = "[]",
    }
}

type Certificates = Vec<Spanned<Certificate>>;

section! {
    /// A certificate beside the default one.
    struct Certificate {
        /// Certificate chain (PEM), the server's own certificate first.
        certificate_file: required PathBuf,
        /// Private key of the certificate (PEM).
        private_key_file: required PathBuf,
    }
}

section! {
    /// Sessions.
    struct Session {
        /// `file`: an SQLite file; sessions survive a restart. `memory`: sessions end with the process. `redis`:
        /// replicas share the sessions.
        store: Store = "file",
        /// With store `file`: the database file, relative to the working directory. Unless given: `sessions.db` in
        /// `$STATE_DIRECTORY` if systemd sets it, else `gatepost-sessions.db`.
        path: optional PathBuf,
        /// The Redis or Valkey server of store `redis`.
        redis: optional Redis,
        /// The key that encrypts sessions and sign-in attempts: 32 random bytes as base64 (`openssl rand -base64
        /// 32`). Unless given, one is made at the first start and kept beside the session file. Store `redis`
        /// requires the same key at every replica.
        sealing_key: optional SecretString,
        /// A file that holds the sealing key.
        sealing_key_file: optional PathBuf,
        /// Earlier sealing keys, which decrypt but do not encrypt: with them, the sealing key can be changed without
        /// ending sessions.
        previous_sealing_keys: Secrets = "[]",
        /// Files that each hold one earlier sealing key.
        previous_sealing_keys_files: Paths = "[]",
        /// Maximum lifetime of a session, counted from the sign-in.
        absolute_lifetime: DurationField = "24h",
        /// A session ends when it has not been used for this time. Uses within one sixtieth of this time (at most
        /// five minutes) are recorded as one, so a session may end earlier by that much.
        idle_lifetime: DurationField = "4h",
        /// Sessions that one user may have at one application at the same time. A sign-in above it ends the user's
        /// oldest sessions there, and a page tells their browsers why. In mode `forward_domain` all hosts of the
        /// application count together. Unless given, there is no limit.
        max_per_user: optional Count,
        /// `true`: Gatepost uses refresh tokens. Shortly before the access token expires, it requests new tokens; the
        /// new groups and other claims apply from the next request on. Such a session can outlast its ID Token, up to
        /// `absolute_lifetime` or the application's `access_token_validity`. It ends when the provider rejects the
        /// refresh token; while the provider does not answer, the last claims apply. `false`: refresh tokens are not
        /// stored; a session ends with its ID Token, or after `access_token_validity`.
        refresh: bool = "true",
    }
}

section! {
    /// Outpost.
    struct Outpost {
        /// Value of the header `X-authentik-meta-outpost`.
        name: String = "gatepost",
    }
}

section! {
    /// Logs.
    struct Log {
        /// `error`, `warn`, `info`, `debug`, `trace` or `off`; also with levels for single modules, as in
        /// `info,gatepost::outbound=debug`.
        level: String = "info",
        /// `json`: one JSON object per line. `text`: lines for people.
        format: Format = "json",
    }
}

section! {
    /// Outbound HTTP to identity providers.
    struct Provider {
        /// CA certificates (PEM) that are trusted in addition to the system's.
        ca_file: optional PathBuf,
        /// The forward proxy (`http://proxy.example.com:3128`, with `user:password@` if it requires them) through which
        /// https requests to providers are sent. `environment`: the one in `HTTPS_PROXY`, except for the hosts in
        /// `NO_PROXY`. `none`, or unless given: no proxy. Plain http is always sent directly.
        proxy: optional String,
        /// Timeout of a request to a provider, from connecting to the end of the response.
        timeout: DurationField = written_span(ProviderSettings::default().timeout),
        /// Timeout of connecting to a provider, including name resolution.
        connect_timeout: DurationField = written_span(ProviderSettings::default().connect_timeout),
        /// Interval at which the provider's metadata and keys (JWKS) are fetched again.
        refresh_interval: DurationField = written_span(ProviderSettings::default().refresh_interval),
    }
}

section! {
    /// Shutdown.
    struct Shutdown {
        /// Time after the signal during which new requests are still served, while health checks already report that
        /// Gatepost stops, so that Envoy can choose another endpoint.
        delay: DurationOrZero = "5s",
        /// Time after `delay` for running requests to finish.
        grace: DurationOrZero = "25s",
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum Store {
    File,
    Memory,
    Redis,
}

impl Choice for Store {
    const CHOICES: &'static [(Self, &'static str)] =
        &[(Self::File, "file"), (Self::Memory, "memory"), (Self::Redis, "redis")];
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum Format {
    Json,
    Text,
}

impl Choice for Format {
    const CHOICES: &'static [(Self, &'static str)] = &[(Self::Json, "json"), (Self::Text, "text")];
}
