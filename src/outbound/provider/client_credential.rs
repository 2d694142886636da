//! What a client sends to authenticate one request. It is made before the request counts as a call to the provider: a missing
//! file of one client must not look like an outage of the provider, which would suspend the calls of all.

use secrecy::{ExposeSecret as _, SecretString};
use url::form_urlencoded;

use super::client_assertion;
use super::discovery::Discovered;
use super::issuer::Issuer;
use crate::domain::oidc::client_authentication::{
    AssertionAudience, CLIENT_ASSERTION_TYPE, ClientAssertion, ClientAuthentication, ClientCertificate,
};
use crate::domain::oidc::relying_party::RelyingParty;
use crate::ports::ProviderUnavailable;

/// The credential of one request.
pub(super) struct ClientCredential<'a> {
    pub(super) client: &'a RelyingParty,
    assertion: Option<SecretString>,
}

impl<'a> ClientCredential<'a> {
    /// The credential of `client` for a request to this provider.
    pub(super) async fn of(
        issuer: &Issuer,
        discovered: &Discovered,
        client: &'a RelyingParty,
    ) -> Result<Self, ProviderUnavailable> {
        let ClientAuthentication::PrivateKeyJwt(source) = &client.token_endpoint_auth_method else {
            return Ok(Self { client, assertion: None });
        };
        let assertion = match source {
            ClientAssertion::Signed(key) => {
                let audience = match key.audience {
                    AssertionAudience::Issuer => client.issuer.as_str(),
                    AssertionAudience::TokenEndpoint => discovered.token_endpoint.as_str(),
                };
                client_assertion::signed(key, &client.client_id, audience, issuer.now())
            }
            ClientAssertion::File(path) => {
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || client_assertion::in_file(&path)).await;
                read.unwrap_or_else(|_| Err("the file was not read".to_owned()))
            }
        };
        let unavailable = |cause| {
            let client = &client.client_id;
            issuer.unavailable(&format_args!("the client {client:?} has no client assertion: {cause}"))
        };
        Ok(Self { client, assertion: Some(assertion.map_err(unavailable)?) })
    }

    /// Adds the assertion to the form in the body of a request (RFC 7521 section 4.2).
    pub(super) fn add_to(&self, form: &mut Vec<u8>) {
        let Some(assertion) = &self.assertion else { return };
        let pairs = [("client_assertion_type", CLIENT_ASSERTION_TYPE), ("client_assertion", assertion.expose_secret())];
        let added = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        if !form.is_empty() {
            form.push(b'&');
        }
        form.extend_from_slice(added.as_bytes());
    }

    /// The certificate of the connection.
    pub(super) fn certificate(&self) -> Option<&'a ClientCertificate> {
        self.client.token_endpoint_auth_method.certificate()
    }
}
