//! The facts of a session, and when they have to be renewed.

use std::time::Duration;

use secrecy::SecretString;

use crate::domain::oidc::claims::Claims;
use crate::domain::oidc::user::User;
use crate::domain::slug::Slug;
use crate::domain::time::Timestamp;

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
