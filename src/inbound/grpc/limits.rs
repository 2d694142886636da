//! What the gRPC port puts up with (security specification, section 5).

use std::net::SocketAddr;
use std::time::Duration;

/// Limits of the gRPC port. Unset options of tonic and hyper mean *no limit*, so each is set by hand, always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcLimits {
    /// Calls that may run at once on one connection; unset: 1000 when the port is bound to loopback, where only
    /// Envoy asks, else 128.
    pub max_concurrent_streams: Option<u32>,
    /// Streams that a peer's own faults may make us reset, over the life of a connection (CVE-2025-8671).
    pub max_local_error_reset_streams: usize,
    /// Streams that a peer resets before we have looked at them (CVE-2023-44487).
    pub max_pending_accept_reset_streams: usize,
    /// Bytes of one call's header lines. What the browser sent travels in the message, not here.
    pub max_header_list_bytes: u32,
    /// Flow-control window of one call, in bytes.
    pub stream_window_bytes: u32,
    /// Flow-control window of a connection, in bytes.
    pub connection_window_bytes: u32,
    /// The largest message that is decoded.
    pub max_message_bytes: usize,
    /// How often a silent peer is asked whether it is still there; and how long it may leave unread what we send.
    pub keepalive_interval: Duration,
    /// How long it may take to answer that.
    pub keepalive_timeout: Duration,
    /// How old a connection may become, ten per cent more or less; counters of resets last as long.
    pub max_connection_age: Duration,
    /// How long an old connection may take to finish.
    pub max_connection_age_grace: Duration,
    /// How long a peer may take to begin.
    pub patience: Duration,
    /// How long a Check may take, unless the caller's own deadline is nearer.
    pub call_deadline: Duration,
    /// How long a Check that is a sign-in callback may take.
    pub callback_deadline: Duration,
    /// Checks that may run at once in all; more are refused.
    pub max_concurrent_calls: usize,
}

impl Default for GrpcLimits {
    fn default() -> Self {
        Self {
            max_concurrent_streams: None,
            max_local_error_reset_streams: 1024,
            max_pending_accept_reset_streams: 20,
            max_header_list_bytes: 16 * 1024,
            stream_window_bytes: 64 * 1024,
            connection_window_bytes: 1024 * 1024,
            max_message_bytes: 1024 * 1024,
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(10),
            max_connection_age: Duration::from_secs(30 * 60),
            max_connection_age_grace: Duration::from_secs(30),
            patience: Duration::from_secs(5),
            call_deadline: Duration::from_secs(1),
            callback_deadline: Duration::from_secs(5),
            max_concurrent_calls: 1024,
        }
    }
}

impl GrpcLimits {
    /// The limit of calls on one connection to a port at `address`.
    #[must_use]
    pub fn streams_at(&self, address: SocketAddr) -> u32 {
        self.max_concurrent_streams.unwrap_or(if address.ip().is_loopback() { 1000 } else { 128 })
    }
}
