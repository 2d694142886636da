//! A session: who signed in, at which application, until when; and the cookie that names it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use secrecy::SecretString;

use super::application::{Application, Slug};
use super::claims::Claims;
use super::headers::Told;
use super::id_token::SignedIn;
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
    /// The refresh token (RFC 6749 section 1.5) that stands for the next renewal.
    pub refresh_token: SecretString,
    /// From when on the session is to be renewed.
    pub due: Timestamp,
    /// From when on what the provider said is out of date.
    pub stale: Timestamp,
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
    /// The raw ID Token, for RP-initiated logout.
    pub id_token: SecretString,
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

impl Session {
    /// The session of a user who has just signed in to `application`.
    #[must_use]
    pub fn begin(signed_in: SignedIn, application: &Application, now: Timestamp, lifetimes: Lifetimes) -> Self {
        let SignedIn { id_token, claims, access_token } = signed_in;
        let by_application = match application.access_token_validity {
            Some(validity) => now.plus(validity),
            None => id_token.expires(),
        };
        Self::restore(SessionRecord {
            user: id_token.user().clone(),
            application: application.slug.clone(),
            provider_session: claims.text("sid").map(str::to_owned),
            claims,
            id_token: id_token.into_raw(),
            access_token: access_token.filter(|_| application.jwt_headers),
            renewal: None,
            generation: 0,
            created: now,
            ends: by_application.min(now.plus(lifetimes.absolute)),
        })
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
        let within =
            now < record.ends && now < record.created.plus(lifetimes.absolute) && now < last_seen.plus(lifetimes.idle);
        (own && within).then(|| LiveSession(Arc::clone(self)))
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
