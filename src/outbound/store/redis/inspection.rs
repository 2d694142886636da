//! Checks of the servers: the connection that the service would make, client tracking, and what happens when memory is full.

use std::sync::Arc;

use redis::{Cmd, FromRedisValue as _};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::client_side_cache::ClientSideCache;
use super::connection::{RedisConnection, State};
use super::dial::Dialer;
use super::fault::Fault;
use super::keys::Keys;
use super::settings::{RedisSettings, Topology};
use super::supervisor::Supervisor;
use crate::outbound::finding::{CHECK_TIMEOUT, Finding};
use crate::ports::Entropy;

/// What was found about the servers of `settings`.
pub(in crate::outbound::store) async fn inspect_servers(
    settings: RedisSettings,
    entropy: &Arc<dyn Entropy>,
) -> Vec<Finding> {
    let shown = settings.to_string();
    let is_cluster = matches!(settings.topology, Topology::Cluster { .. });
    let (state, _watched) = watch::channel(State::Connecting);
    let cache = ClientSideCache::new(settings.cache_bytes, settings.outage_grace, Instant::now());
    let keys = Keys::new(settings.key_prefix.clone());
    let (dialer, _access) = Dialer::new(settings);
    let (dialer, client_side_cache) = (Arc::new(dialer), Arc::new(cache));
    let supervisor = Supervisor { dialer, state, entropy: Arc::clone(entropy), client_side_cache, keys };
    let help = "compare `session.redis.url` with the address, the credentials and the certificates of the servers";
    let connected = timeout(CHECK_TIMEOUT, supervisor.connect()).await;
    let (link, tracking) = match connected.unwrap_or_else(|_| Err("no connection in time".to_owned())) {
        Ok((link, tracking)) => (link, tracking.map(drop)),
        Err(reason) => return vec![Finding::fail("reachable", format!("{shown}: {reason}"), help)],
    };
    let mut findings = vec![Finding::ok("reachable", format!("{shown}: connected to {link}"))];
    findings.push(match tracking {
        Some(()) => tracked(),
        None if is_cluster => match supervisor.track_cluster(&link).await {
            Ok(_) => tracked(),
            Err(fault) => untracked(&format!("client tracking is not available ({fault})")),
        },
        None => untracked("the server refuses CLIENT TRACKING to this user"),
    });
    findings.push(memory_policy(&link).await);
    findings
}

fn tracked() -> Finding {
    Finding::ok("tracking", "CLIENT TRACKING is allowed, so sessions are cached in Gatepost")
}

fn untracked(cause: &str) -> Finding {
    let help = "allow the user `+client|tracking`, and in a Cluster `+cluster|myid`";
    Finding::warn("tracking", format!("{cause}, so each request reads from Redis"), help)
}

/// `maxmemory-policy`, as `INFO` reports it: an eviction would sign users out, or forget that a value was used.
async fn memory_policy(link: &RedisConnection) -> Finding {
    let (check, name) = ("memory_policy", "maxmemory_policy:");
    let Some(master) = link.first_masters().first().cloned() else { return Finding::note(check, "no server is known") };
    let mut question = Cmd::new();
    question.arg("INFO").arg("memory");
    let answer = match timeout(CHECK_TIMEOUT, link.ask_at(&master, &question)).await.unwrap_or(Err(Fault::TimeOut)) {
        Ok(answer) => String::from_redis_value(answer).unwrap_or_default(),
        Err(fault) => return Finding::note(check, format!("not told: {fault}; with `+info` the user may ask for it")),
    };
    match answer.lines().find_map(|line| line.strip_prefix(name)).map(str::trim) {
        Some("noeviction") => Finding::ok(check, "`maxmemory-policy` is noeviction"),
        Some(policy) if policy.len() <= 32 => Finding::warn(
            check,
            format!("`maxmemory-policy` is {policy}, so Redis may drop sessions when its memory is full"),
            "set `maxmemory-policy noeviction`",
        ),
        Some(_) | None => Finding::note(check, "not told: INFO names no `maxmemory_policy`"),
    }
}
