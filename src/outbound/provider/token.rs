//! The token request and its answer (OpenID Connect Core section 3.1.3, RFC 6749 sections 4.1.3 and 5, RFC 7636
//! section 4.5); refreshes (section 12, RFC 6749 section 6).

use std::time::Duration;

use oauth2::basic::{BasicErrorResponseType, BasicTokenType};
use oauth2::{AuthorizationCode, PkceCodeVerifier, RedirectUrl, RefreshToken, TokenResponse as _};
use secrecy::{ExposeSecret as _, SecretString};

use super::client_credential::ClientCredential;
use super::discovery::Discovered;
use super::http::Operation;
use super::issuer::Issuer;
use super::oauth::{self, RequestFault, TokenResponse, Transport, token_client};
use crate::domain::oidc::relying_party::RelyingParty;
use crate::domain::oidc::sign_in::MatchedCode;
use crate::ports::ExchangeFault;

/// The tokens of one answer, unverified; a refresh may return no ID Token.
pub(super) struct Tokens<IdToken = SecretString> {
    pub(super) id_token: IdToken,
    pub(super) access_token: Option<SecretString>,
    pub(super) refresh_token: Option<SecretString>,
    /// The lifetime of the access token, if the answer states it (in seconds).
    pub(super) expires_in: Option<Duration>,
}

/// Redeems `code`: sent only once, with any outcome, because a code is valid once.
pub(super) async fn redeem(
    issuer: &Issuer,
    discovered: &Discovered,
    relying_party: &RelyingParty,
    code: &MatchedCode,
) -> Result<Tokens, ExchangeFault> {
    let credential = ClientCredential::of(issuer, discovered, relying_party).await?;
    let (operation, endpoint) = (Operation::Token, discovered.token_endpoint(relying_party));
    let answer = token_client(relying_party, endpoint)
        .set_redirect_uri(RedirectUrl::from_url(relying_party.redirect_uri.clone()))
        .exchange_code(AuthorizationCode::new(code.code().expose().to_owned()))
        .set_pkce_verifier(PkceCodeVerifier::new(code.verifier().expose().to_owned()))
        .request_async(&Transport { issuer, operation, endpoint, credential: Some(&credential) })
        .await;
    read(issuer, operation, answer)?.with_id_token()
}

/// Refreshes tokens (RFC 6749 section 6); the scope remains as granted.
pub(super) async fn refresh(
    issuer: &Issuer,
    discovered: &Discovered,
    credential: &ClientCredential<'_>,
    refresh_token: &SecretString,
) -> Result<Tokens<Option<SecretString>>, ExchangeFault> {
    let relying_party = credential.client;
    let (operation, endpoint) = (Operation::Refresh, discovered.token_endpoint(relying_party));
    let answer = token_client(relying_party, endpoint)
        .exchange_refresh_token(&RefreshToken::new(refresh_token.expose_secret().to_owned()))
        .request_async(&Transport { issuer, operation, endpoint, credential: Some(credential) })
        .await;
    read(issuer, operation, answer)
}

impl Tokens<Option<SecretString>> {
    /// The tokens with their ID Token; a fault if it is missing.
    pub(super) fn with_id_token(self) -> Result<Tokens, ExchangeFault> {
        let Self { id_token, access_token, refresh_token, expires_in } = self;
        let id_token = id_token.ok_or_else(|| malformed("token: there is no `id_token`"))?;
        Ok(Tokens { id_token, access_token, refresh_token, expires_in })
    }
}

/// Reads the tokens of an answer, and checks the token type (OC-19).
pub(super) fn read(
    issuer: &Issuer,
    operation: Operation,
    answer: Result<TokenResponse, RequestFault<BasicErrorResponseType>>,
) -> Result<Tokens<Option<SecretString>>, ExchangeFault> {
    let tokens = answer.map_err(|fault| oauth::exchange_fault(issuer, operation, fault))?;
    if *tokens.token_type() != BasicTokenType::Bearer {
        return Err(malformed("token: `token_type` is not Bearer"));
    }
    let access_token = tokens.access_token().secret().as_str();
    Ok(Tokens {
        id_token: tokens.extra_fields().id_token.as_deref().map(SecretString::from),
        access_token: (!access_token.is_empty()).then(|| access_token.into()),
        refresh_token: tokens.refresh_token().map(|token| token.secret().as_str().into()),
        expires_in: tokens.expires_in(),
    })
}

/// The fault of an answer that violates the protocol.
pub(super) fn malformed(cause: &str) -> ExchangeFault {
    ExchangeFault::Malformed(cause.to_owned())
}
