//! OAuth requests, built and sent by `oauth2` (the part of `openidconnect` that is not OpenID Connect): with our HTTP client,
//! and with answers that are normalised first, in one place. What the library would accept and must not (repeated
//! members) is refused here; what it would refuse and providers send is removed, where nothing depends on it.

use std::borrow::Cow;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Response, StatusCode};
use oauth2::basic::{BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse, BasicTokenType};
use oauth2::{
    AsyncHttpClient, AuthType, ClientId, ClientSecret, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    RequestTokenError, StandardErrorResponse, StandardRevocableToken, StandardTokenIntrospectionResponse,
    StandardTokenResponse, TokenUrl,
};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;
use url::Url;

use super::client_credential::ClientCredential;
use super::http::{Answer, NoAnswer, Operation};
use super::issuer::Issuer;
use crate::domain::oidc::client_authentication::ClientAuthentication;
use crate::domain::oidc::json;
use crate::domain::oidc::relying_party::RelyingParty;
use crate::ports::ExchangeFault;

/// The length limit of an error code that is repeated in logs and faults.
const MAX_ERROR_CHARS: usize = 64;

/// `oauth2`'s client of one relying party, typed by the endpoints that are set.
pub(super) type Client<Token = EndpointNotSet> = oauth2::Client<
    BasicErrorResponse,
    TokenResponse,
    IntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    Token,
>;

/// An answer with tokens (RFC 6749 section 5.1).
pub(super) type TokenResponse = StandardTokenResponse<IdTokenField, BasicTokenType>;

/// The member that OpenID Connect adds (Core section 3.1.3.3). The library's own type also parses the claims of the token,
/// before its signature is verified, and refuses the whole answer for a claim like `"address": ""`.
#[derive(Deserialize, Serialize)]
pub(super) struct IdTokenField {
    pub(super) id_token: Option<String>,
}

impl std::fmt::Debug for IdTokenField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdTokenField(…)")
    }
}

impl oauth2::ExtraTokenFields for IdTokenField {}

/// What a provider says about a token (RFC 7662 section 2.2). `active` is the library's to read; the others stay whole for
/// `domain::oidc::credentials::introspection`, because claims of a token have more types than the library's.
pub(super) type IntrospectionResponse = StandardTokenIntrospectionResponse<Members, BasicTokenType>;

/// All members of an answer.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Members {
    pub(super) members: Map<String, Value>,
}

impl oauth2::ExtraTokenFields for Members {}

/// The client of `relying_party`, with the client authentication that the provider expects: a secret (RFC 6749 section 2.3.1), or
/// the client id in the form, to which [`Transport`] adds an assertion or a certificate.
pub(super) fn client(relying_party: &RelyingParty) -> Client {
    let RelyingParty { client_id, client_secret, token_endpoint_auth_method, .. } = relying_party;
    let auth_type = match token_endpoint_auth_method {
        ClientAuthentication::ClientSecretBasic => AuthType::BasicAuth,
        ClientAuthentication::ClientSecretPost
        | ClientAuthentication::None
        | ClientAuthentication::PrivateKeyJwt(_)
        | ClientAuthentication::TlsClientAuth(_) => AuthType::RequestBody,
    };
    let client = Client::new(ClientId::new(client_id.clone())).set_auth_type(auth_type);
    match client_secret.as_ref().filter(|_| token_endpoint_auth_method.sends_secret()) {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned())),
        None => client,
    }
}

/// Like `client`, with the provider's token endpoint.
pub(super) fn token_client(relying_party: &RelyingParty, endpoint: &Url) -> Client<EndpointSet> {
    client(relying_party).set_token_uri(TokenUrl::from_url(endpoint.clone()))
}

/// Why a request yielded no answer that the library could parse.
#[derive(Debug, Error)]
pub(super) enum CallFault {
    /// There is no complete answer.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// The answer has an error status, and no error code.
    #[error("status {}", .0.as_u16())]
    Status(StatusCode),
    /// The answer violates the protocol.
    #[error("{0}")]
    Malformed(Cow<'static, str>),
}

/// The error that `oauth2` reports for a request.
pub(super) type RequestFault<Type> = RequestTokenError<CallFault, StandardErrorResponse<Type>>;

/// Sends the library's requests for one operation to one endpoint.
pub(super) struct Transport<'a> {
    pub(super) issuer: &'a Issuer,
    pub(super) operation: Operation,
    pub(super) endpoint: &'a Url,
    /// What authenticates the client, beside a secret; `None`: the request does not authenticate it.
    pub(super) credential: Option<&'a ClientCredential<'a>>,
}

impl<'c> AsyncHttpClient<'c> for Transport<'_> {
    type Error = CallFault;
    type Future = BoxFuture<'c, Result<HttpResponse, CallFault>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        self.send(request).boxed()
    }
}

