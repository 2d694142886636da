//! The facts of a session, and when they have to be refreshed.

use std::time::Duration;

use secrecy::SecretString;

use crate::domain::oidc::claims::Claims;
use crate::domain::oidc::user::User;
use crate::domain::slug::Slug;
use crate::domain::time::Timestamp;

/// How the claims of a session are kept fresh, where the provider issued a refresh token.
#[derive(Clone, Debug)]
pub struct Refresh {
    /// The refresh token (RFC 6749 section 1.5) for the next refresh; `None` where it was left in the store.
    pub refresh_token: Option<SecretString>,
    /// The time from which the session is to be refreshed.
    pub due: Timestamp,
    /// The time from which the facts are out of date.
    pub stale: Timestamp,
}

/// The shortest time between two refreshes, whatever the provider reports: a provider whose tokens expire at once must
/// not be called for each request.
const SHORTEST_LIFE: Duration = Duration::from_secs(5);
/// How long the provider's facts are valid when it does not report a lifetime.
const ASSUMED_LIFE: Duration = Duration::from_secs(5 * 60);
/// The longest time before `stale` at which a session is due.
const LONGEST_LEAD: Duration = Duration::from_secs(60);

impl Refresh {
    /// The next refresh of facts that are valid for `life` from `now`: due a fifth of `life` before the end, at most a
    /// minute.
    #[must_use]
    pub fn after(life: Option<Duration>, refresh_token: SecretString, now: Timestamp) -> Self {
        let life = life.unwrap_or(ASSUMED_LIFE).max(SHORTEST_LIFE);
        let lead = LONGEST_LEAD.min(life / 5);
        Self { refresh_token: Some(refresh_token), due: now.plus(life.saturating_sub(lead)), stale: now.plus(life) }
    }
}

/// Whether the facts about a session's user are out of date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// The facts are up to date.
    Fresh,
    /// The facts are still valid, but it is time to refresh them.
    Due,
    /// The facts are out of date.
    Stale,
}

/// The facts of a session, as a store holds them.
#[derive(Clone, Debug)]
pub struct SessionRecord {
    /// The user that signed in.
    pub user: User,
    /// The application of the sign-in; the session is not valid at any other.
    pub application: Slug,
    /// The client (`client_id`) that the user signed in to; the session is not valid for any other.
    pub client_id: String,
    /// Claims from the ID Token, completed by `UserInfo`.
    pub claims: Claims,
    /// The raw ID Token, for RP-initiated logout; `None` where it was left in the store.
    pub id_token: Option<SecretString>,
    /// The access token, stored only if the application receives it.
    pub access_token: Option<SecretString>,
    /// The ID Token once more, only if the application receives it: `id_token` does not stay with cached sessions.
    pub sent_id_token: Option<SecretString>,
    /// The provider session id (`sid`), for logout by the provider.
    pub provider_session: Option<String>,
    /// How the session is kept fresh; `None` without a refresh token.
    pub refresh: Option<Refresh>,
    /// For which sign-in access rules asked, where they did: its fingerprint.
    pub step_up: Option<u64>,
    /// How often it was refreshed.
    pub generation: u32,
    /// When the user signed in.
    pub created: Timestamp,
    /// The milliseconds of `created` within its second, which order sign-ins.
    pub created_millis: u16,
    /// The time at which the session ends, whatever happens.
    pub ends: Timestamp,
}

impl SessionRecord {
    /// Whether the session is due for a refresh.
    #[must_use]
    pub fn freshness(&self, now: Timestamp) -> Freshness {
        match &self.refresh {
            Some(refresh) if now >= refresh.stale => Freshness::Stale,
            Some(refresh) if now >= refresh.due => Freshness::Due,
            Some(_) | None => Freshness::Fresh,
        }
    }

    /// The refresh token, if there is one and this copy of the record holds it.
    #[must_use]
    pub fn refresh_token(&self) -> Option<&SecretString> {
        self.refresh.as_ref()?.refresh_token.as_ref()
    }

    /// The record without the tokens that only its refresh and its end need: they stay in the store. For cached
    /// sessions, of which there may be very many.
    #[must_use]
    pub fn without_tokens(mut self) -> Self {
        self.id_token = None;
        self.refresh = self.refresh.map(|refresh| Refresh { refresh_token: None, ..refresh });
        self
    }
}
