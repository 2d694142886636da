//! Conversions between the outpost's types and the protocol's messages.

use std::time::Duration;

use crate::admin_api::{ListRequest, Session, User, end_user_request};
use crate::outpost::administration::{NamedUser, SessionFilter, SessionSummary, UserSelector};

pub(super) fn filter(request: ListRequest) -> SessionFilter {
    let ListRequest { user, issuer, application, older_than, idle_for } = request;
    let span = |seconds: Option<u64>| Duration::from_secs(seconds.unwrap_or_default());
    SessionFilter { user, issuer, application, older_than: span(older_than), idle_for: span(idle_for) }
}

pub(super) fn selector(selector: end_user_request::Selector) -> UserSelector {
    match selector {
        end_user_request::Selector::User(text) => UserSelector::Name(text),
        end_user_request::Selector::Subject(subject) => UserSelector::Subject(subject),
    }
}

pub(super) fn session(summary: SessionSummary) -> Session {
    Session {
        handle: summary.key.to_hex(),
        user: Some(user(summary.user)),
        application: summary.application.as_str().to_owned(),
        created: summary.created.as_unix(),
        last_seen: summary.last_seen.as_unix(),
        ends: summary.ends.as_unix(),
        refreshed: summary.generation,
    }
}

pub(super) fn user(named: NamedUser) -> User {
    User { issuer: named.user.issuer, subject: named.user.subject, name: named.name }
}
