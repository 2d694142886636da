//! What has to be said to a request that nothing else lets through.

use super::faults::Fault;
use super::{Outcome, Visit, answers};
use crate::domain::oidc::credentials::{Refusal, Scheme};
use crate::domain::policy::Forbidden;
use crate::domain::policy::identity::Identity;
use crate::domain::policy::identity_headers::OverBudget;
use crate::ports::ProviderUnavailable;

/// Why a request is not let through although it says who asks.
pub(super) enum Objection {
    /// A known user, whom no rule lets pass.
    Forbidden(Identity, Forbidden),
    /// The credential that it presents is not valid.
    Refused(Scheme, Refusal),
    /// More is known about its user than a request can carry.
    TooMuch(OverBudget),
    /// Whether it is valid cannot be told now.
    Unavailable(ProviderUnavailable),
}

impl Objection {
    /// The denial.
    pub(super) fn into_outcome(self, visit: &mut Visit<'_>) -> Outcome {
        match self {
            Self::Forbidden(identity, cause) => Ok(answers::forbidden(visit, &identity, cause)),
            Self::Refused(scheme, cause) => {
                tracing::info!(decision_id = visit.id, application = %visit.application.slug, %cause, "credential refused");
                Ok(answers::credential_refused(visit, scheme))
            }
            Self::TooMuch(over) => Ok(visit.too_much(&over)),
            Self::Unavailable(fault) => Err(Fault::Provider(fault)),
        }
    }
}
