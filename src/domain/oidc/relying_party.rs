//! The client that represents an application at its provider.

use secrecy::SecretString;
use url::Url;

use super::algorithm::SigningAlgorithm;
use super::authorization_settings::AuthorizationSettings;
use super::client_authentication::ClientAuthentication;

/// The registration of an application at the identity provider (`OpenID` Connect: the relying party).
#[derive(Clone, Debug)]
pub struct RelyingParty {
    /// Issuer identifier, byte for byte as the provider's metadata and tokens name it; with `{tenantid}` where `allowed_tenants` are
    /// given.
    pub issuer: String,
    /// The tenants of the provider whose users may sign in; none: the provider has a single issuer.
    pub allowed_tenants: Vec<String>,
    /// Further audiences that ID Tokens may list.
    pub trusted_audiences: Vec<String>,
    /// Client identifier at that provider.
    pub client_id: String,
    /// Client secret, for client authentication or as the key of ID Tokens; `None`: neither uses one.
    pub client_secret: Option<SecretString>,
    /// How the client authenticates.
    pub token_endpoint_auth_method: ClientAuthentication,
    /// The only algorithm with which ID Tokens may be signed.
    pub id_token_signed_response_alg: SigningAlgorithm,
    /// Whether logout tokens must have `exp`.
    pub logout_token_exp: LogoutTokenExp,
    /// Scopes to request; `openid` is always among them.
    pub scopes: Vec<String>,
    /// Claims that the operator's settings read, beside those that every sign-in requests.
    pub claims: Vec<String>,
    /// Those of these claims that the access rules read.
    pub claims_of_rules: Vec<String>,
    /// The address to which the provider redirects the browser after a sign-in.
    pub redirect_uri: Url,
    /// What its authorization requests contain beside the usual, and how they are answered.
    pub authorization: AuthorizationSettings,
    /// The address to which the provider redirects the browser after a sign-out; `None`: the logout request names none.
    pub post_logout_redirect_uri: Option<Url>,
    /// How a sign-out ends at the provider.
    pub sign_out: ProviderSignOut,
    /// The provider's endpoints where the operator gives them; `None`: its metadata names them.
    pub endpoints: Option<ProviderEndpoints>,
    /// Where the provider's metadata is; `None`: at the well-known address of the issuer.
    pub discovery_url: Option<Url>,
    /// The origin at which Gatepost asks the provider's endpoints, in place of the issuer's.
    pub backchannel_base: Option<Url>,
}

/// Whether logout tokens must have `exp`, as the standard demands since 2022 (Back-Channel Logout 1.0 section 2.4); earlier drafts knew no `exp`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogoutTokenExp {
    /// A token without it is refused.
    #[default]
    Required,
    /// A token without it counts for a short time after its `iat`.
    Optional,
}

/// The endpoints of a provider that are given in place of its metadata (the names are those of `OpenID` Connect Discovery
/// section 3, RFC 8414 section 2 and RP-Initiated Logout section 2.1). All of them are trusted addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderEndpoints {
    /// Where users sign in.
    pub authorization_endpoint: Url,
    /// Where codes are redeemed.
    pub token_endpoint: Url,
    /// Where the keys are published.
    pub jwks_uri: Url,
    /// Where further claims are.
    pub userinfo_endpoint: Option<Url>,
    /// Where browsers are sent to sign out.
    pub end_session_endpoint: Option<Url>,
    /// Where tokens are introspected.
    pub introspection_endpoint: Option<Url>,
    /// Where refresh tokens are revoked.
    pub revocation_endpoint: Option<Url>,
    /// The host that token and introspection requests name, where it is not the one to which they are sent.
    pub backchannel_host: Option<BackchannelHost>,
}

/// How a sign-out ends at the provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProviderSignOut {
    /// By RP-Initiated Logout, if the provider has an endpoint for it.
    #[default]
    EndSessionEndpoint,
    /// By a visit to this address, whose query is complete: the provider has parameters of its own.
    At(Url),
    /// Not at all: the user stays signed in there.
    Omitted,
}

/// `Host` (RFC 9110 section 7.2) and `X-Forwarded-Proto` of requests that are sent to one address of a provider and have to count
/// as sent to another, because the provider makes the issuer of its tokens of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackchannelHost {
    /// `Host`: host name with port.
    pub authority: String,
    /// `X-Forwarded-Proto`: `http` or `https`.
    pub scheme: String,
}

impl ProviderEndpoints {
    /// The addresses that Gatepost itself sends requests to.
    pub fn requested(&self) -> impl Iterator<Item = &Url> {
        let Self { token_endpoint, jwks_uri, userinfo_endpoint, introspection_endpoint, revocation_endpoint, .. } =
            self;
        let optional = [userinfo_endpoint, introspection_endpoint, revocation_endpoint];
        [token_endpoint, jwks_uri].into_iter().chain(optional.into_iter().flatten())
    }
}
