//! A credential that a request presents instead of a session, and who it proves to be behind the request.

use super::objection::Objection;
use super::waits::Purpose;
use super::{Outpost, Visit};
use crate::domain::oidc::credentials::Presented;
use crate::domain::policy::identity::Identity;
use crate::ports::CredentialFault;

impl Outpost {
    /// Who is behind a request by the credential that it presents, if it presents one that the application accepts.
    pub(super) async fn judge_credential(&self, visit: &Visit<'_>) -> Result<Option<Identity>, Objection> {
        let application = visit.application;
        let Some(presented) = Presented::read(&visit.head.headers, &application.credentials) else { return Ok(None) };
        let scheme = presented.scheme;
        let credential = presented.credential.map_err(|refusal| Objection::Refused(scheme, refusal))?;
        let verified = self.parts.provider.verify(application, &credential);
        let verified = self.wait_for(visit, Purpose::Credential, verified).await.map_err(CredentialFault::from);
        match verified.and_then(|verified| verified) {
            Ok(verified) => self.credential_fits(visit, Identity::Credential(verified)).map(Some),
            Err(CredentialFault::Refused(refusal)) => Err(Objection::Refused(scheme, refusal)),
            Err(CredentialFault::Unavailable(fault)) => Err(Objection::Unavailable(fault)),
        }
    }

    /// A credential has no sign-in at which what is too much could be refused, so every request asks.
    fn credential_fits(&self, visit: &Visit<'_>, identity: Identity) -> Result<Identity, Objection> {
        self.rehearse(visit, (&identity).into()).map_err(Objection::TooMuch)?;
        Ok(identity)
    }
}
