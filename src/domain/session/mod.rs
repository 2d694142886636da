//! A session: who signed in, at which application, until when; and the cookie that names it.

pub mod frontchannel_logout;
mod id;
mod record;
mod refreshed;

use std::any::Any;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::oidc::id_token::SignedIn;
use super::oidc::user::ProviderSession;
use super::slug::Slug;
use super::time::Timestamp;

pub use id::{SessionId, SessionKey};
pub use record::{Freshness, Renewal, SessionRecord};
pub use refreshed::Refreshed;

/// A session. It begins only with a verified sign-in, or comes back from a store that kept one.
#[derive(Clone, Debug)]
pub struct Session {
    record: SessionRecord,
    /// What has been worked out from it; see [`LiveSession::derived`].
    derived: OnceLock<Arc<dyn Any + Send + Sync>>,
}

/// How long sessions last.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// From the sign-in on, whatever happens.
    pub absolute: Duration,
    /// From the last use on.
    pub idle: Duration,
}

/// What of an application its sessions depend on.
#[derive(Clone, Copy, Debug)]
pub struct SessionTerms<'a> {
    /// The application that a session is for.
    pub application: &'a Slug,
    /// Its issuer identifier.
    pub issuer: &'a str,
    /// How long a session lasts; `None`: as long as its ID Token says.
    pub validity: Option<Duration>,
    /// Whether the session keeps the access token, because the application is sent it.
    pub keeps_access_token: bool,
}

/// The longest time for which uses of a session count as one.
const LONGEST_USE: Duration = Duration::from_secs(5 * 60);

impl Lifetimes {
    /// For how long uses of a session count as one, so that reading does not turn into writing: a sixtieth of what a session
    /// lasts without any. By so much a session may end too early, never too late.
    #[must_use]
    pub fn one_use(&self) -> Duration {
        LONGEST_USE.min(self.idle / 60)
    }
}

impl Session {
    /// The session of a user who has just signed in to `application`. It ends with the ID Token; with a refresh token it
    /// lasts longer, as the provider is asked again and again.
    #[must_use]
    pub fn begin<'a>(
        signed_in: SignedIn,
        terms: impl Into<SessionTerms<'a>>,
        now: Timestamp,
        lifetimes: Lifetimes,
    ) -> Self {
        let terms = terms.into();
        let SignedIn { id_token, claims, access_token, refresh_token, expires_in, is_complete } = signed_in;
        let life = expires_in.unwrap_or_else(|| id_token.expires().since(now));
        let renewal = refresh_token.map(|token| Renewal::after(Some(life), token, now));
        let renewal = renewal.map(|renewal| if is_complete { renewal } else { Renewal { due: now, ..renewal } });
        let absolute = now.plus(lifetimes.absolute);
        let by_application = match terms.validity {
            Some(validity) => now.plus(validity),
            None if renewal.is_some() => absolute,
            None => id_token.expires(),
        };
        Self::restore(SessionRecord {
            user: id_token.user().clone(),
            application: terms.application.clone(),
            provider_session: claims.text("sid").map(str::to_owned),
            claims,
            id_token: Some(id_token.into_raw()),
            access_token: access_token.filter(|_| terms.keeps_access_token),
            renewal,
            generation: 0,
            created: now,
            ends: by_application.min(absolute),
        })
    }

    /// The session after a refresh: the same user's, and it ends when it would have ended.
    #[must_use]
    pub fn renewed<'a>(&self, refreshed: Refreshed, terms: impl Into<SessionTerms<'a>>, now: Timestamp) -> Self {
        let mut record = self.record.clone();
        record.generation = record.generation.saturating_add(1);
        record.renewal = refreshed.next_renewal(record.renewal, now);
        let Refreshed { id_token, claims, access_token, .. } = refreshed;
        if let Some(claims) = claims {
            record.provider_session = claims.text("sid").map(str::to_owned).or(record.provider_session);
            record.claims = claims;
        }
        if let Some(id_token) = id_token {
            record.id_token = Some(id_token.into_raw());
        }
        if terms.into().keeps_access_token && access_token.is_some() {
            record.access_token = access_token;
        }
        Self::restore(record)
    }

    /// A session that a store kept, opened from its sealed record.
    #[must_use]
    pub const fn restore(record: SessionRecord) -> Self {
        Self { record, derived: OnceLock::new() }
    }

    /// The facts of the session.
    #[must_use]
    pub const fn record(&self) -> &SessionRecord {
        &self.record
    }

    /// The session as it is kept at hand; see [`SessionRecord::without_tokens`].
    #[must_use]
    pub fn without_tokens(self) -> Self {
        Self::restore(self.record.without_tokens())
    }

    /// The provider's own session that this one rests on, where it named one.
    #[must_use]
    pub fn provider_session(&self) -> Option<ProviderSession> {
        let record = &self.record;
        let id = record.provider_session.clone()?;
        Some(ProviderSession { issuer: record.user.issuer.clone(), id })
    }

    /// The session as evidence, when it is this application's and neither limit has passed.
    #[must_use]
    pub fn live<'a>(
        self: &Arc<Self>,
        last_seen: Timestamp,
        terms: impl Into<SessionTerms<'a>>,
        now: Timestamp,
        lifetimes: Lifetimes,
    ) -> Option<LiveSession> {
        let (record, terms) = (&self.record, terms.into());
        let own = record.application == *terms.application && record.user.issuer == terms.issuer;
        let within = self.within_limits(last_seen, now, lifetimes);
        (own && within).then(|| LiveSession(Arc::clone(self)))
    }

    /// Whether neither limit has passed.
    #[must_use]
    pub fn within_limits(&self, last_seen: Timestamp, now: Timestamp, lifetimes: Lifetimes) -> bool {
        let record = &self.record;
        now < record.ends && now < record.created.plus(lifetimes.absolute) && now < last_seen.plus(lifetimes.idle)
    }
}

/// Proof that a session is this application's and alive: the only thing that identity headers are made from.
#[derive(Clone, Debug)]
pub struct LiveSession(Arc<Session>);

impl LiveSession {
    /// The facts of the session.
    #[must_use]
    pub fn record(&self) -> &SessionRecord {
        self.0.record()
    }

    /// What follows from the session's facts alone, made once and kept with it as long as it is at hand. There is one place,
    /// for one type; a value of another type is made anew.
    pub(in crate::domain) fn derived<T: Any + Send + Sync>(&self, make: impl Fn() -> Arc<T>) -> Arc<T> {
        let kept = Arc::clone(self.0.derived.get_or_init(|| make()));
        Arc::downcast(kept).unwrap_or_else(|_| make())
    }
}

#[cfg(test)]
mod tests;
