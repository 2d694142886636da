//! The masters of a cluster, as the cluster itself reports them.

use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{RoutingInfo, SingleNodeRoutingInfo};
use redis::{Cmd, FromRedisValue as _, ProtocolVersion, RedisResult, Value};

use super::dial::Dialer;
use super::fault::Fault;
use super::settings::Address;

/// How often a command is resent after a server redirected it, or the connection broke.
const RETRIES: u32 = 2;
/// The shortest and longest pause in between, in milliseconds.
const RETRY_PAUSE_MS: (u64, u64) = (5, 20);

/// Connects to all servers of a cluster.
pub(super) async fn connect(dialer: &Dialer, seeds: &[Address]) -> RedisResult<ClusterConnection> {
    let (settings, access) = (dialer.settings(), dialer.access());
    let seeds: RedisResult<Vec<_>> =
        seeds.iter().map(|seed| dialer.information(seed, &access.credentials, 0)).collect();
    let mut builder = ClusterClientBuilder::new(seeds?)
        .use_protocol(ProtocolVersion::RESP3)
        .connection_timeout(settings.connect_timeout)
        .response_timeout(settings.command_timeout)
        .overall_response_timeout(Some(settings.command_timeout))
        .retries(RETRIES)
        .min_retry_wait(RETRY_PAUSE_MS.0)
        .max_retry_wait(RETRY_PAUSE_MS.1);
    if let Some(tls) = &access.tls {
        builder = builder.certs(tls.certificates());
    }
    builder.build()?.get_async_connection().await
}

/// The masters, sorted.
pub(super) async fn masters(connection: &ClusterConnection) -> Result<Vec<Address>, Fault> {
    let mut question = Cmd::new();
    question.arg("CLUSTER").arg("SLOTS");
    let random = RoutingInfo::SingleNode(SingleNodeRoutingInfo::Random);
    let answer = connection.clone().route_command(question, random).await?.extract_error()?;
    let ranges = <Vec<Vec<Value>>>::from_redis_value(answer).map_err(|_| Fault::Unreadable)?;
    let mut masters =
        ranges.into_iter().map(|range| range.into_iter().nth(2).and_then(address)).collect::<Option<Vec<_>>>();
    if let Some(masters) = &mut masters {
        masters.sort_unstable();
        masters.dedup();
    }
    masters.ok_or(Fault::Unreadable)
}

/// Parses a server of a `CLUSTER SLOTS` reply: host, port, and further fields.
fn address(server: Value) -> Option<Address> {
    let Value::Array(parts) = server else { return None };
    let mut parts = parts.into_iter();
    let host = String::from_redis_value(parts.next()?).ok().filter(|host| !host.is_empty())?;
    Some(Address { host, port: u16::from_redis_value(parts.next()?).ok()? })
}

/// Sends a command to one given server.
pub(super) async fn ask_at(connection: &ClusterConnection, server: &Address, command: &Cmd) -> RedisResult<Value> {
    let Address { host, port } = server.clone();
    let routing = RoutingInfo::SingleNode(SingleNodeRoutingInfo::ByAddress { host, port });
    connection.clone().route_command(command.clone(), routing).await?.extract_error()
}
