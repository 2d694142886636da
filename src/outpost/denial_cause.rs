//! The causes of a denial for a request that no other rule allows.

use super::errors::{Fault, Outcome};
use super::request_context::RequestContext;
use super::{answers, header_preview};
use crate::domain::audit::Denial;
use crate::domain::oidc::credentials::{Refusal, Scheme};
use crate::domain::policy::Forbidden;
use crate::domain::policy::identity::Identity;
use crate::domain::policy::identity_headers::OverBudget;
use crate::domain::time::Timestamp;
use crate::ports::ProviderUnavailable;

/// Why a request is denied although it presents an identity or a credential.
pub(super) enum DenialCause {
    /// The user is known, but no rule allows the request.
    Forbidden(Identity, Forbidden),
    /// The presented credential is not valid.
    Refused(Scheme, Refusal),
    /// The identity headers of the user do not fit into a request.
    TooMuch(OverBudget),
    /// The credential cannot be verified at the moment.
    Unavailable(ProviderUnavailable),
}

impl DenialCause {
    /// The denial.
    pub(super) fn into_outcome(self, context: &mut RequestContext<'_>, now: Timestamp) -> Outcome {
        match self {
            Self::Forbidden(identity, cause) => Ok(answers::forbidden(context, &identity, cause, now)),
            Self::Refused(scheme, cause) => {
                tracing::info!(decision_id = context.id, application = %context.application.slug, %cause, "credential refused");
                context.record_denial(Denial::CredentialRefused, None, &cause);
                Ok(answers::credential_refused(context, scheme, &cause))
            }
            Self::TooMuch(over) => {
                context.record_denial(Denial::IdentityTooLarge, None, &over);
                Ok(header_preview::too_much(context, &over))
            }
            Self::Unavailable(fault) => Err(Fault::Provider(fault)),
        }
    }
}
