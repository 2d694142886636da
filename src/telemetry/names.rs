//! Every metric's name and meaning. Labels come from closed lists only: no input of a user makes a new series.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Decisions, by `door`, `application`, `decision` and `reason`.
pub const DECISIONS: &str = "gatepost_decisions_total";
/// How long decisions took, by `door`.
pub const DECISION_SECONDS: &str = "gatepost_decision_seconds";
/// Open connections, by `listener`.
pub const CONNECTIONS_OPEN: &str = "gatepost_connections_open";
/// Connections closed at once, by `listener` and `cause` (`total`, `source`).
pub const CONNECTIONS_REFUSED: &str = "gatepost_connections_refused_total";
/// Connections that we ended because their peer was too slow, by `listener` and `cause`.
pub const CONNECTIONS_CUT: &str = "gatepost_connections_cut_total";
/// Requests whose bodies were not waited for any longer, by `listener` and `cause` (`late`, `crowded`).
pub const BODIES_GIVEN_UP: &str = "gatepost_bodies_given_up_total";
/// Failures of `accept`, by `listener`.
pub const ACCEPT_ERRORS: &str = "gatepost_accept_errors_total";
/// gRPC calls refused because too many were running.
pub const CALLS_SHED: &str = "gatepost_calls_shed_total";
/// Requests that ended in a panic, by `door`.
pub const PANICS: &str = "gatepost_panics_total";
/// Log lines lost because whoever reads the log was too slow.
pub const LOG_LINES_LOST: &str = "gatepost_log_lines_lost_total";
/// Sessions deleted because their time was over.
pub const SESSIONS_EXPIRED: &str = "gatepost_sessions_expired_total";
/// Always 1; `version` says what runs.
pub const BUILD_INFO: &str = "gatepost_build_info";

/// Bounds of the histogram's buckets, in seconds: a signed-in Check takes tens of microseconds, a callback
/// as long as a token exchange.
pub(super) const SECONDS: [f64; 12] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

/// Tells the recorder what each name means.
pub(super) fn describe() {
    describe_counter!(DECISIONS, "Decisions by door, application, decision and reason");
    describe_histogram!(DECISION_SECONDS, Unit::Seconds, "Time to decide, by door");
    describe_gauge!(CONNECTIONS_OPEN, "Open connections by listener");
    describe_counter!(CONNECTIONS_REFUSED, "Connections refused by listener and the limit that was reached");
    describe_counter!(CONNECTIONS_CUT, "Connections ended because the peer was too slow, by listener and cause");
    describe_counter!(BODIES_GIVEN_UP, "Request bodies that were not waited for any longer, by listener and cause");
    describe_counter!(ACCEPT_ERRORS, "Failed accepts by listener");
    describe_counter!(CALLS_SHED, "gRPC calls refused because too many were running");
    describe_counter!(PANICS, "Requests that ended in a panic, by door");
    describe_counter!(LOG_LINES_LOST, "Log lines lost because the reader of the log was too slow");
    describe_counter!(SESSIONS_EXPIRED, "Sessions deleted because their time was over");
    describe_gauge!(BUILD_INFO, "Always 1; the version that runs");
}
