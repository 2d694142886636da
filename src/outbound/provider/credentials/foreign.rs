//! Tokens of foreign issuers: verified with the keys and the rules of their own issuer. The provider is never asked about them.

use secrecy::SecretString;

use super::request::VerificationRequest;
use crate::domain::oidc::credentials::{ForeignIssuer, KeySource, Refusal, VerifiedCredential};
use crate::domain::oidc::jwt::TokenFault;
use crate::ports::CredentialFault;

/// Verifies a token that names `foreign` as its issuer.
pub(super) async fn signed(
    request: &VerificationRequest,
    token: &SecretString,
    foreign: &ForeignIssuer,
) -> Result<VerifiedCredential, CredentialFault> {
    let purpose = foreign.rules.purpose();
    let signed = match &foreign.keys {
        KeySource::Given(keys) => keys.verify(token, purpose).map_err(TokenFault::from),
        KeySource::Discovery | KeySource::Uri(_) => {
            let issuer = request.issuers.foreign(foreign);
            let issuer = issuer.ok_or_else(|| request.unavailable("no application names it"))?;
            let known = issuer.known().await?;
            issuer.verify(&known, token, purpose).await
        }
    };
    Ok(foreign.check(signed.map_err(Refusal::Token)?, request.clock.now())?)
}
