//! What operators do with sessions: list them, end one, end all of a user. What is told of a session opens nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use thiserror::Error;

use crate::domain::oidc::user::User;
use crate::domain::policy::identity;
use crate::domain::session::{Session, SessionKey};
use crate::domain::slug::Slug;
use crate::domain::time::Timestamp;
use crate::ports::{Cursor, ListedSession, SessionPage, StoreFault};

use super::{Outpost, logout};

/// How many sessions are looked at in one go, so that any number of them takes the memory of these.
const PAGE: usize = 500;
/// How many users of one name are told apart; the name is not enough with two.
const MOST_USERS: usize = 20;

/// Which sessions are meant; what is not given fits every session.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    /// The user's name or subject.
    pub user: Option<String>,
    /// Issuer identifier.
    pub issuer: Option<String>,
    /// The application's slug.
    pub application: Option<String>,
    /// How long ago the sign-in is at least.
    pub older_than: Duration,
    /// How long ago the last use is at least.
    pub idle_for: Duration,
}

/// What operators are told of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSummary {
    /// The key under which it is stored: a hash of its id.
    pub key: SessionKey,
    /// Who signed in.
    pub user: NamedUser,
    /// The application signed in to.
    pub application: Slug,
    /// When the user signed in.
    pub created: Timestamp,
    /// When it was last used.
    pub last_seen: Timestamp,
    /// The moment after which nothing keeps it alive.
    pub ends: Timestamp,
    /// How often it was renewed.
    pub generation: u32,
}

/// A user and what logs and pages call him. Several may have one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedUser {
    /// Issuer and subject.
    pub user: User,
    /// The name.
    pub name: String,
}

/// Whose sessions are to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// The user of this name or subject: all sessions are looked through.
    Called(String),
    /// The user with this subject: found by index.
    Subject(String),
}

/// What became of the wish to end a user's sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserEnd {
    /// So many ended.
    Ended(NamedUser, usize),
    /// There was no session of such a user.
    NoSuchUser,
    /// More than one user fits; nothing ended.
    Several(Vec<NamedUser>),
}

/// Why sessions did not end everywhere.
#[derive(Debug, Error)]
pub enum EndFault {
    /// Nobody was found, because the store cannot say who is there; nothing ended.
    #[error(transparent)]
    Search(StoreFault),
    /// They ended in this process alone, and do elsewhere as soon as the store can.
    #[error(transparent)]
    End(StoreFault),
}

/// A walk through all sessions, page by page.
#[derive(Debug)]
pub struct SessionScan {
    filter: SessionFilter,
    next: Option<Cursor>,
}

impl SessionScan {
    /// A walk that stops at sessions which the filter fits.
    #[must_use]
    pub fn new(filter: SessionFilter) -> Self {
        Self { filter, next: Some(Cursor::default()) }
    }
}

impl Outpost {
    /// The live sessions of the walk's next page that its filter fits, perhaps none; `None` behind the last page.
    ///
    /// # Errors
    /// When the store cannot say.
    pub async fn advance(&self, scan: &mut SessionScan) -> Result<Option<Vec<SessionSummary>>, StoreFault> {
        let Some(page) = self.next_page(&mut scan.next).await? else { return Ok(None) };
        let now = self.services.parts.clock.now();
        let is_live = |listed: &ListedSession| {
            listed.stored.session.within_limits(listed.stored.last_seen, now, self.services.parts.lifetimes)
        };
        let summaries = page.iter().filter(|listed| is_live(listed)).map(SessionSummary::of);
        Ok(Some(summaries.filter(|summary| scan.filter.fits(summary, now)).collect()))
    }

    /// Ends the session under `key`; what it was, if there was one.
    ///
    /// # Errors
    /// When the store cannot say. The session counts as ended in this process all the same.
    pub async fn end_session(&self, key: &SessionKey) -> Result<Option<SessionSummary>, EndFault> {
        // Only the last use has to be asked for; without it there is still something to say.
        let last_seen = self.services.parts.store.load(key).await.ok().flatten().map(|stored| stored.last_seen);
        let ended = self.services.parts.store.end(key).await.map_err(EndFault::End)?;
        logout::revoke(&self.services, ended.as_slice());
        let summary = ended.map(|session| SessionSummary::new(*key, &session, last_seen));
        if let Some(SessionSummary { user: NamedUser { user, name }, application, .. }) = &summary {
            let (user, subject) = (name, &user.subject);
            tracing::info!(session = key.to_hex(), %application, user, subject, "session ended by an operator");
        }
        Ok(summary)
    }

    /// Ends all sessions of a user, when there is exactly one whom the words fit.
    ///
    /// # Errors
    /// When the store cannot say.
    pub async fn end_sessions_of(&self, who: &Who, issuer: Option<&str>) -> Result<UserEnd, EndFault> {
        let found = match who {
            Who::Called(text) => self.users_called(text, issuer).await,
            Who::Subject(subject) => self.users_with_subject(subject, issuer).await,
        };
        let mut found = found.map_err(EndFault::Search)?;
        let Some(named) = found.pop() else { return Ok(UserEnd::NoSuchUser) };
        if !found.is_empty() {
            found.push(named);
            return Ok(UserEnd::Several(found));
        }
        let ended = self.services.parts.store.end_user(&named.user).await.map_err(EndFault::End)?;
        logout::revoke(&self.services, &ended);
        let ended = ended.len();
        let NamedUser { user, name } = &named;
        let (issuer, subject) = (&user.issuer, &user.subject);
        tracing::info!(user = name, subject, issuer, ended, "sessions of a user ended by an operator");
        Ok(UserEnd::Ended(named, ended))
    }

    /// Names stand in the sealed records alone, so all of them are looked at.
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

    /// By index: at the issuer named, else at each one that an application trusts.
    async fn users_with_subject(&self, subject: &str, issuer: Option<&str>) -> Result<Vec<NamedUser>, StoreFault> {
        let trusted =
            self.services.parts.applications.iter().map(|application| application.relying_party.issuer.as_str());
        let issuers: BTreeSet<&str> = issuer.map_or_else(|| trusted.collect(), |issuer| BTreeSet::from([issuer]));
        let mut found = Vec::new();
        for issuer in issuers {
            let user = User { issuer: issuer.to_owned(), subject: subject.to_owned() };
            let sessions = self.services.parts.store.of_user(&user).await?;
            found.extend(sessions.first().map(|listed| NamedUser::of(&listed.stored.session)));
        }
        Ok(found)
    }

    /// The sessions of the next page, live or not; `None` behind the last.
    async fn next_page(&self, next: &mut Option<Cursor>) -> Result<Option<Vec<ListedSession>>, StoreFault> {
        let Some(cursor) = next.take() else { return Ok(None) };
        let page: SessionPage = self.services.parts.store.page(&cursor, PAGE).await?;
        *next = page.next;
        // A store in memory never waits, and others want to be served.
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
