//! Whether the provider accepts the client's authentication: a random token is revoked, or a random code redeemed, both of which no
//! provider knows.

use oauth2::basic::BasicErrorResponseType;
use oauth2::{AccessToken, AuthorizationCode, IntrospectionUrl, RedirectUrl, RefreshToken, RequestTokenError};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;
use url::form_urlencoded;

use super::known::Known;
use crate::domain::application::Application;
use crate::domain::crypto::secret_bits::SecretBits;
use crate::domain::oidc::client_authentication::{ClientAssertion, ClientAuthentication};
use crate::domain::oidc::credentials::BearerCheck;
use crate::domain::oidc::relying_party::RelyingParty;
use crate::outbound::finding::{CHECK_TIMEOUT, Finding};
use crate::outbound::provider::client_credential::ClientCredential;
use crate::outbound::provider::http::Operation;
use crate::outbound::provider::oauth::{self, CallFault, RequestFault, Transport};
use crate::outbound::provider::revocation;
use crate::ports::Entropy;

const CHECK: &str = "client_credentials";
const HELP: &str = "compare `client_id`, the secret (or key) and `token_endpoint_auth_method` with the client's registration at the provider";
const HELP_WITH_ENCODING: &str = "compare `client_id`, the secret and `token_endpoint_auth_method` with the client's registration at the provider; if they agree, \
                                  the provider may not decode what client_secret_basic form-encodes (RFC 6749 section 2.3.1): use client_secret_post";

/// What an answer says about the client.
enum Verdict {
    Accepted(String),
    Refused(String),
    Unknown(String),
}

pub(super) async fn about(known: &Known, application: &Application, entropy: &dyn Entropy) -> Vec<Finding> {
    let party = &application.relying_party;
    if let ClientAuthentication::PrivateKeyJwt(ClientAssertion::File(_)) = party.token_endpoint_auth_method {
        let text =
            "not told: a provider may accept the assertion of `client_assertion_file` only once, so it is not sent";
        return vec![Finding::note(CHECK, text)];
    }
    let mut bytes = [0; 32];
    if let Err(fault) = entropy.fill(&mut bytes) {
        return vec![Finding::note(CHECK, fault.to_string())];
    }
    let random = SecretString::from(SecretBits::new(bytes).to_text());
    let mut findings = vec![credentials(known, party, &random).await];
    let introspects = application
        .credentials
        .bearer
        .as_ref()
        .is_some_and(|rules| matches!(rules.verify, BearerCheck::Introspection(_)));
    if introspects {
        findings.extend(introspection(known, party, &random).await);
    }
    findings
}

async fn credentials(known: &Known, party: &RelyingParty, random: &SecretString) -> Finding {
    let mut unknown = Vec::new();
    let late = |_| Verdict::Unknown("no answer in time".to_owned());
    if known.discovered.revocation_endpoint(party).is_some() {
        match timeout(CHECK_TIMEOUT, revoke(known, party, random)).await.unwrap_or_else(late) {
            Verdict::Unknown(cause) => unknown.push(cause),
            told @ (Verdict::Accepted(_) | Verdict::Refused(_)) => return finding(told, party),
        }
    }
    match timeout(CHECK_TIMEOUT, redeem(known, party, random)).await.unwrap_or_else(late) {
        Verdict::Unknown(cause) => unknown.push(cause),
        told @ (Verdict::Accepted(_) | Verdict::Refused(_)) => return finding(told, party),
    }
    Finding::note(CHECK, format!("not told: {}", unknown.join("; ")))
}

fn finding(verdict: Verdict, party: &RelyingParty) -> Finding {
    match verdict {
        Verdict::Accepted(text) => Finding::ok(CHECK, text),
        Verdict::Refused(text) => Finding::fail(CHECK, text, help(party)),
        Verdict::Unknown(text) => Finding::note(CHECK, text),
    }
}

fn help(party: &RelyingParty) -> &'static str {
    let is_encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>() != text;
    let secret = party.client_secret.as_ref().map(SecretString::expose_secret);
    let is_basic = matches!(party.token_endpoint_auth_method, ClientAuthentication::ClientSecretBasic);
    let differs = secret.into_iter().chain([party.client_id.as_str()]).any(is_encoded);
    if is_basic && differs { HELP_WITH_ENCODING } else { HELP }
}

