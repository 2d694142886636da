//! Checks of the session store by an operator's command: no session is read or changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::file::{companions, recognised};
use super::redis::inspect_servers;
use super::{StoreSettings, open};
use crate::domain::crypto::replay::ReplayKey;
use crate::domain::crypto::sealing::{SealingKey, SealingKeys};
use crate::domain::session::{Lifetimes, SessionId};
use crate::outbound::finding::{Finding, Level};
use crate::outbound::private_file::{self, Privacy};
use crate::ports::{Clock, Consumption, Entropy, Lease, SessionStore};

/// How many round trips are measured.
const ROUND_TRIPS: usize = 9;
/// A slower answer would be felt at every request that reads from the store.
const SLOW: Duration = Duration::from_millis(20);
/// How long what the checks write may stay.
const LIFETIME: Duration = Duration::from_secs(1);

/// What was found about the store of `settings`, and about `key_file`, the sealing key beside it, if there is one.
pub async fn inspect(
    settings: &StoreSettings,
    key_file: Option<&Path>,
    lifetimes: Lifetimes,
    entropy: &Arc<dyn Entropy>,
    clock: &Arc<dyn Clock>,
) -> Vec<Finding> {
    match settings {
        StoreSettings::Memory => {
            vec![Finding::ok("store", "sessions are in memory: each restart signs all users out")]
        }
        StoreSettings::File { path } => {
            let mut findings = vec![sealing_key(key_file, path), file(path)];
            findings
                .extend(companions(path).iter().filter(|path| path.exists()).map(|path| private("store", Some(path))));
            findings
        }
        StoreSettings::Redis(redis) => {
            let mut findings = inspect_servers((**redis).clone(), entropy).await;
            if findings.iter().all(|finding| finding.level != Level::Fail) {
                findings.extend(rights(settings, lifetimes, entropy, clock).await);
            }
            findings
        }
    }
}

/// A store whose key is gone cannot be read any more; the service would make another key.
fn sealing_key(key_file: Option<&Path>, store: &Path) -> Finding {
    let has_sessions = std::fs::metadata(store).is_ok_and(|metadata| metadata.len() > 0);
    match key_file {
        Some(key) if has_sessions && !key.exists() => Finding::fail(
            "sealing_key",
            format!("{} does not exist, so the sessions in {} cannot be read", key.display(), store.display()),
            "restore the key from a backup, or delete the session file, which signs all users out",
        ),
        key => private("sealing_key", key),
    }
}

/// Whether a file is private, as the service requires; a file that does not exist is made when the service starts.
fn private(check: &'static str, path: Option<&Path>) -> Finding {
    let Some(path) = path else { return Finding::ok(check, "the configuration gives the key") };
    let shown = path.display();
    match private_file::privacy(path) {
        Ok(Privacy::Absent) => Finding::ok(check, format!("{shown} does not exist yet; the service makes it")),
        Ok(Privacy::Private) => Finding::ok(check, format!("{shown} is used by its owner only")),
        Ok(Privacy::OfGroup(mode)) => Finding::warn(
            check,
            format!("{shown} has mode {mode:04o}, so its group may use it; the service removes that when it starts"),
            format!("`chmod 600 {shown}`"),
        ),
        Err(fault) => {
            let help = "run this command as the user of the service; docs/operations.md, Files, says more";
            Finding::fail(check, fault.to_string(), help)
        }
    }
}

fn file(path: &Path) -> Finding {
    let found = private("store", Some(path));
    if !path.exists() {
        let folder = private_file::directory_of(path);
        return match private_file::can_make_files(folder) {
            Ok(()) => found,
            Err(cause) => Finding::fail(
                "store",
                format!("{} does not exist, and no file can be made in {} ({cause})", path.display(), folder.display()),
                "let the folder belong to the user of the service, or set `session.path`",
            ),
        };
    }
    match recognised(path) {
        Ok(()) => found,
        Err(fault) => Finding::fail("store", fault.to_string(), "see docs/operations.md, Files"),
    }
}

/// What the service's own commands are allowed, by keys that nothing uses and that expire within seconds.
async fn rights(
    settings: &StoreSettings,
    lifetimes: Lifetimes,
    entropy: &Arc<dyn Entropy>,
    clock: &Arc<dyn Clock>,
) -> Vec<Finding> {
    let mut random = [0; 32];
    if let Err(fault) = entropy.fill(&mut random) {
        return vec![Finding::note("rights", fault.to_string())];
    }
    // No record is read, so any key will do.
    let keys = SealingKeys::new(SealingKey::new(random), Vec::new());
    let opened = match open(settings, keys, lifetimes, Arc::clone(entropy), Arc::clone(clock)) {
        Ok(opened) => opened.store,
        Err(fault) => return vec![Finding::fail("rights", fault.to_string(), "see docs/sessions.md")],
    };
    let help = "allow the user of `session.redis` the commands and keys that docs/sessions.md lists";
    match attempt(opened.as_ref(), random, clock.as_ref()).await {
        Err(cause) => vec![Finding::fail("rights", cause, help)],
        Ok(mut times) => {
            times.sort_unstable();
            let median = times.get(times.len() / 2).copied().unwrap_or_default();
            let text = format!("the median of {ROUND_TRIPS} reads is {:.1} ms", median.as_secs_f64() * 1000.0);
            let latency = if median < SLOW {
                Finding::ok("latency", text)
            } else {
                Finding::warn(
                    "latency",
                    text,
                    "let the servers be near: every request that is not answered by the cache waits for one read",
                )
            };
            vec![
                Finding::ok("rights", "reading, writing, scripts and deleting are allowed below the key prefix"),
                latency,
            ]
        }
    }
}

async fn attempt(store: &dyn SessionStore, random: [u8; 32], clock: &dyn Clock) -> Result<Vec<Duration>, String> {
    let [first, second] =
        [0, 16].map(|from| random.get(from..from + 16).and_then(|half| half.try_into().ok()).unwrap_or_default());
    let (replay, holder): (ReplayKey, [u8; 16]) = (ReplayKey::from_bytes(first), second);
    let told = |what: &str, fault: &dyn std::fmt::Display| format!("{what}: {fault}");
    let consumed = store.consume_once(&replay, clock.now().plus(LIFETIME)).await;
    match consumed.map_err(|fault| told("writing", &fault))? {
        Consumption::First => {}
        Consumption::Repeated => return Err("writing: a key that was never written is there".to_owned()),
    }
    let key = SessionId::new(random).key();
    let lease = store.lease(&key, &holder, LIFETIME).await.map_err(|fault| told("scripts", &fault))?;
    if matches!(lease, Lease::Held(_)) {
        store.release(&key, &holder).await.map_err(|fault| told("scripts and deleting", &fault))?;
    }
    let mut times = Vec::with_capacity(ROUND_TRIPS);
    for _ in 0..ROUND_TRIPS {
        let begun = Instant::now();
        let found = store.is_consumed(&replay).await.map_err(|fault| told("reading", &fault))?;
        times.push(begun.elapsed());
        if !found {
            return Err("reading: a key that was just written is not there".to_owned());
        }
    }
    Ok(times)
}

/// The file with the sealing key beside the store's file.
#[must_use]
pub fn key_path(store: &Path) -> PathBuf {
    let mut path = store.as_os_str().to_owned();
    path.push(".key");
    PathBuf::from(path)
}
