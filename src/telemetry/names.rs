//! Every metric: its name, type, labels and meaning. Label values come from closed sets only: no user input creates a new
//! series. Units are base units: seconds.

use std::fmt::Write as _;

use metrics::{describe_counter, describe_gauge, describe_histogram};

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// The metric name.
    pub name: &'static str,
    /// The metric type.
    pub kind: MetricType,
    /// The label names.
    pub labels: &'static [&'static str],
    /// The meaning: `HELP` on the page.
    pub help: &'static str,
}

/// The type of a metric.
#[derive(Clone, Copy, Debug)]
pub enum MetricType {
    /// A value that only increases.
    Counter,
    /// A value that increases and decreases.
    Gauge,
    /// Counts samples up to each of these bounds.
    Histogram(&'static [f64]),
}

impl MetricType {
    /// The type as it appears after `TYPE` on the page.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// In seconds: a signed-in Check takes tens of microseconds, a callback as long as a token request.
const DECISION_BOUNDS: &[f64] = &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];
/// In seconds: from a read out of memory to a disk that stalls.
const STORE_BOUNDS: &[f64] = &[0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];
/// In seconds: from a provider in the same network to the longest sensible `provider.timeout`.
const PROVIDER_BOUNDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

macro_rules! metrics {
    ($($constant:ident = $kind:ident $(($bounds:expr))? $name:literal, [$($label:literal),*], $help:literal;)+) => {
        $(
            #[doc = $help]
            pub const $constant: &str = $name;
        )+

        /// All metrics.
        pub const ALL: &[Metric] = &[$(Metric {
            name: $name,
            kind: MetricType::$kind $(($bounds))?,
            labels: &[$($label),*],
            help: $help,
        }),+];
    };
}

metrics! {
    DECISIONS = Counter "gatepost_decisions_total", ["protocol", "application", "decision", "reason"],
        "Decisions about requests";
    DECISION_SECONDS = Histogram(DECISION_BOUNDS) "gatepost_decision_seconds", ["protocol"],
        "Time that a decision took";
    READY = Gauge "gatepost_ready", [],
        "1 while `/readyz` answers 200, else 0";
    CONFIG_RELOADS = Counter "gatepost_config_reloads_total", ["outcome"],
        "Reloads of the configuration; outcome is `success`, or `failure` (the earlier configuration stays in service)";
    CONFIG_LAST_RELOAD_SUCCESSFUL = Gauge "gatepost_config_last_reload_successful", [],
        "1 if the last reload, or the start, could use the configuration, else 0";
    CONFIG_LAST_RELOAD = Gauge "gatepost_config_last_reload_success_timestamp_seconds", [],
        "When the configuration in service was read, in seconds since the Unix epoch";
    SESSIONS_OPEN = Gauge "gatepost_sessions_open", [],
        "Sessions in the store, counted once a minute; not with Redis, because its sessions belong to all replicas";
    SESSIONS_EXPIRED = Counter "gatepost_sessions_expired_total", [],
        "Sessions deleted because they expired";
    SESSIONS_OVER_LIMIT = Counter "gatepost_sessions_over_limit_total", [],
        "Sessions ended because their user has more than `session.max_per_user`";
    SIGN_INS_LIMITED = Counter "gatepost_sign_ins_limited_total", [],
        "Sign-ins refused because of `limits.provider.sign_in_starts_per_client`";
    SESSION_CACHE = Counter "gatepost_session_cache_lookups_total", ["outcome"],
        "Look-ups in the memory cache of sessions, before the file or Redis is read; outcome is `hit` or `miss`";
    REFRESHES = Counter "gatepost_refreshes_total", ["outcome"],
        "Uses of refresh tokens; outcome is `refreshed`, `ended` (the provider rejected the token), `untrustworthy` (the response is \
         not valid) or `later` (no response; another attempt follows)";
    STORE_SECONDS = Histogram(STORE_BOUNDS) "gatepost_store_operation_seconds", ["operation"],
        "Time that operations of the session store took; `load` is counted only for sessions that were not in the cache";
    STORE_ERRORS = Counter "gatepost_store_errors_total", ["operation"],
        "Operations of the session store that failed";
    PROVIDER_REQUESTS = Counter "gatepost_provider_requests_total", ["issuer", "operation", "outcome"],
        "Requests to identity providers; outcome is the class of the status, such as `2xx`, or `none` without a response";
    PROVIDER_SECONDS = Histogram(PROVIDER_BOUNDS) "gatepost_provider_request_seconds", ["issuer", "operation", "outcome"],
        "Time that requests to identity providers took";
    PROVIDER_WAITING = Gauge "gatepost_provider_waiting", ["purpose"],
        "Requests that wait for an identity provider, or for the fixed time of a front-channel logout; purpose is `metadata`, \
         `redemption`, `logout_token`, `credential`, `refresh` or `frontchannel_logout`";
    PROVIDER_WAITS_SHED = Counter "gatepost_provider_waits_shed_total", ["purpose", "cause"],
        "Requests refused because too many wait already, as `gatepost_provider_waiting` counts them; cause is the limit that was \
         reached, `total`, `issuer` or `client`";
    TRACE_EXPORTS = Counter "gatepost_trace_exports_total", ["outcome"],
        "Batches of spans that were sent to the collector; outcome is `ok` or `failed`; only with `traces`";
    CONNECTIONS_OPEN = Gauge "gatepost_connections_open", ["listener"],
        "Open connections";
    CONNECTIONS_LIMIT = Gauge "gatepost_connections_limit", ["listener"],
        "The most connections that may be open (`limits.connections.total`)";
    CONNECTIONS_REFUSED = Counter "gatepost_connections_refused_total", ["listener", "cause"],
        "Connections refused; cause is the limit that was reached, `total` or `source`";
    CONNECTIONS_CUT = Counter "gatepost_connections_cut_total", ["listener", "cause"],
        "Connections ended because the peer was too slow";
    BODIES_GIVEN_UP = Counter "gatepost_bodies_given_up_total", ["listener", "cause"],
        "Request bodies that did not arrive in time; cause is `late` (time limit), or `crowded` (`limits.http.max_waiting_bodies`)";
    ACCEPT_ERRORS = Counter "gatepost_accept_errors_total", ["listener"],
        "Failures of `accept`";
    CALLS_SHED = Counter "gatepost_calls_shed_total", [],
        "gRPC calls refused because of `limits.grpc.max_concurrent_checks`";
    PANICS = Counter "gatepost_panics_total", ["listener"],
        "Requests that ended in a panic";
    LOG_LINES_LOST = Counter "gatepost_log_lines_lost_total", [],
        "Log lines dropped because the reader of the log was too slow";
    AUDIT_EVENTS_LOST = Counter "gatepost_audit_events_lost_total", ["cause"],
        "Events that are missing in the audit stream; cause is `queue_full` (the file or socket cannot be written, or not fast enough) \
         or `shutdown` (they could not be written before the process ended)";
    AUTHENTIK_CONNECTED = Gauge "gatepost_authentik_connected", [],
        "1 while authentik answers on the WebSocket, else 0";
    AUTHENTIK_UPDATES = Counter "gatepost_authentik_updates_total", ["outcome"],
        "Readings of the applications from authentik; outcome is `success`, or `failure` (the earlier ones stay in service)";
    AUTHENTIK_ANSWER = Gauge "gatepost_authentik_answer_timestamp_seconds", [],
        "When authentik gave the answer in service, in seconds since the Unix epoch";
    OUTPOST_INFO = Gauge "authentik_outpost_info", ["outpost_name", "outpost_type", "uuid", "version", "build"],
        "Always 1, while the applications come from authentik; the name is that of authentik's own outpost";
    OUTPOST_LAST_UPDATE = Gauge "authentik_outpost_last_update", ["outpost_name", "outpost_type", "uuid"],
        "As `gatepost_authentik_answer_timestamp_seconds`, under the name of authentik's own outpost";
    OUTPOST_CONNECTION = Gauge "authentik_outpost_connection", ["outpost_name", "outpost_type", "uuid"],
        "As `gatepost_authentik_connected`, under the name of authentik's own outpost";
    OUTPOST_SECONDS = Histogram(DECISION_BOUNDS) "authentik_outpost_proxy_request_duration_seconds", ["outpost_name", "host", "type"],
        "As `gatepost_decision_seconds`, by host, under the name of authentik's own outpost, while the applications come from authentik; \
         type is `app`";
    BUILD_INFO = Gauge "gatepost_build_info", ["version"],
        "Always 1; the label is the running version";
}

/// Registers the meaning of each name with the recorder.
pub(super) fn describe() {
    for metric in ALL {
        match metric.kind {
            MetricType::Counter => describe_counter!(metric.name, metric.help),
            MetricType::Gauge => describe_gauge!(metric.name, metric.help),
            MetricType::Histogram(_) => describe_histogram!(metric.name, metric.help),
        }
    }
}

/// All metrics as a table in Markdown: the first part of `docs/metrics.md`.
#[must_use]
pub fn reference() -> String {
    let mut text = String::from(
        "# Metrics\n\n`/metrics` on the metrics port (9300), in Prometheus' text format. Times are in seconds. Labels come from \
         closed lists: no\nrequest makes a new series.\n\n| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n",
    );
    for Metric { name, kind, labels, help } in ALL {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| `{name}` | {} | {} | {help} |", kind.as_str(), labels.join(", "));
    }
    text
}
