//! Ends that the servers do not know, or may forget. One that could not be brought to them holds in this process at once,
//! and is brought as soon as there is a way. One that was acknowledged is remembered for a while, too: a server that
//! takes over may not have heard of it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::session::SessionKey;
use crate::domain::time::Timestamp;
use crate::outbound::store::vault::Mark;

/// For how long an acknowledged end is brought again over every new link.
const REMEMBERED: Duration = Duration::from_secs(60);
/// How many of each kind are remembered; beyond, the oldest are forgotten.
const MAX: usize = 64 * 1024;

/// Which sessions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum End {
    /// One.
    Session(SessionKey),
    /// All of a user that were created until then.
    User(Mark, Timestamp),
}

#[derive(Default)]
struct State {
    sessions: HashMap<SessionKey, Instant>,
    users: HashMap<Mark, Timestamp>,
    acknowledged: VecDeque<(Instant, End)>,
}

/// The ends of this process.
#[derive(Default)]
pub(super) struct Ends(Mutex<State>);

impl Ends {
    /// Nothing that holds the lock panics half-way, so what a poisoned one guards is still whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an end that is about to be brought to the servers; until they acknowledge it, it holds here.
    pub(super) fn begin(&self, end: End, now: Instant) {
        let mut state = self.state();
        match end {
            End::Session(key) => {
                if state.sessions.len() >= MAX {
                    let oldest = state.sessions.iter().min_by_key(|(_, since)| **since).map(|(key, _)| *key);
                    oldest.and_then(|key| state.sessions.remove(&key));
                }
                state.sessions.insert(key, now);
            }
            End::User(mark, until) => {
                if state.users.len() >= MAX {
                    let oldest = state.users.iter().min_by_key(|(_, until)| **until).map(|(mark, _)| *mark);
                    oldest.and_then(|mark| state.users.remove(&mark));
                }
                let known = state.users.entry(mark).or_insert(until);
                *known = until.max(*known);
            }
        }
    }

    /// The servers know it now.
    pub(super) fn acknowledge(&self, end: End, now: Instant) {
        let mut state = self.state();
        match end {
            End::Session(key) => drop(state.sessions.remove(&key)),
            End::User(mark, until) => {
                if state.users.get(&mark).is_some_and(|known| *known <= until) {
                    state.users.remove(&mark);
                }
            }
        }
        while state.acknowledged.len() >= MAX || state.acknowledged.front().is_some_and(|(at, _)| over(*at, now)) {
            state.acknowledged.pop_front();
        }
        state.acknowledged.push_back((now, end));
    }

    /// Whether a session counts as ended here, whatever the servers say.
    pub(super) fn hold(&self, key: &SessionKey, user: &Mark, created: Timestamp) -> bool {
        let state = self.state();
        state.sessions.contains_key(key) || state.users.get(user).is_some_and(|until| created <= *until)
    }

    /// The same of a session whose own end it was, without asking whose it is.
    pub(super) fn hold_session(&self, key: &SessionKey) -> bool {
        self.state().sessions.contains_key(key)
    }

    /// A session is saved anew under this key.
    pub(super) fn forget(&self, key: &SessionKey) {
        self.state().sessions.remove(key);
    }

    /// What the servers have not acknowledged.
    pub(super) fn pending(&self) -> Vec<End> {
        let state = self.state();
        let sessions = state.sessions.keys().map(|key| End::Session(*key));
        sessions.chain(state.users.iter().map(|(mark, until)| End::User(*mark, *until))).collect()
    }

    /// What servers that took over may not know.
    pub(super) fn recent(&self, now: Instant) -> Vec<End> {
        let state = self.state();
        state.acknowledged.iter().filter(|(at, _)| !over(*at, now)).map(|(_, end)| *end).collect()
    }
}

fn over(at: Instant, now: Instant) -> bool {
    now.saturating_duration_since(at) > REMEMBERED
}