async fn revoke(known: &Known, party: &RelyingParty, random: &SecretString) -> Verdict {
    let Some(endpoint) = known.discovered.revocation_endpoint(party) else {
        return Verdict::Unknown("there is no `revocation_endpoint`".to_owned());
    };
    let credential = match ClientCredential::of(&known.issuer, &known.discovered, party).await {
        Ok(credential) => credential,
        Err(fault) => return Verdict::Refused(fault.cause),
    };
    let operation = Operation::Revocation;
    let transport = Transport { issuer: &known.issuer, operation, endpoint, credential: Some(&credential) };
    let request = oauth::client(party).set_revocation_url(revocation::https(endpoint));
    let request = request.revoke_token(RefreshToken::new(random.expose_secret().to_owned()).into());
    match request {
        Err(fault) => Verdict::Unknown(fault.to_string()),
        Ok(request) => match request.request_async(&transport).await {
            Ok(()) => Verdict::Accepted("the `revocation_endpoint` accepts the client, by a random token".to_owned()),
            Err(fault) => refused(operation, fault, "invalid_token"),
        },
    }
}

async fn redeem(known: &Known, party: &RelyingParty, random: &SecretString) -> Verdict {
    let credential = match ClientCredential::of(&known.issuer, &known.discovered, party).await {
        Ok(credential) => credential,
        Err(fault) => return Verdict::Refused(fault.cause),
    };
    let (operation, endpoint) = (Operation::Token, known.discovered.token_endpoint(party));
    let transport = Transport { issuer: &known.issuer, operation, endpoint, credential: Some(&credential) };
    let answer = oauth::token_client(party, endpoint)
        .set_redirect_uri(RedirectUrl::from_url(party.redirect_uri.clone()))
        .exchange_code(AuthorizationCode::new(random.expose_secret().to_owned()))
        .request_async(&transport)
        .await;
    match answer {
        Ok(_) => Verdict::Unknown("the token endpoint accepts a random code".to_owned()),
        Err(RequestTokenError::ServerResponse(refusal)) if *refusal.error() == BasicErrorResponseType::InvalidGrant => {
            Verdict::Accepted(
                "the token endpoint accepts the client, and refuses a random code as it should".to_owned(),
            )
        }
        Err(fault) => refused(operation, fault, ""),
    }
}

/// What a refusal says about the client; the error code `unknown` says nothing about it.
fn refused<Type>(operation: Operation, fault: RequestFault<Type>, unknown: &str) -> Verdict
where
    Type: oauth2::ErrorResponseType + AsRef<str> + std::fmt::Display + 'static,
{
    let is_refused = match &fault {
        RequestTokenError::ServerResponse(refusal) => {
            let code = refusal.error().as_ref();
            code != unknown && matches!(code, "invalid_client" | "unauthorized_client")
        }
        RequestTokenError::Request(CallFault::Status(status)) => status.as_u16() == 401,
        RequestTokenError::Request(_) | RequestTokenError::Parse(..) | RequestTokenError::Other(_) => false,
    };
    let text = oauth::described(operation, fault);
    if is_refused { Verdict::Refused(text) } else { Verdict::Unknown(text) }
}

/// A random token is introspected, as `bearer` does it with the tokens of programs.
async fn introspection(known: &Known, party: &RelyingParty, random: &SecretString) -> Option<Finding> {
    let check = "introspection";
    let endpoint = known.discovered.introspection_endpoint(party)?;
    let credential = ClientCredential::of(&known.issuer, &known.discovered, party).await.ok()?;
    let operation = Operation::Introspection;
    let transport = Transport { issuer: &known.issuer, operation, endpoint, credential: Some(&credential) };
    let client = oauth::client(party).set_introspection_url(IntrospectionUrl::from_url(endpoint.clone()));
    let token = AccessToken::new(random.expose_secret().to_owned());
    let request = client.introspect(&token).set_token_type_hint("access_token").request_async(&transport);
    let help = "allow this client to introspect tokens at the provider, or let `bearer.verify` be `jwt`";
    Some(match timeout(CHECK_TIMEOUT, request).await {
        Err(_) => Finding::note(check, "no answer in time"),
        Ok(Ok(_)) => Finding::ok(check, format!("{endpoint} answers this client about a random token")),
        Ok(Err(RequestTokenError::Request(CallFault::Status(status)))) if matches!(status.as_u16(), 401 | 403) => {
            Finding::fail(check, format!("{endpoint} answers {} to this client", status.as_u16()), help)
        }
        Ok(Err(fault)) => Finding::note(check, oauth::described(operation, fault)),
    })
}
