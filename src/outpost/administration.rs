//! The operators' session administration: list sessions, end one, end all of a user. What is reported of a session does
//! not give access to it.

use std::collections::BTreeSet;
use std::time::Duration;

use thiserror::Error;

use crate::domain::audit::{AuditEvent, SessionEndCause};
use crate::domain::oidc::issuer::TrustedIssuer;
use crate::domain::oidc::user::User;
use crate::domain::policy::identity;
use crate::domain::session::{Session, SessionKey};
use crate::domain::slug::Slug;
use crate::domain::time::Timestamp;
use crate::ports::{Cursor, ListedSession, SessionPage, StoreFault};

use super::{Outpost, logout};

/// How many sessions are loaded at a time; it bounds the memory of a scan of any length.
const PAGE: usize = 500;
/// How many users of the same name are collected; the name is ambiguous from the second on.
const MOST_USERS: usize = 20;

/// Selects sessions; an absent criterion matches every session.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    /// The user's name or subject.
    pub user: Option<String>,
    /// Issuer identifier.
    pub issuer: Option<String>,
    /// The application's slug.
    pub application: Option<String>,
    /// The least time since the sign-in.
    pub older_than: Duration,
    /// The least time since the last use.
    pub idle_for: Duration,
}

/// What operators see of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSummary {
    /// The key under which it is stored: a hash of its id.
    pub key: SessionKey,
    /// The user that signed in.
    pub user: NamedUser,
    /// The application signed in to.
    pub application: Slug,
    /// When the user signed in.
    pub created: Timestamp,
    /// When it was last used.
    pub last_seen: Timestamp,
    /// The time after which the session ends whatever happens.
    pub ends: Timestamp,
    /// How often the session was refreshed.
    pub generation: u32,
}

/// A user and the display name in logs and pages. Several users may have the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedUser {
    /// Issuer and subject.
    pub user: User,
    /// The name.
    pub name: String,
}

/// The user whose sessions are to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserSelector {
    /// The user of this name or subject; all sessions are scanned.
    Name(String),
    /// The user with this subject, found by index.
    Subject(String),
}

/// The outcome of ending a user's sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserEnd {
    /// The user, and how many sessions ended.
    Ended(NamedUser, usize),
    /// No session of such a user exists.
    NoSuchUser,
    /// More than one user matches; no session ended.
    Several(Vec<NamedUser>),
}

/// Why sessions did not end everywhere.
#[derive(Debug, Error)]
pub enum EndFault {
    /// The store could not be searched for the user; no session ended.
    #[error(transparent)]
    Search(StoreFault),
    /// The sessions ended in this process only; they end elsewhere as soon as the store is reachable.
    #[error(transparent)]
    End(StoreFault),
}

/// A scan of all sessions, page by page.
#[derive(Debug)]
pub struct SessionScan {
    filter: SessionFilter,
    next: Option<Cursor>,
}

impl SessionScan {
    /// A scan that returns the sessions which the filter matches.
    #[must_use]
    pub fn new(filter: SessionFilter) -> Self {
        Self { filter, next: Some(Cursor::default()) }
    }
}

