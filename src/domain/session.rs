//! A session: who signed in, at which application, until when; and the cookie that names it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use secrecy::SecretString;

use super::application::{Application, Slug};
use super::claims::Claims;
use super::headers::Told;
use super::hex;
use super::id_token::SignedIn;
use super::refreshed::Refreshed;
use super::secret::SecretBits;
use super::time::Timestamp;

/// The secret that a session cookie holds: 256 random bits and nothing else.
#[derive(Debug)]
pub struct SessionId(SecretBits);

impl SessionId {
    /// A session id from fresh random bytes.
    #[must_use]
    pub fn new(random: [u8; 32]) -> Self {
        Self(SecretBits::new(random))
    }

    /// Reads a cookie value, if it is a session id.
    #[must_use]
    pub fn from_cookie_value(text: &str) -> Option<Self> {
        SecretBits::from_text(text).map(Self)
    }

    /// The cookie value.
    #[must_use]
    pub fn to_cookie_value(&self) -> String {
        self.0.to_text()
    }

    /// The name under which a store keeps the session: a hash, so that a stolen store opens no session.
    #[must_use]
    pub fn key(&self) -> SessionKey {
        let hash = ring::digest::digest(&ring::digest::SHA256, self.0.as_bytes());
        let mut key = [0; 32];
        key.copy_from_slice(hash.as_ref());
        SessionKey(key)
    }
}

/// SHA-256 of a [`SessionId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    /// A key that a store kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the spelling that operators use.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        hex::decode(text.as_bytes()).map(Self)
    }

    /// 64 hexadecimal digits, which no shell takes for anything else and nobody for a cookie.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(&self.0)
    }

    /// The 32 bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A user: subject at an issuer (`OpenID` Connect Core section 5.7).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct User {
    /// Issuer identifier.
    pub issuer: String,
    /// Subject identifier at that issuer.
    pub subject: String,
}

/// A session that the provider itself keeps for a user (`sid`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProviderSession {
    /// Issuer identifier.
    pub issuer: String,
    /// Session identifier at that issuer.
    pub id: String,
}

/// What keeps the claims of a session fresh, where the provider gave a refresh token.
#[derive(Clone, Debug)]
pub struct Renewal {
    /// The refresh token (RFC 6749 section 1.5) that stands for the next renewal; `None` where it was left in the store.
    pub refresh_token: Option<SecretString>,
    /// From when on the session is to be renewed.
    pub due: Timestamp,
    /// From when on what the provider said is out of date.
    pub stale: Timestamp,
}

/// The shortest time between two renewals, whatever the provider says: who hands out tokens that are over at once is not to
/// be asked for each request.
const SHORTEST_LIFE: Duration = Duration::from_secs(5);
/// How long what a provider says holds when it does not tell.
const ASSUMED_LIFE: Duration = Duration::from_secs(5 * 60);
/// The longest time before the end at which a session is due.
const LONGEST_LEAD: Duration = Duration::from_secs(60);

impl Renewal {
    /// The next renewal of what holds for `life` from `now` on: due a fifth of its life before the end, a minute at most.
    #[must_use]
    pub fn after(life: Option<Duration>, refresh_token: SecretString, now: Timestamp) -> Self {
        let life = life.unwrap_or(ASSUMED_LIFE).max(SHORTEST_LIFE);
        let lead = LONGEST_LEAD.min(life / 5);
        Self { refresh_token: Some(refresh_token), due: now.plus(life.saturating_sub(lead)), stale: now.plus(life) }
    }
}

/// Whether what is known of a session's user is out of date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// No.
    Fresh,
    /// Not yet; it is time to ask the provider.
    Due,
    /// Yes.
    Stale,
}

