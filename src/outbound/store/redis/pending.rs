//! Revocations that the servers do not know, or may lose. One that could not be sent to them takes effect in this process
//! at once, and is sent as soon as there is a connection. One that was acknowledged is also remembered, for a minute:
//! servers acknowledge before their replicas have received it, and a replica that is promoted may never receive it. The
//! remaining gap is a revocation whose server and whose Gatepost both fail within moments.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard};
use tokio::time::Instant;
use tracing::warn;

use crate::domain::session::SessionKey;
use crate::domain::time::Timestamp;
use crate::outbound::store::record_cipher::IndexHash;

/// How long an acknowledged revocation is resent over every new connection.
const REMEMBERED: Duration = Duration::from_secs(60);
/// The limit for the remembered revocations of each kind.
const MAX: usize = 64 * 1024;

/// Which sessions a revocation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// One session.
    Session(SessionKey),
    /// All sessions of a user that were created until this time.
    User(IndexHash, Timestamp),
}

/// What the servers know of a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RevocationState {
    /// The caller is sending it to the servers.
    InProgress,
    /// It could not be delivered to the servers.
    Waits,
    /// They acknowledged it at this moment.
    Known(Instant),
}

impl RevocationState {
    const fn is_known(self) -> bool {
        matches!(self, Self::Known(_))
    }
}

#[derive(Default)]
struct State {
    sessions: HashMap<SessionKey, RevocationState>,
    users: HashMap<IndexHash, (Timestamp, RevocationState)>,
}

/// A revocation that is being sent to the servers. Unless it is acknowledged, it waits from then on.
#[must_use]
pub(super) struct RevocationGuard<'e> {
    ends: &'e PendingRevocations,
    end: End,
}

impl RevocationGuard<'_> {
    /// The servers have acknowledged it.
    pub(super) fn acknowledge(self, now: Instant) {
        self.ends.acknowledge(self.end, now);
    }
}

impl Drop for RevocationGuard<'_> {
    fn drop(&mut self) {
        self.ends.stop(self.end);
    }
}

/// The revocations of this process.
#[derive(Default)]
pub(super) struct PendingRevocations {
    state: Mutex<State>,
    /// Held while revocations are sent again, and while a session is saved under a key whose revocation may be sent again.
    replay: AsyncMutex<()>,
}

impl PendingRevocations {
    /// No code that holds the lock panics midway, so the data behind a poisoned lock is still consistent.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a revocation that is about to be sent to the servers. From now on it holds here.
    pub(super) fn begin(&self, end: End) -> RevocationGuard<'_> {
        let State { sessions, users } = &mut *self.state();
        match end {
            End::Session(key) if has_room(sessions, |standing| standing.is_known()) => {
                sessions.insert(key, RevocationState::InProgress);
            }
            End::User(user, until) if has_room(users, |(_, standing)| standing.is_known()) => {
                users.insert(user, (until, RevocationState::InProgress));
            }
            End::Session(_) | End::User(..) => warn!("session store: too many revocations are pending; one is dropped"),
        }
        RevocationGuard { ends: self, end }
    }

    /// The servers did not acknowledge it.
    fn stop(&self, end: End) {
        let State { sessions, users } = &mut *self.state();
        let standing = match end {
            End::Session(key) => sessions.get_mut(&key),
            // A later revocation of the same user may be in progress.
            End::User(user, until) => users.get_mut(&user).filter(|(known, _)| *known <= until).map(|(_, it)| it),
        };
        if let Some(standing) = standing.filter(|standing| **standing == RevocationState::InProgress) {
            *standing = RevocationState::Waits;
        }
    }

    /// The servers have acknowledged it.
    pub(super) fn acknowledge(&self, end: End, now: Instant) {
        let State { sessions, users } = &mut *self.state();
        match end {
            End::Session(key) => {
                if has_room(sessions, |standing| standing.is_known()) {
                    sessions.insert(key, RevocationState::Known(now));
                }
            }
            End::User(user, until) => {
                if let Some((_, standing)) = users.get_mut(&user).filter(|(known, _)| *known <= until) {
                    *standing = RevocationState::Known(now);
                }
            }
        }
    }

    /// Whether the session with this key was ended here.
    pub(super) fn hold_session(&self, key: &SessionKey) -> bool {
        self.state().sessions.contains_key(key)
    }

    /// Whether a session counts as ended here, regardless of what the servers answer. Revocations of a user apply only while the servers
    /// have not acknowledged them: the user may sign in again within the same second.
    pub(super) fn hold(&self, key: &SessionKey, user: &IndexHash, created: Timestamp) -> bool {
        let state = self.state();
        let waits = |(until, standing): &(Timestamp, RevocationState)| !standing.is_known() && created <= *until;
        state.sessions.contains_key(key) || state.users.get(user).is_some_and(waits)
    }

    /// Excludes other replays of revocations, until the guard is dropped.
    pub(super) async fn replay(&self) -> AsyncMutexGuard<'_, ()> {
        self.replay.lock().await
    }

    /// Excludes replays if the session with this key was ended here: a repeated revocation must not end a session that is
    /// saved under the same key.
    pub(super) async fn exclude_replay(&self, key: &SessionKey) -> Option<AsyncMutexGuard<'_, ()>> {
        if self.hold_session(key) { Some(self.replay.lock().await) } else { None }
    }

    /// Forgets the revocation of this key, because a new session is saved under it.
    pub(super) fn forget(&self, key: &SessionKey) {
        self.state().sessions.remove(key);
    }

    /// The revocations that could not be delivered.
    pub(super) fn waiting(&self) -> Vec<End> {
        self.select(|standing| standing == RevocationState::Waits)
    }

    /// The acknowledged revocations, which a server that took over may not know.
    pub(super) fn recent(&self) -> Vec<End> {
        self.select(RevocationState::is_known)
    }

    /// Forgets the revocations that every server must know by now.
    pub(super) fn tidy(&self, now: Instant) {
        let keep = |standing: RevocationState| match standing {
            RevocationState::Known(at) => now.saturating_duration_since(at) <= REMEMBERED,
            RevocationState::InProgress | RevocationState::Waits => true,
        };
        let mut state = self.state();
        state.sessions.retain(|_, standing| keep(*standing));
        state.users.retain(|_, (_, standing)| keep(*standing));
    }

    fn select(&self, which: impl Fn(RevocationState) -> bool) -> Vec<End> {
        let state = self.state();
        let sessions = state.sessions.iter().filter(|(_, standing)| which(**standing));
        let users = state.users.iter().filter(|(_, (_, standing))| which(*standing));
        sessions
            .map(|(key, _)| End::Session(*key))
            .chain(users.map(|(user, (until, _))| End::User(*user, *until)))
            .collect()
    }
}

