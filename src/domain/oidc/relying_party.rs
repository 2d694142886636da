//! The client that an application is at its provider.

use secrecy::SecretString;
use url::Url;

use super::algorithm::SigningAlgorithm;

/// What the identity provider knows the application as (`OpenID` Connect: the relying party).
#[derive(Clone, Debug)]
pub struct RelyingParty {
    /// Issuer identifier, byte for byte as the provider's metadata and tokens name it.
    pub issuer: String,
    /// Client identifier at that provider.
    pub client_id: String,
    /// Client secret.
    pub client_secret: SecretString,
    /// How client id and secret travel to the token endpoint.
    pub token_endpoint_auth_method: ClientAuthentication,
    /// The one algorithm that ID Tokens may be signed with.
    pub id_token_signed_response_alg: SigningAlgorithm,
    /// Scopes to ask for; `openid` always among them.
    pub scopes: Vec<String>,
    /// Claims that the operator's settings read, beside those that every sign-in is asked for.
    pub claims: Vec<String>,
    /// Those of them by which the access rules judge.
    pub claims_of_rules: Vec<String>,
    /// Where the provider sends the browser back to after a sign-in.
    pub redirect_uri: Url,
    /// Where the provider sends the browser after a sign-out.
    pub post_logout_redirect_uri: Url,
}

/// Client authentication at the token endpoint (`OpenID` Connect Core section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ClientAuthentication {
    /// HTTP Basic.
    #[default]
    ClientSecretBasic,
    /// Form parameters.
    ClientSecretPost,
}
