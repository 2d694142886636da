//! Limits of the gRPC listener (`docs/security.md`).

use std::net::SocketAddr;
use std::time::Duration;

/// Limits of the gRPC listener. Unset options of tonic and hyper mean *no limit*, so every one is set explicitly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcLimits {
    /// Concurrent calls on one connection; unset: 1000 when the listener is bound to loopback, where only Envoy connects,
    /// else 128.
    pub max_concurrent_streams: Option<u32>,
    /// Streams that a peer's own errors may make us reset, over the life of a connection (CVE-2025-8671).
    pub max_local_error_reset_streams: usize,
    /// Streams that a peer resets before they are accepted (CVE-2023-44487).
    pub max_pending_accept_reset_streams: usize,
    /// Bytes of one call's header lines. The browser's headers are in the message, not here.
    pub max_header_list_bytes: u32,
    /// Flow-control window of one call, in bytes.
    pub stream_window_bytes: u32,
    /// Flow-control window of a connection, in bytes.
    pub connection_window_bytes: u32,
    /// The largest message that is decoded, in bytes.
    pub max_message_bytes: usize,
    /// How often an idle peer is sent a keepalive ping; also how long a peer may leave data that was sent to it unread.
    pub keepalive_interval: Duration,
    /// How long a peer may take to answer the ping.
    pub keepalive_timeout: Duration,
    /// Maximum age of a connection, varied by ten per cent either way; counters of resets last as long.
    pub max_connection_age: Duration,
    /// How long an old connection may take to finish.
    pub max_connection_age_grace: Duration,
    /// How long a peer may take for the TLS handshake, and for its connection preface.
    pub peer_timeout: Duration,
    /// Time limit for a Check, unless the caller's own deadline is earlier; also for its message to arrive and for its
    /// answer to be read.
    pub call_deadline: Duration,
    /// Time limit for a Check that may involve the provider: at one of our own endpoints, or with a credential.
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
            peer_timeout: Duration::from_secs(5),
            call_deadline: Duration::from_secs(1),
            callback_deadline: Duration::from_secs(5),
            max_concurrent_calls: 1024,
        }
    }
}

impl GrpcLimits {
    /// The limit of concurrent calls on one connection of a listener at `address`.
    #[must_use]
    pub fn streams_at(&self, address: SocketAddr) -> u32 {
        self.max_concurrent_streams.unwrap_or(if address.ip().is_loopback() { 1000 } else { 128 })
    }
}
