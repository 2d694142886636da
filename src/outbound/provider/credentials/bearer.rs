//! Bearer tokens: signed tokens are verified locally (RFC 9068), opaque tokens by the provider (RFC 7662).

use http::StatusCode;
use oauth2::basic::{BasicErrorResponse, BasicErrorResponseType};
use oauth2::{AccessToken, IntrospectionUrl, RequestTokenError};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use super::completion;
use super::request::VerificationRequest;
use crate::domain::oidc::credentials::{
    AccessTokenRules, IntrospectionRules, Refusal, VerifiedCredential, access_token, introspection,
};
use crate::outbound::provider::client_credential::ClientCredential;
use crate::outbound::provider::http::Operation;
use crate::outbound::provider::issuer::DiscoveredProvider;
use crate::outbound::provider::oauth::{self, CallFault, IntrospectionResponse, RequestFault, Transport};
use crate::ports::CredentialFault;

/// Verifies a signed access token. Claims that it omits are not requested, so it needs no call to UserInfo.
pub(super) async fn signed(
    request: &VerificationRequest,
    token: &SecretString,
    rules: &AccessTokenRules,
    scopes: &[String],
) -> Result<VerifiedCredential, CredentialFault> {
    let known = request.issuer.known().await?;
    let signed = request.issuer.verify(&known, token, rules.purpose()).await.map_err(Refusal::Token)?;
    let expected = access_token::ExpectedAccessToken {
        issuer: (&request.application.relying_party).into(),
        rules,
        scopes,
        now: request.clock.now(),
    };
    Ok(access_token::check(signed, &expected)?)
}

/// Introspects a token at the provider, and completes the claims of its user.
pub(super) async fn introspected(
    request: &VerificationRequest,
    token: &SecretString,
    rules: &IntrospectionRules,
    scopes: &[String],
) -> Result<VerifiedCredential, CredentialFault> {
    let known = request.issuer.known().await?;
    let members = introspect(request, &known, token).await?;
    let now = request.clock.now();
    let issuer = (&request.application.relying_party).into();
    let expected = introspection::ExpectedIntrospection { issuer, rules, scopes, now };
    let verified = introspection::check(members, token, &expected)?;
    let granted: Vec<String> = verified.scopes().map(str::to_owned).collect();
    if !granted.iter().any(|scope| scope == "openid") {
        return Ok(verified);
    }
    match completion::user_info(request, &known, verified.claims(), &granted, token).await? {
        Some(claims) => Ok(verified.complete(claims)?),
        None => Ok(verified),
    }
}

async fn introspect(
    request: &VerificationRequest,
    known: &DiscoveredProvider,
    token: &SecretString,
) -> Result<Map<String, Value>, CredentialFault> {
    let client = &request.application.relying_party;
    let endpoint = known.discovered.introspection_endpoint(client);
    let endpoint = endpoint.ok_or_else(|| request.unavailable("its metadata names no `introspection_endpoint`"))?;
    let operation = Operation::Introspection;
    let credential = ClientCredential::of(&request.issuer, &known.discovered, client).await?;
    let call = request.issuer.calls().introspection().map_err(|busy| request.unavailable(busy))?;
    let answer = oauth::client(client)
        .set_introspection_url(IntrospectionUrl::from_url(endpoint.clone()))
        .introspect(&AccessToken::new(token.expose_secret().to_owned()))
        .set_token_type_hint("access_token")
        .request_async(&Transport { issuer: &request.issuer, operation, endpoint, credential: Some(&credential) })
        .await;
    if !is_outage(&answer) {
        call.succeeded();
    }
    answer.map(|answer| answer.extra_fields().members.clone()).map_err(|fault| refused(request, fault))
}

/// Only an unambiguous answer counts: any other says nothing about the token (IN-3). Some providers answer with an error if
/// the text cannot be one of their tokens (RFC 7009 section 2.2.1), although RFC 7662 section 2.2 defines no such error:
/// unauthenticated clients can cause it, and it is not an outage.
fn refused(request: &VerificationRequest, fault: RequestFault<BasicErrorResponseType>) -> CredentialFault {
    let blames_token =
        |refusal: &BasicErrorResponse| matches!(refusal.error().as_ref(), "unsupported_token_type" | "invalid_request");
    match fault {
        RequestTokenError::ServerResponse(refusal) if blames_token(&refusal) => Refusal::NotTaken.into(),
        RequestTokenError::Request(CallFault::Status(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)) => {
            request.unavailable("introspection: this client may not introspect").into()
        }
        RequestTokenError::Parse(..) => {
            request.unavailable("introspection: not an object with a boolean `active`").into()
        }
        fault
        @ (RequestTokenError::ServerResponse(_) | RequestTokenError::Request(_) | RequestTokenError::Other(_)) => {
            request.unavailable(&oauth::described(Operation::Introspection, fault)).into()
        }
    }
}

/// Whether the answer indicates an outage of the provider. A refusal is not an outage: no input of an unauthenticated client
/// may look like one.
fn is_outage(answer: &Result<IntrospectionResponse, RequestFault<BasicErrorResponseType>>) -> bool {
    match answer {
        Ok(_) | Err(RequestTokenError::ServerResponse(_)) => false,
        Err(RequestTokenError::Request(CallFault::Status(status))) => {
            !status.is_client_error() || *status == StatusCode::TOO_MANY_REQUESTS
        }
        Err(_) => true,
    }
}
