//! A session: its user, its application, its lifetime; and the cookie that names it.

mod derived;
pub mod end_token;
pub mod frontchannel_logout;
mod id;
mod record;
mod refreshed;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::oidc::id_token::SignedIn;
use super::oidc::issuer::TrustedIssuer;
use super::oidc::user::ProviderSession;
use super::slug::Slug;
use super::time::Timestamp;

use derived::Derived;

pub use id::{SessionId, SessionKey};
pub use record::{Freshness, Refresh, SessionRecord};
pub use refreshed::Refreshed;

/// A session. It is created only by a verified sign-in, or restored from a store.
#[derive(Clone, Debug)]
pub struct Session {
    record: SessionRecord,
    /// A value derived from the record; see [`LiveSession::derived`].
    derived: Derived,
}

/// How long sessions last.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// From the sign-in, whatever happens.
    pub absolute: Duration,
    /// From the last use.
    pub idle: Duration,
}

/// The properties of an application on which its sessions depend.
#[derive(Clone, Copy, Debug)]
pub struct SessionTerms<'a> {
    /// The application of the session.
    pub application: &'a Slug,
    /// The issuers that it trusts.
    pub issuer: TrustedIssuer<'a>,
    /// Its client identifier at that issuer.
    pub client_id: &'a str,
    /// How long a session lasts; `None`: as long as its ID Token, or its refresh token, allows.
    pub validity: Option<Duration>,
    /// The tokens that the application receives, so that the session keeps them.
    pub sent_tokens: SentTokens,
}

/// Which of a session's tokens an application receives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SentTokens {
    /// The access token.
    pub access_token: bool,
    /// The ID Token.
    pub id_token: bool,
}

/// The longest period within which uses of a session are recorded once.
const MAX_TOUCH_INTERVAL: Duration = Duration::from_secs(5 * 60);

impl Lifetimes {
    /// The period within which uses of a session are recorded once, so that reads do not cause writes: a sixtieth of
    /// the idle lifetime, at most five minutes. A session may end earlier by this period, never later.
    #[must_use]
    pub fn touch_interval(&self) -> Duration {
        MAX_TOUCH_INTERVAL.min(self.idle / 60)
    }
}

