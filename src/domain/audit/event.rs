//! The events, as they stand in the stream.

use serde::Serialize;

use super::origin::{AuditOperator, AuditRequest, AuditUser};
use super::words::{
    AdminAction, AdminOutcome, ChangeOutcome, ConfigurationSource, Denial, LossCause, SessionEndCause, SignInFailure,
};

/// An event of the audit stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum AuditEvent {
    /// A user signed in at the provider, and a session began.
    SignIn {
        /// The application's slug.
        application: String,
        /// The user.
        user: AuditUser,
        /// The reference of the session, as `gatepost sessions` shows it; it gives no access to the session.
        session: String,
        /// The time after which the session ends whatever happens (RFC 3339). A session that ends at this time, or because it is
        /// not used, makes no event.
        ends: String,
        /// The callback.
        request: AuditRequest,
    },
    /// A browser returned from the provider, and no session began.
    SignInFailed {
        /// The application's slug.
        application: String,
        /// The user, where the provider's claims were verified.
        #[serde(skip_serializing_if = "Option::is_none")]
        user: Option<AuditUser>,
        /// The kind of failure.
        reason: SignInFailure,
        /// What happened, as the log says it.
        cause: String,
        /// The callback.
        request: AuditRequest,
    },
    /// A known user, or a credential, was denied. A request without a session or credential makes no event.
    Denied {
        /// The application's slug.
        application: String,
        /// The user; absent for a credential that is not valid.
        #[serde(skip_serializing_if = "Option::is_none")]
        user: Option<AuditUser>,
        /// The reference of the session; absent for a credential.
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<String>,
        /// The kind of denial.
        reason: Denial,
        /// The rules and the conditions that are not met, as the log and `gatepost explain` say it; or why the credential is not
        /// valid.
        cause: String,
        /// The request.
        request: AuditRequest,
    },
    /// A session ended before its time.
    SessionEnded {
        /// The slug of the session's application.
        application: String,
        /// The user; absent where the store could not say whose session it was.
        #[serde(skip_serializing_if = "Option::is_none")]
        user: Option<AuditUser>,
        /// The reference of the session.
        session: String,
        /// What ended it.
        cause: SessionEndCause,
        /// More about the cause, as the log says it.
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
        /// `true`: the store did not answer. The session ended in this process, and ends in the store as soon as it answers.
        pending: bool,
        /// The request that ended it, where there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        request: Option<AuditRequest>,
    },
    /// The configuration, or the applications that authentik lists, changed while the service runs.
    ConfigurationChanged {
        /// Where the change comes from.
        source: ConfigurationSource,
        /// Whether it is in service now.
        outcome: ChangeOutcome,
        /// The keys of the settings that changed, where the change is in service.
        settings: Vec<String>,
        /// The keys of changed settings that apply after a restart only.
        need_restart: Vec<String>,
        /// Why the change was refused, as the log says it.
        faults: Vec<String>,
    },
    /// A call of the admin API, or a connection to it that was refused.
    Administration {
        /// What was asked for.
        action: AdminAction,
        /// The result.
        outcome: AdminOutcome,
        /// Who asked.
        operator: AuditOperator,
        /// The session, the user or the criteria that the call names.
        #[serde(skip_serializing_if = "Option::is_none")]
        target: Option<String>,
        /// How many sessions ended.
        #[serde(skip_serializing_if = "Option::is_none")]
        ended: Option<u64>,
        /// Why it failed or was refused.
        #[serde(skip_serializing_if = "Option::is_none")]
        cause: Option<String>,
    },
    /// Events are missing before this one.
    EventsLost {
        /// How many.
        count: u64,
        /// Why they were lost.
        cause: LossCause,
    },
}

/// An event with its time, as it stands in the stream.
#[derive(Debug, Serialize)]
pub struct AuditLine<'a> {
    /// When it happened: RFC 3339, UTC, with milliseconds.
    pub time: &'a str,
    /// The event.
    #[serde(flatten)]
    pub event: &'a AuditEvent,
}
