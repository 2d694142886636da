//! A credential that a request presents instead of a session: who it proves to be behind the request, or what has to be
//! said about it when nothing else lets the request through.

use super::faults::Fault;
use super::{Outcome, Outpost, Visit, answers};
use crate::domain::credentials::{Presented, Refusal, Scheme};
use crate::domain::identity::Identity;
use crate::ports::{CredentialFault, ProviderUnavailable};

/// Why the presented credential makes nobody known.
pub(super) enum Objection {
    /// It is not valid.
    Refused(Scheme, Refusal),
    /// That cannot be told now.
    Unavailable(ProviderUnavailable),
}

impl Outpost {
    /// Who is behind a request by the credential that it presents, if it presents one that the application accepts.
    pub(super) async fn judge_credential(&self, visit: &Visit<'_>) -> Result<Option<Identity>, Objection> {
        let application = visit.application;
        let Some(presented) = Presented::read(&visit.head.headers, &application.credentials) else { return Ok(None) };
        let scheme = presented.scheme;
        let credential = presented.credential.map_err(|refusal| Objection::Refused(scheme, refusal))?;
        match self.parts.provider.verify(application, &credential).await {
            Ok(verified) => Ok(Some(Identity::Credential(verified))),
            Err(CredentialFault::Refused(refusal)) => Err(Objection::Refused(scheme, refusal)),
            Err(CredentialFault::Unavailable(fault)) => Err(Objection::Unavailable(fault)),
        }
    }
}

impl Objection {
    /// The denial, for a request that nothing else lets through.
    pub(super) fn into_outcome(self, visit: &Visit<'_>) -> Outcome {
        match self {
            Self::Refused(scheme, cause) => {
                tracing::info!(decision_id = visit.id, application = %visit.application.slug, %cause, "credential refused");
                Ok(answers::credential_refused(visit, scheme))
            }
            Self::Unavailable(fault) => Err(Fault::Provider(fault)),
        }
    }
}
