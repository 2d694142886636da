//! The authorization request (`OpenID` Connect Core section 3.1.2.1), as the address to which the browser is
//! redirected.

use oauth2::basic::BasicClient;
use oauth2::{AuthUrl, ClientId, CsrfToken, RedirectUrl, Scope};
use url::Url;

use super::{Attempt, Binding};
use crate::domain::oidc::authorization_settings::{Parameter, ResponseMode};
use crate::domain::oidc::relying_party::RelyingParty;

/// The metadata of a provider that the outpost needs (`OpenID` Connect Discovery section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderMetadata {
    /// Issuer identifier.
    pub issuer: String,
    /// The authorization endpoint.
    pub authorization_endpoint: Url,
    /// The end-session endpoint, if there is one (RP-Initiated Logout section 2.1).
    pub end_session_endpoint: Option<Url>,
    /// The address of the provider's key set.
    pub jwks_uri: Url,
    /// Whether every authorization response contains `iss` (RFC 9207 section 3).
    pub authorization_response_iss_parameter_supported: bool,
}

/// The address to which the browser is redirected for `attempt`, which is sealed in `state`. The parameters `of_request` belong
/// to this request alone; each replaces the application's parameter of that name.
#[must_use]
pub fn authorization_url(
    metadata: &ProviderMetadata,
    relying_party: &RelyingParty,
    attempt: &Attempt,
    binding: &Binding,
    state: &str,
    of_request: &[Parameter],
) -> Url {
    let client = BasicClient::new(ClientId::new(relying_party.client_id.clone()))
        .set_auth_uri(AuthUrl::from_url(metadata.authorization_endpoint.clone()))
        .set_redirect_uri(RedirectUrl::from_url(relying_party.redirect_uri.clone()));
    let mut request = client
        .authorize_url(|| CsrfToken::new(state.to_owned()))
        .add_scopes(relying_party.scopes.iter().cloned().map(Scope::new))
        .set_pkce_challenge(attempt.verifier(binding).challenge())
        .add_extra_param("nonce", attempt.nonce(binding).expose().to_owned());
    if relying_party.authorization.response_mode == ResponseMode::FormPost {
        request = request.add_extra_param("response_mode", "form_post");
    }
    let is_replaced = |one: &&Parameter| of_request.iter().any(|other| other.name == one.name);
    let of_application = relying_party.authorization.parameters.iter().filter(|one| !is_replaced(one));
    for Parameter { name, value } in of_application.chain(of_request) {
        request = request.add_extra_param(name.as_str().to_owned(), value.as_str().to_owned());
    }
    request.url().0
}
