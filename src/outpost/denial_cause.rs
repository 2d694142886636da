//! What has to be said to a request that nothing else lets through.

use super::errors::{Fault, Outcome};
use super::request_context::RequestContext;
use super::{answers, header_preview};
use crate::domain::oidc::credentials::{Refusal, Scheme};
use crate::domain::policy::Forbidden;
use crate::domain::policy::identity::Identity;
use crate::domain::policy::identity_headers::OverBudget;
use crate::ports::ProviderUnavailable;

/// Why a request is not let through although it says who asks.
pub(super) enum DenialCause {
    /// A known user, whom no rule lets pass.
    Forbidden(Identity, Forbidden),
    /// The credential that it presents is not valid.
    Refused(Scheme, Refusal),
    /// More is known about its user than a request can carry.
    TooMuch(OverBudget),
    /// Whether it is valid cannot be told now.
    Unavailable(ProviderUnavailable),
}

impl DenialCause {
    /// The denial.
    pub(super) fn into_outcome(self, context: &mut RequestContext<'_>) -> Outcome {
        match self {
            Self::Forbidden(identity, cause) => Ok(answers::forbidden(context, &identity, cause)),
            Self::Refused(scheme, cause) => {
                tracing::info!(decision_id = context.id, application = %context.application.slug, %cause, "credential refused");
                Ok(answers::credential_refused(context, scheme))
            }
            Self::TooMuch(over) => Ok(header_preview::too_much(context, &over)),
            Self::Unavailable(fault) => Err(Fault::Provider(fault)),
        }
    }
}
