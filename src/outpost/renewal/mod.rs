//! Keeps what is known of signed-in users fresh, with refresh tokens (`OpenID` Connect Core section 12). A session that is due is
//! renewed behind the answer; one whose facts are out of date makes its request wait a little. A provider that is down signs
//! nobody out: what it said before stands until the session ends.

mod end;
mod flight;
mod lease;
mod pauses;
mod saving;

use std::sync::Arc;
use std::time::Duration;

use self::flight::Flight;
use self::pauses::Pauses;
use super::{Found, Parts};
use crate::domain::application::Application;
use crate::domain::session::{Freshness, Lifetimes, SessionKey};
use crate::ports::{Clock, Entropy, IdentityProvider, SessionStore};
use crate::single_flight::SingleFlight;

/// The longest that a request waits for a renewal: less than a Check may take, so that it is answered all the same.
pub(super) const PATIENCE: Duration = Duration::from_millis(700);

/// How many renewals may be under way; sessions that find no place are renewed a little later.
const MOST: usize = 256;

/// What every renewal works with.
struct Crew {
    store: Arc<dyn SessionStore>,
    provider: Arc<dyn IdentityProvider>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    lifetimes: Lifetimes,
    outpost: String,
    pauses: Pauses,
}

/// All renewals of this process.
pub(super) struct Renewals {
    crew: Arc<Crew>,
    flights: Arc<SingleFlight<SessionKey, ()>>,
}

/// What a request may rely on afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attended {
    /// On the session as it was found.
    AsFound,
    /// Time has passed: only on what the store says now.
    LookAgain,
}

impl Renewals {
    pub(super) fn new(parts: &Parts) -> Self {
        let crew = Crew {
            store: Arc::clone(&parts.store),
            provider: Arc::clone(&parts.provider),
            clock: Arc::clone(&parts.clock),
            entropy: Arc::clone(&parts.entropy),
            lifetimes: parts.lifetimes,
            outpost: parts.name.clone(),
            pauses: Pauses::default(),
        };
        Self { crew: Arc::new(crew), flights: SingleFlight::new(MOST) }
    }

    /// Sees to it that a session that was found is renewed when it is time, and waits when it is high time.
    pub(super) async fn attend(&self, application: &Arc<Application>, found: &Found, patience: Duration) -> Attended {
        if found.freshness == Freshness::Fresh {
            return Attended::AsFound;
        }
        let (crew, key) = (&self.crew, found.key);
        let begin = || {
            let generation = found.session.record().generation;
            let may_begin = !crew.pauses.holds(&key, crew.clock.now());
            may_begin.then(|| Flight::new(Arc::clone(crew), Arc::clone(application), key, generation).fly())
        };
        match self.flights.join(key, begin) {
            Some(flight) if found.freshness == Freshness::Stale => {
                // Whatever became of it, the store knows.
                Box::pin(flight.result_within(patience)).await;
                Attended::LookAgain
            }
            Some(_) | None => Attended::AsFound,
        }
    }

    /// Waits until no renewal is under way.
    pub(super) async fn landed(&self) {
        while let Some(flight) = self.flights.any() {
            flight.result().await;
        }
    }
}
