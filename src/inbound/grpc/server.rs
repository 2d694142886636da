//! The gRPC server: HTTP/2 with every limit set explicitly, around tonic's services. tonic's own `Server` is not used: with
//! a grace period it never sends GOAWAY to an old connection, it cannot spread the ages of connections, and it waits without
//! limit for connections that do not close.

use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::service::Routes;

use super::inline_executor::{ConnectionDriver, InlineExecutor};
use super::layers::{self, Calls, ListenerService};
use super::limits::GrpcLimits;
use crate::inbound::connections::{
    self, ConnectionActivity, ConnectionPolicy, HasPeer, Listener, ReloadableTls, Stop, Timeouts, Watched, attend,
};

/// Serves gRPC on one listener.
pub struct GrpcServer<P> {
    limits: GrpcLimits,
    max_concurrent_streams: u32,
    port: P,
    timeouts: Timeouts,
    age: Duration,
    grace: Duration,
    accepted: AtomicU32,
    listener: &'static str,
    names_peers: bool,
}

/// A server for `calls`, to which the limits apply, and for `others` (health, reflection), whose calls may last as long as their
/// connection. Metrics name it as `listener` is named.
#[must_use]
pub fn server(
    calls: impl Calls,
    others: Routes,
    limits: &GrpcLimits,
    listener: &Listener,
) -> GrpcServer<impl ListenerService> {
    GrpcServer::new(layers::layered(calls, others, listener.name(), limits), limits, listener)
}

impl<P: ListenerService> GrpcServer<P> {
    fn new(port: P, limits: &GrpcLimits, listener: &Listener) -> Self {
        let blocked = limits.keepalive_interval;
        let timeouts = Timeouts { opening: Some(limits.peer_timeout), head: None, idle: None, blocked };
        Self {
            limits: limits.clone(),
            max_concurrent_streams: limits.streams_at(listener.address()),
            port,
            timeouts,
            age: limits.max_connection_age,
            grace: limits.max_connection_age_grace,
            accepted: AtomicU32::new(0),
            listener: listener.name(),
            names_peers: false,
        }
    }

    /// Every request carries the [`Peer`](connections::Peer) of its connection as an extension.
    #[must_use]
    pub fn naming_peers(self) -> Self {
        Self { names_peers: true, ..self }
    }

    /// Serves until `stop` begins; returns how many connections had to be cut.
    pub async fn serve(self, listener: Listener, stop: Stop) -> usize {
        let server = Arc::new(self);
        connections::serve(listener, stop, |connection, stop| Arc::clone(&server).drive(connection, stop)).await
    }

    /// Serves over TLS until `stop` begins; returns how many connections had to be cut. `refused` is called when a handshake fails.
    pub async fn serve_tls(
        self,
        listener: Listener,
        tls: ReloadableTls,
        refused: impl Fn(IpAddr, &io::Error) + Send + Sync + 'static,
        stop: Stop,
    ) -> usize {
        let handshake_timeout = self.limits.peer_timeout;
        let server = Arc::new(self);
        let serve_one = move |stream, stop| Arc::clone(&server).drive(stream, stop);
        connections::serve_tls(listener, tls, handshake_timeout, stop, refused, serve_one).await
    }

    async fn drive<S>(self: Arc<Self>, stream: S, stop: Stop)
    where
        S: AsyncRead + AsyncWrite + HasPeer + Unpin + Send + 'static,
    {
        let activity = ConnectionActivity::new();
        let peer = self.names_peers.then(|| stream.known_peer());
        let service = service_fn(|mut request: Request<Incoming>| {
            if let Some(peer) = &peer {
                request.extensions_mut().insert(peer.clone());
            }
            self.port.call(request)
        });
        let io = TokioIo::new(Watched::new(stream, Arc::clone(&activity)).coalescing());
        let streams = InlineExecutor::new(self.limits.call_deadline);
        let http = self.http2(streams.clone());
        let served = pin!(http.serve_connection(io, service));
        let served = pin!(ConnectionDriver::new(served, streams));
        let (age, grace) = (self.age_of_next(), self.grace);
        let policy = ConnectionPolicy { listener: self.listener, activity, timeouts: self.timeouts, age, grace };
        attend(
            served,
            |mut served: Pin<&mut ConnectionDriver<'_, _>>| served.connection().graceful_shutdown(),
            stop,
            policy,
        )
        .await;
    }

    /// The maximum age, spread by ten per cent either way, so that connections made together do not end together. Multiples
    /// of the golden ratio distribute consecutive numbers evenly, without a source of randomness.
    fn age_of_next(&self) -> Duration {
        let step = self.accepted.fetch_add(1, Ordering::Relaxed).wrapping_mul(2_654_435_769);
        let spread = f64::from(step) / f64::from(u32::MAX) * 0.2 - 0.1;
        self.age.mul_f64(1.0 + spread)
    }

    fn http2(&self, streams: InlineExecutor) -> http2::Builder<InlineExecutor> {
        let limits = &self.limits;
        let mut http = http2::Builder::new(streams);
        http.timer(TokioTimer::new())
            // Front proxies do not read the date of an answer, and other gRPC servers send none.
            .auto_date_header(false)
            .max_concurrent_streams(self.max_concurrent_streams)
            .max_local_error_reset_streams(limits.max_local_error_reset_streams)
            .max_pending_accept_reset_streams(limits.max_pending_accept_reset_streams)
            .max_header_list_size(limits.max_header_list_bytes)
            .initial_stream_window_size(limits.stream_window_bytes)
            .initial_connection_window_size(limits.connection_window_bytes)
            .adaptive_window(false)
            .max_send_buf_size(64 * 1024)
            .keep_alive_interval(limits.keepalive_interval)
            .keep_alive_timeout(limits.keepalive_timeout);
        http
    }
}
