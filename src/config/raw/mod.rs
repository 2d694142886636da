//! Every key of the configuration file, declared once. These comments are what the reference and editors show.

mod admin;
mod application;
mod credentials;
mod forward_auth;
mod headers;
mod limits;
mod rules;
mod shared_store;

use std::path::PathBuf;

use secrecy::SecretString;

use super::reader::Spanned;
use super::section::section;
use super::value::{Choice, DurationField, DurationOrZero, ListenAddress, MaybeAddress, written_span};
use crate::outbound::provider::ProviderSettings;

pub(super) use admin::Admin;
pub(super) use application::{Application, Mode};
pub(super) use credentials::{Basic, Bearer, BearerCheck};
pub(super) use forward_auth::ForwardAuth;
pub(super) use headers::{AdditionalHeaders, ClaimHeader};
pub(super) use limits::{
    ConnectionLimits, GrpcLimits, HttpLimits, IdentityHeaderLimits, Limits, ProviderLimits, RequestLimits,
};
pub(super) use rules::{AccessRule, ClaimCondition};
pub(super) use shared_store::Redis;

type Secrets = Vec<Spanned<SecretString>>;
type Paths = Vec<Spanned<PathBuf>>;
type Applications = Vec<Spanned<Application>>;

section! {
    /// The whole file.
    struct File {
        /// What is protected: at least one application.
        applications: required Applications,
        /// Where Gatepost listens. A port alone means all interfaces (IPv4); port 0 takes a free one.
        listen: Listen = "{}",
        /// The certificate of `listen.https`. Unless given, Gatepost signs one for itself at every start.
        tls: Tls = "{}",
        /// Certificates of `listen.admin`. Without this section there is no TLS, and the port opens on loopback addresses only.
        admin: Admin = "{}",
        /// Front proxies that ask over HTTP whether a request may pass, on `listen.http` and `listen.https`, below
        /// `/outpost.goauthentik.io/auth`. Without this section nobody can.
        forward_auth: optional ForwardAuth,
        /// How long sessions last, and where they are kept.
        session: Session = "{}",
        /// This Gatepost itself.
        outpost: Outpost = "{}",
        /// What is logged; always to stderr.
        log: Log = "{}",
        /// How identity providers are spoken to.
        provider: Provider = "{}",
        /// What nobody may exceed. The defaults withstand the attacks known; change one only when a log line names it.
        limits: Limits = "{}",
        /// How Gatepost stops.
        shutdown: Shutdown = "{}",
    }
}

section! {
    /// Listeners.
    struct Listen {
        /// Envoy's `ext_authz`, health and reflection, over gRPC.
        grpc: ListenAddress = "9001",
        /// The browser's own visits, over HTTP.
        http: MaybeAddress = "9000",
        /// The same over HTTPS.
        https: MaybeAddress = "9443",
        /// Probes and Prometheus metrics; never open this to browsers.
        metrics: ListenAddress = "9300",
        /// Operators, who list and end sessions with `gatepost sessions`.
        admin: MaybeAddress = "127.0.0.1:9302",
    }
}

section! {
    /// Certificate.
    struct Tls {
        /// Certificate chain as PEM, the server's own first.
        certificate_file: optional PathBuf,
        /// Private key as PEM.
        private_key_file: optional PathBuf,
    }
}

section! {
    /// Sessions.
    struct Session {
        /// `file` keeps sessions over a restart, `memory` does not; `redis` shares them between replicas.
        store: Store = "file",
        /// The file of store `file`, relative to the working directory. Unless given: `sessions.db` in
        /// `$STATE_DIRECTORY` where systemd sets one, else `gatepost-sessions.db`.
        path: optional PathBuf,
        /// The Redis or Valkey of store `redis`.
        redis: optional Redis,
        /// The key that seals sessions and sign-in attempts: base64 of 32 random bytes. Unless given, one is made on first
        /// start and kept beside the store. Store `redis` needs one, the same at every replica.
        sealing_key: optional SecretString,
        /// A file that holds the sealing key.
        sealing_key_file: optional PathBuf,
        /// Keys that still open what they once sealed, so that the sealing key can be changed without signing anybody out.
        previous_sealing_keys: Secrets = "[]",
        /// Files that each hold such a key.
        previous_sealing_keys_files: Paths = "[]",
        /// How long a session lasts at most, from the sign-in on.
        absolute_lifetime: DurationField = "24h",
        /// How long a session lasts without being used. Uses within a sixtieth of it (five minutes at most) count as one, so
        /// that a session may end so much earlier.
        idle_lifetime: DurationField = "4h",
        /// Whether refresh tokens are used. With one, a session outlasts its ID Token up to `absolute_lifetime` (or the
        /// application's `access_token_validity`): shortly before the access token ends, the provider is asked anew, groups and
        /// other claims count from the next request on, and a refusal ends the session. While the provider is down, what it
        /// said last stands. `false` never keeps a refresh token: every session ends with its ID Token.
        refresh: bool = "true",
    }
}

section! {
    /// Outpost.
    struct Outpost {
        /// Sent as `X-authentik-meta-outpost`.
        name: String = "gatepost",
    }
}

section! {
    /// Logs.
    struct Log {
        /// `error`, `warn`, `info`, `debug`, `trace` or `off`; also per part, as in `info,gatepost::outbound=debug`.
        level: String = "info",
        /// One JSON object per line, or text for people.
        format: Format = "json",
    }
}

section! {
    /// Outbound HTTP to identity providers.
    struct Provider {
        /// Certificates (PEM) of authorities to trust beside the public ones.
        ca_file: optional PathBuf,
        /// How long a provider may take for an answer.
        timeout: DurationField = written_span(ProviderSettings::default().timeout),
        /// How long connecting may take, name resolution included.
        connect_timeout: DurationField = written_span(ProviderSettings::default().connect_timeout),
        /// How often metadata and keys are fetched anew.
        refresh_interval: DurationField = written_span(ProviderSettings::default().refresh_interval),
    }
}

section! {
    /// Stopping.
    struct Shutdown {
        /// How long requests are still taken after SIGTERM while health says no, so that Envoy can turn away.
        delay: DurationOrZero = "5s",
        /// How long running requests may take after that.
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
