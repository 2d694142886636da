//! Logout tokens, verified (OpenID Connect Back-Channel Logout 1.0 section 2.6). Anybody may post one, so whatever can be
//! told without keys is told first, and only so many are looked at together (BL-16).

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;

use super::issuer::Issuer;
use super::keys::Purpose;
use crate::domain::application::RelyingParty;
use crate::domain::logout_token::{Expected, UnsignedLogoutToken, VerifiedLogoutToken};
use crate::domain::time::Timestamp;
use crate::ports::LogoutTokenFault;

/// How many signatures are verified together. The others wait their turn: turned away, a stranger's could keep the
/// provider's own out.
const TOGETHER: usize = 8;

/// Verifies logout tokens.
pub(super) struct LogoutTokens(Semaphore);

impl Default for LogoutTokens {
    fn default() -> Self {
        Self(Semaphore::new(TOGETHER))
    }
}

impl LogoutTokens {
    /// Verifies one, with newer keys if need be.
    pub(super) async fn verify(
        &self,
        issuer: &Issuer,
        relying_party: &RelyingParty,
        raw: &SecretString,
        now: Timestamp,
    ) -> Result<VerifiedLogoutToken, LogoutTokenFault> {
        let expected = Expected {
            issuer: &relying_party.issuer,
            client_id: &relying_party.client_id,
            algorithm: relying_party.id_token_signed_response_alg,
            now,
        };
        let token = UnsignedLogoutToken::check(raw, &expected)?;
        // It is never closed.
        let _turn = self.0.acquire().await;
        let known = issuer.known().await?;
        issuer.verify(&known, raw.expose_secret(), Purpose::LogoutToken(relying_party)).await?;
        Ok(token.signed())
    }
}
