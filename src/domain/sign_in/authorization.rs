//! The authorization request (`OpenID` Connect Core section 3.1.2.1) as the address the browser is sent to.

use url::Url;

use super::{Attempt, Binding};
use crate::domain::application::RelyingParty;

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
    let mut url = metadata.authorization_endpoint.clone();
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &relying_party.client_id)
        .append_pair("redirect_uri", relying_party.redirect_uri.as_str())
        .append_pair("scope", &relying_party.scopes.join(" "))
        .append_pair("state", state)
        .append_pair("nonce", attempt.nonce(binding).expose())
        .append_pair("code_challenge", &attempt.verifier(binding).challenge())
        .append_pair("code_challenge_method", "S256");
    url
}