impl Session {
    /// The session of a user who has just signed in to `application`. It ends after the application's `validity`, if
    /// set; else with the ID Token or, with a refresh token, whose use confirms the user again and again, at the
    /// absolute lifetime.
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
        let refresh = refresh_token.map(|token| Refresh::after(Some(life), token, now));
        let refresh = refresh.map(|refresh| if is_complete { refresh } else { Refresh { due: now, ..refresh } });
        let absolute = now.plus(lifetimes.absolute);
        let by_application = match terms.validity {
            Some(validity) => now.plus(validity),
            None if refresh.is_some() => absolute,
            None => id_token.expires(),
        };
        let user = id_token.user().clone();
        let id_token = id_token.into_raw();
        Self::restore(SessionRecord {
            user,
            application: terms.application.clone(),
            client_id: terms.client_id.to_owned(),
            provider_session: claims.text("sid").map(str::to_owned),
            claims,
            sent_id_token: terms.sent_tokens.id_token.then(|| id_token.clone()),
            id_token: Some(id_token),
            access_token: access_token.filter(|_| terms.sent_tokens.access_token),
            refresh,
            step_up: None,
            generation: 0,
            created: now,
            created_millis: 0,
            ends: by_application.min(absolute),
        })
    }

    /// Notes when, within its second, the session began.
    #[must_use]
    pub fn begun_at(mut self, unix_millis: u64) -> Self {
        self.record.created_millis = u16::try_from(unix_millis % 1000).unwrap_or_default();
        self
    }

    /// Notes for which sign-in, by its fingerprint, access rules had asked.
    #[must_use]
    pub fn after_step_up(mut self, fingerprint: Option<u64>) -> Self {
        self.record.step_up = fingerprint;
        self
    }

    /// The session after a refresh: same user, same end.
    #[must_use]
    pub fn refreshed<'a>(&self, refreshed: Refreshed, terms: impl Into<SessionTerms<'a>>, now: Timestamp) -> Self {
        let mut record = self.record.clone();
        record.generation = record.generation.saturating_add(1);
        record.refresh = refreshed.next_refresh(record.refresh, now);
        let Refreshed { id_token, claims, access_token, .. } = refreshed;
        if let Some(claims) = claims {
            // With another `acr`, the session is not what the provider answered when access rules asked for a sign-in.
            if claims.present("acr") != record.claims.present("acr") {
                record.step_up = None;
            }
            record.provider_session = claims.text("sid").map(str::to_owned).or(record.provider_session);
            record.claims = claims;
        }
        if let Some(id_token) = id_token {
            record.id_token = Some(id_token.into_raw());
        }
        let SentTokens { access_token: sends_access_token, id_token: sends_id_token } = terms.into().sent_tokens;
        if sends_access_token && access_token.is_some() {
            record.access_token = access_token;
        }
        record.sent_id_token = record.id_token.clone().filter(|_| sends_id_token);
        Self::restore(record)
    }

    /// Restores a session from the record of a store.
    #[must_use]
    pub const fn restore(record: SessionRecord) -> Self {
        Self { record, derived: Derived::empty() }
    }

    /// The facts of the session.
    #[must_use]
    pub const fn record(&self) -> &SessionRecord {
        &self.record
    }

    /// The session as it is cached; see [`SessionRecord::without_tokens`].
    #[must_use]
    pub fn without_tokens(self) -> Self {
        Self::restore(self.record.without_tokens())
    }

    /// The provider session to which this one belongs, if the provider named one.
    #[must_use]
    pub fn provider_session(&self) -> Option<ProviderSession> {
        let record = &self.record;
        let id = record.provider_session.clone()?;
        Some(ProviderSession { issuer: record.user.issuer.clone(), id })
    }

    /// The session as proof, if it is this application's, from its present issuer and client, and no lifetime limit has
    /// passed.
    #[must_use]
    pub fn live<'a>(
        self: &Arc<Self>,
        last_seen: Timestamp,
        terms: impl Into<SessionTerms<'a>>,
        now: Timestamp,
        lifetimes: Lifetimes,
    ) -> Option<LiveSession> {
        let (record, terms) = (&self.record, terms.into());
        let own = record.application == *terms.application
            && terms.issuer.includes(&record.user.issuer)
            && record.client_id == terms.client_id;
        let within = self.within_limits(last_seen, now, lifetimes);
        (own && within).then(|| LiveSession(Arc::clone(self)))
    }

    /// Whether no lifetime limit has passed.
    #[must_use]
    pub fn within_limits(&self, last_seen: Timestamp, now: Timestamp, lifetimes: Lifetimes) -> bool {
        let record = &self.record;
        now < record.ends && now < record.created.plus(lifetimes.absolute) && now < last_seen.plus(lifetimes.idle)
    }
}

/// Proof that a session is this application's and live: identity headers are made from a live session only.
#[derive(Clone, Debug)]
pub struct LiveSession(Arc<Session>);

impl LiveSession {
    /// The facts of the session.
    #[must_use]
    pub fn record(&self) -> &SessionRecord {
        self.0.record()
    }

    /// A value derived from the session's facts and the application's settings, cached with the session. It is computed
    /// again when `is_current` says that it was derived from earlier settings. The cache holds one value.
    pub(in crate::domain) fn derived<T: Any + Send + Sync>(
        &self,
        is_current: impl FnOnce(&T) -> bool,
        derive: impl FnOnce() -> Arc<T>,
    ) -> Arc<T> {
        self.0.derived.get_or_derive(is_current, derive)
    }
}

#[cfg(test)]
mod tests;
