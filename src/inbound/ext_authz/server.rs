//! The gRPC port: HTTP/2 with every limit set by hand, around tonic's routes. tonic's own `Server` is not used:
//! with a grace it never sends GOAWAY to an old connection, it cannot spread the ages of connections, and it
//! waits without end for connections that do not close.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use envoy_types::pb::envoy::service::auth::v3::authorization_server::AuthorizationServer;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use tonic::body::Body;
use tonic::service::Routes;

use super::door::CallDoor;
use super::limits::GrpcLimits;
use super::service::CheckService;
use super::streams::Streams;
use crate::inbound::connections::{self, Care, Connection, Listener, Patience, Pulse, Stop, Watched, attend};

impl CheckService {
    /// The service as it is offered: messages up to `max_message_bytes`, nothing compressed.
    #[must_use]
    pub fn routes(self, max_message_bytes: usize) -> Routes {
        Routes::new(AuthorizationServer::new(self).max_decoding_message_size(max_message_bytes))
    }
}

/// Serves gRPC on one listener.
pub struct GrpcServer {
    http: http2::Builder<Streams>,
    door: CallDoor,
    patience: Patience,
    age: Duration,
    grace: Duration,
    accepted: AtomicU32,
    listener: &'static str,
}

impl GrpcServer {
    /// A server for what `routes` offer, on a port like `listener`.
    #[must_use]
    pub fn new(routes: Routes, limits: &GrpcLimits, listener: &Listener) -> Self {
        let blocked = limits.keepalive_interval;
        let patience = Patience { opening: Some(limits.patience), head: None, idle: None, blocked };
        Self {
            http: http2_settings(limits, limits.streams_at(listener.address())),
            door: CallDoor::new(routes, limits),
            patience,
            age: limits.max_connection_age,
            grace: limits.max_connection_age_grace,
            accepted: AtomicU32::new(0),
            listener: listener.name(),
        }
    }

    /// Serves until told to stop; how many connections had to be cut.
    pub async fn serve(self, listener: Listener, stop: Stop) -> usize {
        let server = Arc::new(self);
        connections::serve(listener, stop, |connection, stop| Arc::clone(&server).drive(connection, stop)).await
    }

    async fn drive(self: Arc<Self>, connection: Connection, stop: Stop) {
        let pulse = Pulse::new();
        let door = self.door.clone();
        let service = hyper::service::service_fn(move |request: Request<Incoming>| door.clone().call(request));
        let io = TokioIo::new(Watched::new(connection, Arc::clone(&pulse)));
        let served = pin!(self.http.serve_connection(io, service));
        let (age, grace) = (self.age_of_next(), self.grace);
        let care = Care { listener: self.listener, pulse, patience: self.patience, age, grace };
        attend(served, http2::Connection::graceful_shutdown, stop, care).await;
    }

    /// The age spread by ten per cent either way, so that connections made together do not end together. The
    /// golden ratio scatters consecutive numbers evenly, without a source of randomness.
    fn age_of_next(&self) -> Duration {
        let step = self.accepted.fetch_add(1, Ordering::Relaxed).wrapping_mul(2_654_435_769);
        let spread = f64::from(step) / f64::from(u32::MAX) * 0.2 - 0.1;
        self.age.mul_f64(1.0 + spread)
    }
}

fn http2_settings(limits: &GrpcLimits, streams: u32) -> http2::Builder<Streams> {
    let mut http = http2::Builder::new(Streams { patience: limits.call_deadline });
    http.timer(TokioTimer::new())
        .max_concurrent_streams(streams)
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

/// What the door answers with: always a response, never an error.
pub(super) type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;