impl Outpost {
    /// The live sessions of the scan's next page that its filter matches, possibly none; `None` after the last page.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn advance(&self, scan: &mut SessionScan) -> Result<Option<Vec<SessionSummary>>, StoreFault> {
        let Some(page) = self.next_page(&mut scan.next).await? else { return Ok(None) };
        let now = self.services.parts.clock.now();
        let is_live = |listed: &ListedSession| {
            listed.stored.session.within_limits(listed.stored.last_seen, now, self.services.parts.lifetimes)
        };
        let summaries = page.iter().filter(|listed| is_live(listed)).map(SessionSummary::of);
        Ok(Some(summaries.filter(|summary| scan.filter.fits(summary, now)).collect()))
    }

    /// Ends the session under `key`; returns the session that it was, if there was one.
    ///
    /// # Errors
    /// When the store cannot answer. The session counts as ended in this process all the same.
    pub async fn end_session(&self, key: &SessionKey) -> Result<Option<SessionSummary>, EndFault> {
        // Only the time of the last use needs this call; without it the rest of the summary is still known.
        let last_seen = self.services.parts.store.load(key).await.ok().flatten().map(|stored| stored.last_seen);
        let ended = self.services.parts.store.end(key).await.map_err(EndFault::End)?;
        let ended = logout::ended_session(*key, ended);
        logout::conclude(&self.services, None, SessionEndCause::Administration, &ended);
        let summary = ended.first().map(|ended| SessionSummary::new(*key, &ended.session, last_seen));
        if let Some(SessionSummary { user: NamedUser { user, name }, application, .. }) = &summary {
            let (user, subject) = (name, &user.subject);
            tracing::info!(session = key.to_hex(), %application, user, subject, "session ended by an operator");
        }
        Ok(summary)
    }

    /// Ends all sessions of a user, if exactly one user matches.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn end_sessions_of(&self, selector: &UserSelector, issuer: Option<&str>) -> Result<UserEnd, EndFault> {
        let found = match selector {
            UserSelector::Name(text) => self.users_called(text, issuer).await,
            UserSelector::Subject(subject) => self.users_with_subject(subject, issuer).await,
        };
        let mut found = found.map_err(EndFault::Search)?;
        let Some(named) = found.pop() else { return Ok(UserEnd::NoSuchUser) };
        if !found.is_empty() {
            found.push(named);
            return Ok(UserEnd::Several(found));
        }
        let ended = self.services.parts.store.end_user(&named.user).await.map_err(EndFault::End)?;
        logout::conclude(&self.services, None, SessionEndCause::Administration, &ended);
        let ended = ended.len();
        let NamedUser { user, name } = &named;
        let (issuer, subject) = (&user.issuer, &user.subject);
        tracing::info!(user = name, subject, issuer, ended, "sessions of a user ended by an operator");
        Ok(UserEnd::Ended(named, ended))
    }

    /// Records a call of the admin API in the audit stream.
    pub fn record_administration(&self, event: impl FnOnce() -> AuditEvent) {
        self.services.parts.audit.record(event);
    }

    /// Names are in the encrypted records only, so all of them are scanned.
    async fn users_called(&self, text: &str, issuer: Option<&str>) -> Result<Vec<NamedUser>, StoreFault> {
        let mut found: Vec<NamedUser> = Vec::new();
        let mut next = Some(Cursor::default());
        while let Some(page) = self.next_page(&mut next).await? {
            for named in page.iter().map(|listed| NamedUser::of(&listed.stored.session)) {
                let is_meant = named.is_called(text) && issuer.is_none_or(|issuer| named.user.issuer == issuer);
                if is_meant && found.iter().all(|known| known.user != named.user) {
                    found.push(named);
                }
                if found.len() == MOST_USERS {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    /// Searches by index: at the given issuer, else at every issuer that an application trusts.
    async fn users_with_subject(&self, subject: &str, issuer: Option<&str>) -> Result<Vec<NamedUser>, StoreFault> {
        let applications = self.services.parts.applications.load_full();
        let trusted = applications.iter().flat_map(|application| TrustedIssuer::from(&application.relying_party).all());
        let issuers: BTreeSet<String> =
            issuer.map_or_else(|| trusted.collect(), |issuer| BTreeSet::from([issuer.to_owned()]));
        let mut found = Vec::new();
        for issuer in issuers {
            let user = User { issuer, subject: subject.to_owned() };
            let sessions = self.services.parts.store.of_user(&user).await?;
            found.extend(sessions.first().map(|listed| NamedUser::of(&listed.stored.session)));
        }
        Ok(found)
    }

    /// The sessions of the next page, live or not; `None` after the last page.
    async fn next_page(&self, next: &mut Option<Cursor>) -> Result<Option<Vec<ListedSession>>, StoreFault> {
        let Some(cursor) = next.take() else { return Ok(None) };
        let page: SessionPage = self.services.parts.store.page(&cursor, PAGE).await?;
        *next = page.next;
        // An in-memory store never waits, so the scan yields to other tasks.
        tokio::task::yield_now().await;
        Ok(Some(page.sessions))
    }
}

impl SessionFilter {
    fn fits(&self, summary: &SessionSummary, now: Timestamp) -> bool {
        let SessionSummary { user, application, created, last_seen, .. } = summary;
        self.user.as_ref().is_none_or(|text| user.is_called(text))
            && self.issuer.as_ref().is_none_or(|issuer| user.user.issuer == *issuer)
            && self.application.as_ref().is_none_or(|slug| application.as_str() == slug)
            && now.since(*created) >= self.older_than
            && now.since(*last_seen) >= self.idle_for
    }
}

impl NamedUser {
    fn of(session: &Session) -> Self {
        let record = session.record();
        let name = identity::display_name(&record.claims, &record.user).to_owned();
        Self { user: record.user.clone(), name }
    }

    fn is_called(&self, text: &str) -> bool {
        self.name == text || self.user.subject == text
    }
}

impl SessionSummary {
    fn of(listed: &ListedSession) -> Self {
        Self::new(listed.key, &listed.stored.session, Some(listed.stored.last_seen))
    }

    fn new(key: SessionKey, session: &Session, last_seen: Option<Timestamp>) -> Self {
        let record = session.record();
        Self {
            key,
            user: NamedUser::of(session),
            application: record.application.clone(),
            created: record.created,
            last_seen: last_seen.unwrap_or(record.created),
            ends: record.ends,
            generation: record.generation,
        }
    }
}
