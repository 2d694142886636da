//! The client that represents an application at its provider.

use secrecy::SecretString;
use url::Url;

use super::algorithm::SigningAlgorithm;

/// The registration of an application at the identity provider (`OpenID` Connect: the relying party).
#[derive(Clone, Debug)]
pub struct RelyingParty {
    /// Issuer identifier, byte for byte as the provider's metadata and tokens name it.
    pub issuer: String,
    /// Client identifier at that provider.
    pub client_id: String,
    /// Client secret.
    pub client_secret: SecretString,
    /// How the client id and secret are sent to the token endpoint.
    pub token_endpoint_auth_method: ClientAuthentication,
    /// The only algorithm with which ID Tokens may be signed.
    pub id_token_signed_response_alg: SigningAlgorithm,
    /// Scopes to request; `openid` is always among them.
    pub scopes: Vec<String>,
    /// Claims that the operator's settings read, beside those that every sign-in requests.
    pub claims: Vec<String>,
    /// Those of these claims that the access rules read.
    pub claims_of_rules: Vec<String>,
    /// The address to which the provider redirects the browser after a sign-in.
    pub redirect_uri: Url,
    /// The address to which the provider redirects the browser after a sign-out.
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
