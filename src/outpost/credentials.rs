//! A credential that a request presents instead of a session, and who it proves to be behind the request.

use super::denial_cause::DenialCause;
use super::waits::Purpose;
use super::{Outpost, RequestContext};
use crate::domain::oidc::credentials::Presented;
use crate::domain::policy::identity::Identity;
use crate::ports::CredentialFault;

impl Outpost {
    /// Who is behind a request by the credential that it presents, if it presents one that the application accepts.
    pub(super) async fn verify_credential(
        &self,
        context: &RequestContext<'_>,
    ) -> Result<Option<Identity>, DenialCause> {
        let application = context.application;
        let Some(presented) = Presented::read(&context.head.headers, &application.credentials) else { return Ok(None) };
        let scheme = presented.scheme;
        let credential = presented.credential.map_err(|refusal| DenialCause::Refused(scheme, refusal))?;
        let verified = self.parts.provider.verify(application, &credential);
        let verified = self.wait_for(context, Purpose::Credential, verified).await.map_err(CredentialFault::from);
        match verified.and_then(|verified| verified) {
            Ok(verified) => self.credential_fits(context, Identity::Credential(verified)).map(Some),
            Err(CredentialFault::Refused(refusal)) => Err(DenialCause::Refused(scheme, refusal)),
            Err(CredentialFault::Unavailable(fault)) => Err(DenialCause::Unavailable(fault)),
        }
    }

    /// A credential has no sign-in at which what is too much could be refused, so every request asks.
    fn credential_fits(&self, context: &RequestContext<'_>, identity: Identity) -> Result<Identity, DenialCause> {
        self.preview(context, (&identity).into()).map_err(DenialCause::TooMuch)?;
        Ok(identity)
    }
}
