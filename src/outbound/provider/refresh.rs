//! A refresh: new tokens for a session, checked against it, and the claims of its user (OpenID Connect Core section 12).

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, timeout};
use tracing::warn;

use super::client_credential::ClientCredential;
use super::issuer::{DiscoveredProvider, Issuer};
use super::token::{self, Tokens, malformed};
use super::user_info::{self, UserInfoAnswer};
use crate::domain::oidc::id_token::{ExpectedIdToken, VerifiedIdToken};
use crate::domain::oidc::jws::Purpose;
use crate::domain::oidc::jwt::TokenFault;
use crate::domain::oidc::relying_party::RelyingParty;
use crate::domain::session::{Refreshed, SessionRecord};
use crate::ports::{Clock, ExchangeFault};

/// Refreshes the tokens and claims of a session. The token request and the `UserInfo` request may each take `deadline`:
/// tokens that have been received are not lost because UserInfo does not answer.
pub(super) async fn refresh(
    issuer: &Issuer,
    relying_party: &RelyingParty,
    session: &SessionRecord,
    clock: &dyn Clock,
    deadline: Duration,
) -> Result<Refreshed, ExchangeFault> {
    let known = issuer.known().await?;
    let tokens = new_tokens(issuer, &known, relying_party, session, deadline).await?;
    let Tokens { id_token, access_token, refresh_token, expires_in } = tokens;
    let verified = match &id_token {
        Some(raw) => Some(issuer.verify(&known, raw, Purpose::IdToken(relying_party)).await),
        None => None,
    };
    if let Some(Err(fault)) = &verified
        && proves_nothing(fault)
        && refresh_token.is_some()
    {
        let issuer = &relying_party.issuer;
        warn!(%issuer, %fault, "the ID Token of a refresh is not verified; only its refresh token counts, and it is used at once");
        return Ok(Refreshed::new(None, refresh_token, None).cut_short(session, true));
    }
    let mut refreshed = Refreshed::new(access_token.clone(), refresh_token, expires_in);
    match (verified, &access_token) {
        (Some(verified), access_token) => {
            let access_token = access_token.as_ref().map(SecretString::expose_secret);
            let expected = ExpectedIdToken { relying_party, nonce: None, access_token, now: clock.now() };
            let token = VerifiedIdToken::check_refreshed(verified?, &expected, session.claims.text("nonce"))?;
            refreshed = refreshed.with_id_token(token, session)?;
        }
        (None, Some(_)) => {}
        (None, None) => return Err(malformed("refresh: neither `access_token` nor `id_token`")),
    }
    let Some(access_token) = access_token else { return Ok(refreshed) };
    complete(issuer, &known, relying_party, session, refreshed, &access_token, deadline).await
}

/// Whether the provider's keys may be to blame, not the token. The token request has succeeded, and the provider may have made the
/// previous refresh token void, so the new one is kept.
const fn proves_nothing(fault: &TokenFault) -> bool {
    matches!(fault, TokenFault::Signature(_) | TokenFault::KeysUnavailable)
}

async fn new_tokens(
    issuer: &Issuer,
    known: &DiscoveredProvider,
    relying_party: &RelyingParty,
    session: &SessionRecord,
    deadline: Duration,
) -> Result<Tokens<Option<SecretString>>, ExchangeFault> {
    let refresh_token = session.refresh_token().ok_or_else(|| malformed("the session has no refresh token"))?;
    let credential = timeout(deadline, ClientCredential::of(issuer, &known.discovered, relying_party)).await;
    let credential = credential.map_err(|_| issuer.unavailable(&"the client assertion was not read in time"))??;
    let call = issuer.calls().refresh().map_err(|busy| issuer.unavailable(&busy))?;
    let asked = token::refresh(issuer, &known.discovered, &credential, refresh_token);
    let tokens = match timeout(deadline, asked).await {
        Ok(tokens) => tokens,
        Err(_) => Err(issuer.unavailable(&"the tokens were not refreshed in time").into()),
    };
    // Any answer shows that the provider works.
    if !matches!(tokens, Err(ExchangeFault::Unavailable(_))) {
        call.succeeded();
    }
    tokens
}

/// Completes the claims as at a sign-in; where there is no ID Token, only `UserInfo` returns the claims of the user.
async fn complete(
    issuer: &Issuer,
    known: &DiscoveredProvider,
    relying_party: &RelyingParty,
    session: &SessionRecord,
    refreshed: Refreshed,
    access_token: &SecretString,
    deadline: Duration,
) -> Result<Refreshed, ExchangeFault> {
    let Some(endpoint) = known.discovered.user_info_endpoint(relying_party) else { return Ok(refreshed) };
    let missing = |claims| user_info::is_needed(claims, relying_party, &relying_party.scopes, &known.discovered);
    if !refreshed.claims().is_none_or(missing) {
        return Ok(refreshed);
    }
    let asked = user_info::fetch(issuer, known, relying_party, endpoint, access_token);
    match user_info::reported(issuer, relying_party, &session.claims, asked, Instant::now() + deadline).await {
        Ok(UserInfoAnswer::Claims(reported)) => Ok(refreshed.complete(reported, session)?),
        Ok(UserInfoAnswer::Nothing { soon }) => Ok(refreshed.cut_short(session, soon)),
        // The tokens are valid, and the previous claims stay in force.
        Err(ExchangeFault::Unavailable(_) | ExchangeFault::Malformed(_)) => Ok(refreshed.cut_short(session, true)),
        Err(fault) => Err(fault),
    }
}