impl Transport<'_> {
    async fn send(&self, mut request: HttpRequest) -> Result<HttpResponse, CallFault> {
        let client = self.issuer.client();
        if let Some(credential) = self.credential {
            credential.add_to(request.body_mut());
        }
        let certificate = self.credential.and_then(ClientCredential::certificate);
        let backchannel = self.issuer.endpoints().and_then(|endpoints| endpoints.backchannel_host.as_ref());
        let endpoint = self.issuer.addresses().reached(self.endpoint);
        let request = client.request(&endpoint, request, backchannel);
        let answer = client.send(self.issuer.identifier(), self.operation, request, certificate).await?;
        let body = readable(self.operation, &answer)?;
        let mut response = Response::new(Value::Object(body).to_string().into_bytes());
        *response.status_mut() = answer.status;
        Ok(response)
    }
}

/// The members of an answer that are passed to the library.
fn readable(operation: Operation, answer: &Answer) -> Result<Map<String, Value>, CallFault> {
    let members = json::object(&answer.body);
    if answer.status != StatusCode::OK {
        let is_refusal = answer.status == StatusCode::BAD_REQUEST
            || (answer.status == StatusCode::UNAUTHORIZED && operation != Operation::Introspection);
        let refusal = members.filter(|_| is_refusal).and_then(|members| error_code(&members));
        return refusal.ok_or(CallFault::Status(answer.status));
    }
    match (operation, members) {
        // The status is sufficient (RFC 7009 section 2.2).
        (Operation::Revocation, _) => Ok(Map::new()),
        (_, None) => Err(CallFault::Malformed("not a JSON object without repeated members".into())),
        (Operation::Introspection, Some(members)) => {
            let active = members.get("active").cloned().unwrap_or_default();
            Ok([("active".to_owned(), active), ("members".to_owned(), members.into())].into_iter().collect())
        }
        (_, Some(members)) => tokens(members),
    }
}

/// Only `error` (RFC 6749 section 5.2): the other members that providers send have arbitrary forms.
fn error_code(members: &Map<String, Value>) -> Option<Map<String, Value>> {
    let code = json::optional(members, "error").filter(|code| code.is_string())?;
    Some(std::iter::once(("error".to_owned(), code.clone())).collect())
}

/// The members about tokens. A refresh token that is not a string, and an `expires_in` that is not a number, count as absent: a
/// sign-in needs neither. It does not need an access token either, which the library requires, so an empty one is added.
fn tokens(mut members: Map<String, Value>) -> Result<Map<String, Value>, CallFault> {
    const READ: [&str; 5] = ["token_type", "access_token", "id_token", "refresh_token", "expires_in"];
    members.retain(|name, value| READ.contains(&name.as_str()) && !json::is_absent(value));
    if let Some(name) = ["token_type", "access_token", "id_token"]
        .into_iter()
        .find(|name| members.get(*name).is_some_and(|value| !value.is_string()))
    {
        return Err(CallFault::Malformed(format!("`{name}` is not a text").into()));
    }
    members.retain(|name, value| match name.as_str() {
        "refresh_token" => value.is_string(),
        "expires_in" => value.is_u64(),
        _ => true,
    });
    members.entry("access_token").or_insert_with(|| "".into());
    Ok(members)
}

/// Converts the failure of a token request.
pub(super) fn exchange_fault(
    issuer: &Issuer,
    operation: Operation,
    fault: RequestFault<BasicErrorResponseType>,
) -> ExchangeFault {
    let is_outage = match &fault {
        RequestTokenError::ServerResponse(refusal) => {
            return ExchangeFault::Refused(printable(refusal.error().as_ref()));
        }
        RequestTokenError::Request(CallFault::NoAnswer(_)) => true,
        RequestTokenError::Request(CallFault::Status(status)) => is_unwell(*status),
        RequestTokenError::Request(CallFault::Malformed(_))
        | RequestTokenError::Parse(..)
        | RequestTokenError::Other(_) => false,
    };
    let cause = described(operation, fault);
    if is_outage { issuer.unavailable(&cause).into() } else { ExchangeFault::Malformed(cause) }
}

/// Whether the status indicates a fault of the provider itself.
fn is_unwell(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

/// The provider's error code (RFC 6749 section 5.2), truncated and made printable.
fn printable(code: &str) -> String {
    let printable = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    code.chars().take(MAX_ERROR_CHARS).map(printable).collect()
}

/// Describes a fault in a text that contains no part of a request or an answer, except the provider's error code.
pub(super) fn described<Type>(operation: Operation, fault: RequestFault<Type>) -> String
where
    Type: oauth2::ErrorResponseType + AsRef<str> + std::fmt::Display + 'static,
{
    let operation = operation.as_str();
    match fault {
        RequestTokenError::Request(CallFault::NoAnswer(fault)) => fault.to_string(),
        RequestTokenError::Request(fault) => format!("{operation}: {fault}"),
        RequestTokenError::ServerResponse(refusal) => {
            format!("{operation}: the provider answers `{}`", printable(refusal.error().as_ref()))
        }
        // Only texts occur where texts are expected, so this error names members and types, and no value.
        RequestTokenError::Parse(fault, _) => format!("{operation}: {}", fault.inner()),
        RequestTokenError::Other(words) => format!("{operation}: {words}"),
    }
}

#[cfg(test)]
mod tests;
