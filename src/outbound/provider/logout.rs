//! Verification of logout tokens (OpenID Connect Back-Channel Logout 1.0 section 2.6). Any client may post one, so everything that can
//! be checked without keys is checked first (BL-16). Their number is not limited here: requests of an unauthenticated
//! client could displace the provider's own. Signature verification shares the runtime's threads, and keys are fetched only as
//! often as the rate limiter allows.

use secrecy::SecretString;

use super::issuer::Issuer;
use crate::domain::oidc::jws::Purpose;
use crate::domain::oidc::logout_token::{ExpectedLogoutToken, VerifiedLogoutToken, check_unsigned};
use crate::domain::oidc::relying_party::RelyingParty;
use crate::domain::time::Timestamp;
use crate::ports::LogoutTokenFault;

/// Verifies a logout token, with newer keys if needed.
pub(super) async fn verify(
    issuer: &Issuer,
    relying_party: &RelyingParty,
    raw: &SecretString,
    now: Timestamp,
) -> Result<VerifiedLogoutToken, LogoutTokenFault> {
    let expected = ExpectedLogoutToken { relying_party, now };
    check_unsigned(raw, &expected)?;
    let known = issuer.known().await?;
    let token = issuer.verify(&known, raw, Purpose::LogoutToken(relying_party)).await?;
    Ok(VerifiedLogoutToken::check(token, &expected)?)
}
