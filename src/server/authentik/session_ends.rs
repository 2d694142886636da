//! Ends the sessions that end at authentik. It does not report them again, so each report takes effect in this process at
//! once, and is tried until the store has carried it out.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::outbound::authentik::SessionEnds;
use crate::outpost::Outpost;
use crate::ports::StoreFault;

/// The interval at which the store is asked again for what it could not do.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// The number of sessions that the store is asked to end at the same time.
const AT_ONCE: usize = 64;

/// The issuers at which a session may have begun; there may be more of them later.
pub(super) type Issuers = Arc<Mutex<BTreeSet<String>>>;

/// A provider session that ended, and whose sessions the store still has to end.
struct PendingEnd {
    sid: String,
    /// Whether the log says that this takes longer.
    is_logged: bool,
}

/// Ends the sessions that one WebSocket reports; completes when the WebSocket was dropped and nothing is left to be done.
/// What fails delays no other end: neither the receipt of reports, so that they do not wait at authentik, nor what the
/// store is asked for. Their number has no limit, as in the outpost.
pub(super) async fn end_sessions(mut ended: SessionEnds, outpost: Arc<Outpost>, issuers: Issuers) {
    let (mut due, mut failed, mut is_open) = (VecDeque::new(), HashSet::new(), true);
    let mut trying = FuturesUnordered::new();
    let mut retries = interval(RETRY_INTERVAL);
    retries.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while is_open || !due.is_empty() || !trying.is_empty() || !failed.is_empty() {
        while trying.len() < AT_ONCE
            && let Some(end) = due.pop_front()
        {
            trying.push(try_to_end(&outpost, &issuers, end));
        }
        tokio::select! {
            sid = ended.next(), if is_open => match sid {
                Some(sid) => {
                    outpost.provider_session_ended(&sid);
                    due.push_back(PendingEnd { sid, is_logged: false });
                }
                None => is_open = false,
            },
            Some((end, tried)) = trying.next(), if !trying.is_empty() => match tried {
                Ok(0) => {}
                Ok(count) => info!(sid = end.sid, count, "sessions ended, because their session at authentik ended"),
                Err(fault) => {
                    let PendingEnd { sid, is_logged } = end;
                    if !is_logged && !failed.contains(&sid) {
                        warn!(sid, %fault, "a session that ended at authentik is not ended yet; it is tried again");
                    }
                    failed.insert(sid);
                }
            },
            // An interval, because a pause that begins anew with each report would be postponed by them.
            _ = retries.tick(), if !failed.is_empty() => {
                due.extend(failed.drain().map(|sid| PendingEnd { sid, is_logged: true }));
            }
        }
    }
}

async fn try_to_end(
    outpost: &Outpost,
    issuers: &Mutex<BTreeSet<String>>,
    end: PendingEnd,
) -> (PendingEnd, Result<usize, StoreFault>) {
    let known = issuers.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let tried = outpost.end_provider_session(&end.sid, &known).await;
    (end, tried)
}

#[cfg(test)]
mod tests;
