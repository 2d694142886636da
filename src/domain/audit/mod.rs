//! Events of the audit stream: who signed in, was denied, or changed something. Each is one JSON object; `docs/audit.md` describes
//! them, and `docs/audit.schema.json` is made from these types. None of them contains a secret, token, cookie or code.

mod event;
mod moment;
mod origin;
mod text;
mod words;

pub use event::{AuditEvent, AuditLine};
pub use moment::rfc3339;
pub use origin::{AuditOperator, AuditRequest, AuditUser};
pub use text::as_told;
pub use words::{
    AdminAction, AdminOutcome, ChangeOutcome, ConfigurationSource, Denial, LossCause, SessionEndCause, SignInFailure,
};

#[cfg(test)]
mod tests;