/// The facts of a session, as a store keeps them.
#[derive(Clone, Debug)]
pub struct SessionRecord {
    /// Who signed in.
    pub user: User,
    /// The application signed in to; at any other the session is none.
    pub application: Slug,
    /// Claims from the ID Token, completed by `UserInfo`.
    pub claims: Claims,
    /// The raw ID Token, for RP-initiated logout; `None` where it was left in the store.
    pub id_token: Option<SecretString>,
    /// The access token, kept only where it is passed on.
    pub access_token: Option<SecretString>,
    /// The provider's own session (`sid`), for logout by the provider.
    pub provider_session: Option<String>,
    /// How it is kept fresh; `None` without a refresh token.
    pub renewal: Option<Renewal>,
    /// How often it was renewed.
    pub generation: u32,
    /// When the user signed in.
    pub created: Timestamp,
    /// The moment after which nothing keeps the session alive.
    pub ends: Timestamp,
}

impl SessionRecord {
    /// Whether it is time to renew the session.
    #[must_use]
    pub fn freshness(&self, now: Timestamp) -> Freshness {
        match &self.renewal {
            Some(renewal) if now >= renewal.stale => Freshness::Stale,
            Some(renewal) if now >= renewal.due => Freshness::Due,
            Some(_) | None => Freshness::Fresh,
        }
    }

    /// The refresh token, where there is one and it is at hand.
    #[must_use]
    pub fn refresh_token(&self) -> Option<&SecretString> {
        self.renewal.as_ref()?.refresh_token.as_ref()
    }

    /// The same without the tokens that only its renewal and its end need: they stay in the store. For a session that is
    /// kept at hand, which may be one of very many.
    #[must_use]
    pub fn without_tokens(mut self) -> Self {
        self.id_token = None;
        self.renewal = self.renewal.map(|renewal| Renewal { refresh_token: None, ..renewal });
        self
    }
}

/// A session. It begins only with a verified sign-in, or comes back from a store that kept one.
#[derive(Clone, Debug)]
pub struct Session {
    record: SessionRecord,
    /// What its application is told, once it has been worked out.
    told: OnceLock<Arc<Told>>,
}

/// How long sessions last.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// From the sign-in on, whatever happens.
    pub absolute: Duration,
    /// From the last use on.
    pub idle: Duration,
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
    pub fn begin(signed_in: SignedIn, application: &Application, now: Timestamp, lifetimes: Lifetimes) -> Self {
        let SignedIn { id_token, claims, access_token, refresh_token, expires_in, is_complete } = signed_in;
        let life = expires_in.unwrap_or_else(|| id_token.expires().since(now));
        let renewal = refresh_token.map(|token| Renewal::after(Some(life), token, now));
        let renewal = renewal.map(|renewal| if is_complete { renewal } else { Renewal { due: now, ..renewal } });
        let absolute = now.plus(lifetimes.absolute);
        let by_application = match application.access_token_validity {
            Some(validity) => now.plus(validity),
            None if renewal.is_some() => absolute,
            None => id_token.expires(),
        };
        Self::restore(SessionRecord {
            user: id_token.user().clone(),
            application: application.slug.clone(),
            provider_session: claims.text("sid").map(str::to_owned),
            claims,
            id_token: Some(id_token.into_raw()),
            access_token: access_token.filter(|_| application.jwt_headers),
            renewal,
            generation: 0,
            created: now,
            ends: by_application.min(absolute),
        })
    }

    /// The session after a refresh: the same user's, and it ends when it would have ended.
    #[must_use]
    pub fn renewed(&self, refreshed: Refreshed, application: &Application, now: Timestamp) -> Self {
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
        if application.jwt_headers && access_token.is_some() {
            record.access_token = access_token;
        }
        Self::restore(record)
    }

    /// A session that a store kept, opened from its sealed record.
    #[must_use]
    pub const fn restore(record: SessionRecord) -> Self {
        Self { record, told: OnceLock::new() }
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
    pub fn live(
        self: &Arc<Self>,
        last_seen: Timestamp,
        application: &Application,
        now: Timestamp,
        lifetimes: Lifetimes,
    ) -> Option<LiveSession> {
        let record = &self.record;
        let own = record.application == application.slug && record.user.issuer == application.relying_party.issuer;
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

    /// What the application is told about the user; `work_out` is asked the first time.
    pub(in crate::domain) fn told(&self, work_out: impl FnOnce() -> Arc<Told>) -> Arc<Told> {
        Arc::clone(self.0.told.get_or_init(work_out))
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
