//! The events of the audit stream that requests and refreshes cause.

use std::fmt::Display;

use super::request_context::RequestContext;
use crate::domain::audit::{
    AuditEvent, AuditRequest, AuditUser, Denial, SessionEndCause, SignInFailure, as_told, rfc3339,
};
use crate::domain::policy::identity::Identity;
use crate::domain::session::{SessionKey, SessionRecord};
use crate::domain::slug::Slug;

impl RequestContext<'_> {
    fn audit_request(&self) -> AuditRequest {
        AuditRequest::new(&self.request.head, self.application.external.scheme(), &self.id)
    }

    fn slug(&self) -> String {
        self.application.slug.as_str().to_owned()
    }

    /// Records that a known user, or a credential, is denied.
    pub(super) fn record_denial(&self, reason: Denial, identity: Option<&Identity>, cause: &dyn Display) {
        self.audit.record(|| AuditEvent::Denied {
            application: self.slug(),
            user: identity.map(AuditUser::from),
            session: self.session.map(|key| key.to_hex()),
            reason,
            cause: as_told(cause),
            request: self.audit_request(),
        });
    }

    /// Records that a sign-in failed after the browser had returned from the provider.
    pub(super) fn record_failure(&self, reason: SignInFailure, of: Option<&SessionRecord>, cause: &dyn Display) {
        self.audit.record(|| AuditEvent::SignInFailed {
            application: self.slug(),
            user: of.map(AuditUser::from),
            reason,
            cause: as_told(cause),
            request: self.audit_request(),
        });
    }

    /// A new session. It counts once it is saved.
    pub(super) fn sign_in(&self, key: SessionKey, session: &SessionRecord) -> AuditEvent {
        AuditEvent::SignIn {
            application: self.slug(),
            user: session.into(),
            session: key.to_hex(),
            ends: rfc3339(session.ends.as_unix().saturating_mul(1000)),
            request: self.audit_request(),
        }
    }

    /// Records a sign-out that the store does not know of yet. Whether there is such a session is not known, either.
    pub(super) fn record_pending_sign_out(&self, key: SessionKey, fault: &dyn Display) {
        let request = || Some(self.audit_request());
        self.audit.record(|| pending(key, &self.application.slug, SessionEndCause::SignOut, fault, request()));
    }
}

/// The end of a session.
pub(super) fn session_ended(
    key: SessionKey,
    session: &SessionRecord,
    cause: SessionEndCause,
    context: Option<&RequestContext<'_>>,
) -> AuditEvent {
    AuditEvent::SessionEnded {
        application: session.application.as_str().to_owned(),
        user: Some(session.into()),
        session: key.to_hex(),
        cause,
        detail: None,
        pending: false,
        request: context.map(RequestContext::audit_request),
    }
}

/// The end of a session that was not refreshed; `detail` says why.
pub(super) fn session_not_refreshed(
    key: SessionKey,
    session: &SessionRecord,
    cause: SessionEndCause,
    detail: &dyn Display,
) -> AuditEvent {
    AuditEvent::SessionEnded {
        application: session.application.as_str().to_owned(),
        user: Some(session.into()),
        session: key.to_hex(),
        cause,
        detail: Some(as_told(detail)),
        pending: false,
        request: None,
    }
}

/// The same, when the store does not answer.
pub(super) fn pending_end(
    key: SessionKey,
    application: &Slug,
    cause: SessionEndCause,
    detail: &dyn Display,
) -> AuditEvent {
    pending(key, application, cause, detail, None)
}

fn pending(
    key: SessionKey,
    application: &Slug,
    cause: SessionEndCause,
    detail: &dyn Display,
    request: Option<AuditRequest>,
) -> AuditEvent {
    AuditEvent::SessionEnded {
        application: application.as_str().to_owned(),
        user: None,
        session: key.to_hex(),
        cause,
        detail: Some(as_told(detail)),
        pending: true,
        request,
    }
}
