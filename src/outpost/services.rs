//! The state that all requests share.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use governor::clock::MonotonicClock;

use super::errors::Fault;
use super::loaded_session::LoadedSession;
use super::parts::Parts;
use super::pending_ends::PendingEnds;
use super::refresh::RefreshTasks;
use super::sign_in::{SignInLimits, StartLimit};
use super::waits::{WaitLimits, Waits};
use crate::domain::application::Application;
use crate::domain::application::cookies::OwnCookies;
use crate::domain::crypto::signing_keys::SigningKeys;
use crate::domain::decision::pages::{Design, Pages};
use crate::domain::http::{Reader, RequestLimits};
use crate::domain::policy::identity_headers::{OutpostFacts, Signer};
use crate::domain::slug::Slug;
use crate::ports::{Clock, EntropyFault, IdentityProvider};
use crate::telemetry::LogThrottle;

/// Bytes of the longest decision id: 32 bits and 64 bits in hexadecimal digits, separated by a dash.
const LONGEST_ID: usize = 25;

/// How many findings are remembered. Claims determine them, so their number must be bounded.
const MOST_REPORTED: usize = 1000;

/// The parts, the operator's limits, and the counters over all requests.
pub(super) struct Services {
    pub(super) parts: Parts,
    pub(super) limits: RequestLimits,
    run: u32,
    decisions: AtomicU64,
    /// What was logged about an application's users and claims, so that each finding is logged once.
    pub(super) reported: LogThrottle<(Slug, String)>,
    pub(super) refresh_tasks: RefreshTasks,
    pub(super) waits: Waits,
    pub(super) sign_in_limits: SignInLimits,
    pub(super) start_limit: Option<StartLimit>,
    pub(super) pending_ends: PendingEnds,
    pub(super) signing_keys: SigningKeys,
    /// The design of the pages; it is replaced as a whole.
    pub(super) design: ArcSwap<Design>,
}

impl Services {
    pub(super) fn new(parts: Parts) -> Result<Self, EntropyFault> {
        let mut run = [0; 4];
        parts.entropy.fill(&mut run)?;
        let refresh_tasks = RefreshTasks::new(&parts);
        let (run, decisions) = (u32::from_ne_bytes(run), AtomicU64::new(0));
        let (limits, waits) = (RequestLimits::default(), Waits::default());
        let signing_keys = SigningKeys::new(parts.sealing.clone());
        Ok(Self {
            parts,
            limits,
            run,
            decisions,
            reported: LogThrottle::once(MOST_REPORTED),
            refresh_tasks,
            waits,
            sign_in_limits: SignInLimits::default(),
            start_limit: None,
            pending_ends: PendingEnds::default(),
            signing_keys,
            design: ArcSwap::default(),
        })
    }

    pub(super) fn with_limits(self, limits: RequestLimits) -> Self {
        Self { limits, ..self }
    }

    pub(super) fn with_wait_limits(self, limits: WaitLimits) -> Self {
        Self { waits: Waits::new(limits), ..self }
    }

    pub(super) fn with_sign_in_limits(self, limits: SignInLimits) -> Self {
        let start_limit = limits.starts_per_client.map(|limit| StartLimit::new(limit, MonotonicClock));
        Self { sign_in_limits: limits, start_limit, ..self }
    }

    /// The live session that one of the presented cookies names. A fault of the store is not "no session".
    pub(super) async fn find_session(
        &self,
        application: &Application,
        own: &OwnCookies,
    ) -> Result<Option<LoadedSession>, Fault> {
        for id in &own.sessions {
            let key = id.key();
            let Some(stored) = self.parts.store.load(&key).await? else { continue };
            let (now, last_seen) = (self.parts.clock.now(), stored.last_seen);
            let live = stored.session.live(last_seen, application, now, self.parts.lifetimes);
            let is_over = |of: &Option<String>| self.pending_ends.contain(of.as_deref());
            if let Some(session) = live.filter(|session| !is_over(&session.record().provider_session)) {
                let freshness = session.record().freshness(now);
                return Ok(Some(LoadedSession { key, session, last_seen, freshness }));
            }
        }
        Ok(None)
    }

    /// The pages for a reader whose request was not routed to an application.
    pub(super) fn pages(&self, reader: impl Into<Reader>) -> Pages {
        Pages::new(reader, self.design.load_full())
    }

    pub(super) fn random<const N: usize>(&self) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];
        self.parts.entropy.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Unique over process runs, and cheap: a random number for the run, and a counter.
    pub(super) fn decision_id(&self) -> String {
        let mut id = String::with_capacity(LONGEST_ID);
        // Writing to a `String` cannot fail.
        let _ = write!(id, "{:08x}-{:x}", self.run, self.decisions.fetch_add(1, Ordering::Relaxed));
        id
    }

    /// The facts about this outpost that identity headers carry.
    pub(super) fn with_outpost_facts<T>(
        &self,
        application: &Application,
        tell: impl FnOnce(OutpostFacts<'_>) -> T,
    ) -> T {
        let sources = FactSources {
            provider: self.parts.provider.as_ref(),
            name: &self.parts.name.load(),
            signing_keys: &self.signing_keys,
            clock: self.parts.clock.as_ref(),
        };
        sources.tell(application, tell)
    }
}

/// Where the facts about the outpost come from.
pub(super) struct FactSources<'a> {
    pub(super) provider: &'a dyn IdentityProvider,
    pub(super) name: &'a str,
    pub(super) signing_keys: &'a SigningKeys,
    pub(super) clock: &'a dyn Clock,
}

impl FactSources<'_> {
    /// The facts about this outpost that the application's identity headers carry; never waits for the provider.
    pub(super) fn tell<T>(&self, application: &Application, tell: impl FnOnce(OutpostFacts<'_>) -> T) -> T {
        let Self { provider, name, signing_keys, clock } = *self;
        let metadata = application.jwt_headers.then(|| provider.cached_metadata(&application.relying_party)).flatten();
        let jwks_uri = metadata.as_ref().map(|metadata| metadata.jwks_uri.as_str());
        let signs = application.headers.assertion().is_some();
        let signer = signs.then(|| Signer { keys: signing_keys, now: clock.now() });
        tell(OutpostFacts { name, jwks_uri, signer })
    }
}
