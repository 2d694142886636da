//! The authorization request (`OpenID` Connect Core section 3.1.2.1) as the address the browser is sent to.

use oauth2::basic::BasicClient;
use oauth2::{AuthUrl, ClientId, CsrfToken, RedirectUrl, Scope};
use url::Url;

use super::{Attempt, Binding};
use crate::domain::oidc::relying_party::RelyingParty;

/// What the conductor has to know about a provider (`OpenID` Connect Discovery section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderMetadata {
    /// Issuer identifier.
    pub issuer: String,
    /// Where sign-ins begin.
    pub authorization_endpoint: Url,
    /// Where sign-outs go, if anywhere (RP-Initiated Logout section 2.1).
    pub end_session_endpoint: Option<Url>,
    /// Where the provider publishes its keys.
    pub jwks_uri: Url,
    /// Whether every answer names its issuer (RFC 9207 section 3).
    pub authorization_response_iss_parameter_supported: bool,
}

/// Where to send the browser for `attempt`, sealed as `state`.
#[must_use]
pub fn authorization_url(
    metadata: &ProviderMetadata,
    relying_party: &RelyingParty,
    attempt: &Attempt,
    binding: &Binding,
    state: &str,
) -> Url {
    let client = BasicClient::new(ClientId::new(relying_party.client_id.clone()))
        .set_auth_uri(AuthUrl::from_url(metadata.authorization_endpoint.clone()))
        .set_redirect_uri(RedirectUrl::from_url(relying_party.redirect_uri.clone()));
    let (url, _) = client
        .authorize_url(|| CsrfToken::new(state.to_owned()))
        .add_scopes(relying_party.scopes.iter().cloned().map(Scope::new))
        .set_pkce_challenge(attempt.verifier(binding).challenge())
        .add_extra_param("nonce", attempt.nonce(binding).expose().to_owned())
        .url();
    url
}
