//! User name and app password, verified at the token endpoint as authentik defines it: the client-credentials grant without a
//! client secret (RFC 6749 section 4.4), which returns an ID Token of the user.

use oauth2::{ClientId, Scope, TokenUrl};
use secrecy::{ExposeSecret as _, SecretString};

use super::completion;
use super::fault;
use super::request::VerificationRequest;
use crate::domain::oidc::credentials::{AppPassword, BasicRules, Refusal, VerifiedCredential};
use crate::domain::oidc::id_token::{ExpectedIdToken, SignedIn, VerifiedIdToken};
use crate::domain::oidc::jws::Purpose;
use crate::outbound::provider::http::Operation;
use crate::outbound::provider::issuer::DiscoveredProvider;
use crate::outbound::provider::oauth::{Client, Transport};
use crate::outbound::provider::token::{self, Tokens};
use crate::ports::{CredentialFault, ExchangeFault};

/// Signs the user in with the app password, and completes the claims as at a browser sign-in.
pub(super) async fn signed_in(
    request: &VerificationRequest,
    app_password: &AppPassword,
    rules: &BasicRules,
) -> Result<VerifiedCredential, CredentialFault> {
    let known = request.issuer.known().await?;
    let tokens = grant(request, &known, app_password, rules).await?;
    let signed_in = check(request, &known, &tokens.id_token, tokens.access_token.as_ref()).await?;
    let Some(access_token) = tokens.access_token else { return Ok(VerifiedCredential::of_sign_in(signed_in)) };
    let reported = completion::user_info(request, &known, signed_in.claims(), &rules.scopes, &access_token).await?;
    let signed_in = match reported {
        Some(claims) => signed_in.complete(claims).map_err(Refusal::Token)?,
        None => signed_in,
    };
    Ok(VerifiedCredential::of_sign_in(signed_in))
}

async fn grant(
    request: &VerificationRequest,
    known: &DiscoveredProvider,
    app_password: &AppPassword,
    rules: &BasicRules,
) -> Result<Tokens, CredentialFault> {
    let (operation, endpoint) = (Operation::AppPassword, &known.discovered.token_endpoint);
    let call = request.issuer.calls().app_password().map_err(|busy| request.unavailable(busy))?;
    let answer = Client::new(ClientId::new(request.application.relying_party.client_id.clone()))
        .set_token_uri(TokenUrl::from_url(endpoint.clone()))
        .exchange_client_credentials()
        .add_scopes(rules.scopes.iter().cloned().map(Scope::new))
        .add_extra_param("username", app_password.user.as_str())
        .add_extra_param("password", app_password.password.expose_secret())
        .request_async(&Transport { issuer: &request.issuer, operation, endpoint, credential: None })
        .await;
    let tokens = token::read(&request.issuer, operation, answer).and_then(Tokens::with_id_token);
    // Any answer shows that the provider works: unauthenticated clients can cause every refusal.
    if !matches!(tokens, Err(ExchangeFault::Unavailable(_))) {
        call.succeeded();
    }
    tokens.map_err(|fault| fault::of_exchange(fault, &request.issuer))
}

/// Verifies the ID Token in full. No nonce was sent, so it must not contain one: it would belong to another sign-in.
async fn check(
    request: &VerificationRequest,
    known: &DiscoveredProvider,
    id_token: &SecretString,
    access_token: Option<&SecretString>,
) -> Result<SignedIn, CredentialFault> {
    let party = &request.application.relying_party;
    let signed = request.issuer.verify(known, id_token, Purpose::IdToken(party)).await.map_err(Refusal::Token)?;
    let expected = ExpectedIdToken {
        relying_party: party,
        nonce: None,
        access_token: access_token.map(SecretString::expose_secret),
        now: request.clock.now(),
    };
    let checked = VerifiedIdToken::check(signed, &expected).map_err(Refusal::Token)?;
    Ok(SignedIn::new(checked, access_token.cloned()))
}
