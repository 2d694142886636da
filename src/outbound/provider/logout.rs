//! Logout tokens, verified (OpenID Connect Back-Channel Logout 1.0 section 2.6). Anybody may post one, so whatever can be
//! told without keys is told first (BL-16). Nobody is kept out by how many come: a stranger's could keep out the provider's
//! own. Signatures take turns on the runtime's threads, and keys are fetched no oftener than strangers may make us.

use secrecy::SecretString;

use super::issuer::Issuer;
use crate::domain::oidc::jws::Purpose;
use crate::domain::oidc::logout_token::{Expected, VerifiedLogoutToken, check_unsigned};
use crate::domain::oidc::relying_party::RelyingParty;
use crate::domain::time::Timestamp;
use crate::ports::LogoutTokenFault;

/// Verifies a logout token, with newer keys if need be.
pub(super) async fn verify(
    issuer: &Issuer,
    relying_party: &RelyingParty,
    raw: &SecretString,
    now: Timestamp,
) -> Result<VerifiedLogoutToken, LogoutTokenFault> {
    let expected = Expected { relying_party, now };
    check_unsigned(raw, &expected)?;
    let known = issuer.known().await?;
    let token = issuer.verify(&known, raw, Purpose::LogoutToken(relying_party)).await?;
    Ok(VerifiedLogoutToken::check(token, &expected)?)
}
