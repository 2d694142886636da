//! The operators' listener, on a port of its own: lists and ends sessions over gRPC. A browser cannot speak the protocol:
//! the port accepts HTTP/2 from the first byte and nothing else.

mod audit;
mod service;
mod wire;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tonic::service::Routes;

use crate::admin_api::sessions_server::SessionsServer;
use crate::inbound::connections::{Listener, ReloadableTls, Stop};
use crate::inbound::grpc::{self, GrpcLimits};
use crate::outpost::Outpost;
use service::AdministrationService;

/// Limit for a call to arrive and for its answer to be read by the client; a list of a million sessions is sent in less.
const CALL_DEADLINE: Duration = Duration::from_secs(5 * 60);
/// Concurrent calls, on one connection and in all. There are few operators.
const MOST_CALLS: u32 = 32;
/// The largest message that is decoded, in bytes.
const MOST_BYTES: usize = 64 * 1024;

/// Serves until `stop` begins, over TLS when `tls` is given; returns how many connections had to be cut. `limits` are those
/// of the other gRPC listener; this one replaces the limits of concurrency and time, because its calls are different.
pub async fn serve(
    outpost: Arc<Outpost>,
    listener: Listener,
    tls: Option<ReloadableTls>,
    limits: GrpcLimits,
    stop: Stop,
) -> usize {
    let limits = GrpcLimits {
        max_concurrent_streams: Some(MOST_CALLS),
        max_concurrent_calls: MOST_CALLS as usize,
        call_deadline: CALL_DEADLINE,
        ..limits
    };
    let refusing = Arc::clone(&outpost);
    let refused = move |address: IpAddr, fault: &io::Error| {
        refusing.record_administration(|| audit::refused_connection(address, fault));
    };
    let sessions = SessionsServer::new(AdministrationService::new(outpost)).max_decoding_message_size(MOST_BYTES);
    let server = grpc::server(sessions, Routes::default(), &limits, &listener).naming_peers();
    match tls {
        Some(tls) => server.serve_tls(listener, tls, refused, stop).await,
        None => server.serve(listener, stop).await,
    }
}