/// Whether one more can be remembered; when full, evicts all that are `known` to the servers first.
fn has_room<K: Hash + Eq, V>(ends: &mut HashMap<K, V>, known: impl Fn(&V) -> bool) -> bool {
    if ends.len() >= MAX {
        ends.retain(|_, end| !known(end));
    }
    ends.len() < MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::store::testing::{at, key};

    #[tokio::test]
    async fn an_end_holds_until_it_is_known_and_is_remembered_a_minute_longer() {
        let (ends, now) = (PendingRevocations::default(), Instant::now());
        let user = [1; 32];
        let one = ends.begin(End::Session(key(1)));
        let all = ends.begin(End::User(user, at(50)));
        assert!(ends.hold(&key(1), &[9; 32], at(0)));
        assert_eq!([at(49), at(50), at(51)].map(|created| ends.hold(&key(2), &user, created)), [true, true, false]);
        assert_eq!((ends.waiting().len(), ends.recent().len()), (0, 0), "somebody is at it");

        one.acknowledge(now);
        all.acknowledge(now);
        assert!(ends.hold(&key(1), &[9; 32], at(0)), "its server may be replaced by one that knows it still");
        assert!(!ends.hold(&key(2), &user, at(50)), "a new session of the same second");
        assert_eq!((ends.waiting().len(), ends.recent().len()), (0, 2));

        ends.tidy(now + REMEMBERED);
        assert_eq!(ends.recent().len(), 2);
        ends.tidy(now + REMEMBERED + Duration::from_millis(1));
        assert_eq!(ends.recent().len(), 0);
        assert!(!ends.hold_session(&key(1)));
    }

    #[tokio::test]
    async fn what_the_servers_were_not_told_waits_also_when_the_caller_went_away() {
        let (ends, now) = (PendingRevocations::default(), Instant::now());
        drop(ends.begin(End::Session(key(1))));
        drop(ends.begin(End::User([1; 32], at(50))));
        assert_eq!(ends.waiting(), [End::Session(key(1)), End::User([1; 32], at(50))]);
        ends.tidy(now + REMEMBERED * 100);
        assert!(ends.hold_session(&key(1)) && ends.hold(&key(2), &[1; 32], at(50)));
    }

    #[tokio::test]
    async fn a_later_end_of_a_user_is_not_taken_for_the_earlier() {
        let (ends, now) = (PendingRevocations::default(), Instant::now());
        let earlier = ends.begin(End::User([1; 32], at(50)));
        let later = ends.begin(End::User([1; 32], at(60)));
        earlier.acknowledge(now);
        assert!(ends.waiting().is_empty() && ends.hold(&key(1), &[1; 32], at(60)));
        drop(later);
        assert_eq!(ends.waiting(), [End::User([1; 32], at(60))]);
    }

    #[tokio::test]
    async fn memory_is_bounded_and_what_waits_is_not_pushed_out() {
        let (ends, now) = (PendingRevocations::default(), Instant::now());
        drop(ends.begin(End::Session(key(0))));
        for number in 1..=MAX as u64 {
            ends.acknowledge(End::Session(key(number)), now);
        }
        assert!(ends.recent().len() <= MAX);
        assert!(ends.hold_session(&key(0)));
    }
}
