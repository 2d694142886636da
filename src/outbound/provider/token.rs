//! The token request and its answer (OpenID Connect Core section 3.1.3, RFC 6749 sections 4.1.3 and 5, RFC 7636
//! section 4.5); refreshes (section 12, RFC 6749 section 6).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode, header};
use reqwest::RequestBuilder;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::discovery::Discovered;
use super::http::{Answer, Operation};
use super::issuer::Issuer;
use crate::domain::application::{ClientAuthentication, RelyingParty};
use crate::domain::json;
use crate::domain::sign_in::MatchedCode;
use crate::ports::ExchangeFault;

/// The longest error code worth repeating.
const MAX_ERROR_CHARS: usize = 64;

/// The tokens of one answer, nothing verified yet; at a refresh without an ID Token, perhaps.
pub(super) struct Tokens<IdToken = SecretString> {
    pub(super) id_token: IdToken,
    pub(super) access_token: Option<SecretString>,
    pub(super) refresh_token: Option<SecretString>,
    /// How long the access token lasts, where it is told in seconds.
    pub(super) expires_in: Option<Duration>,
}

/// Redeems `code`: sent once, whatever comes back.
pub(super) async fn redeem(
    issuer: &Issuer,
    discovered: &Discovered,
    relying_party: &RelyingParty,
    code: &MatchedCode,
) -> Result<Tokens, ExchangeFault> {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.code().expose()),
        ("redirect_uri", relying_party.redirect_uri.as_str()),
        ("code_verifier", code.verifier().expose()),
    ];
    let request = authenticated(issuer, &discovered.token_endpoint, relying_party, &fields)?;
    send(issuer, Operation::Token, request).await
}

/// Asks for new tokens (RFC 6749 section 6); the scope stays what was granted.
pub(super) async fn refresh(
    issuer: &Issuer,
    discovered: &Discovered,
    relying_party: &RelyingParty,
    refresh_token: &SecretString,
) -> Result<Tokens<Option<SecretString>>, ExchangeFault> {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose_secret())];
    let request = authenticated(issuer, &discovered.token_endpoint, relying_party, &fields)?;
    ask(issuer, Operation::Refresh, request).await
}

/// Sends a token request and reads the tokens that it brings, an ID Token among them.
pub(super) async fn send(
    issuer: &Issuer,
    operation: Operation,
    request: RequestBuilder,
) -> Result<Tokens, ExchangeFault> {
    let Tokens { id_token, access_token, refresh_token, expires_in } = ask(issuer, operation, request).await?;
    let id_token = id_token.ok_or_else(|| malformed("token: there is no `id_token`"))?;
    Ok(Tokens { id_token, access_token, refresh_token, expires_in })
}

async fn ask(
    issuer: &Issuer,
    operation: Operation,
    request: RequestBuilder,
) -> Result<Tokens<Option<SecretString>>, ExchangeFault> {
    let answer = issuer
        .client()
        .send(issuer.identifier(), operation, request)
        .await
        .map_err(|fault| issuer.unavailable(&fault))?;
    match answer.status {
        StatusCode::OK => tokens(&answer.body),
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            Err(issuer.unavailable(&format_args!("token: status {}", status.as_u16())).into())
        }
        _ => Err(refusal(&answer)),
    }
}

/// A form post that says which client sends it (RFC 6749 section 2.3.1).
pub(super) fn authenticated(
    issuer: &Issuer,
    endpoint: &Url,
    relying_party: &RelyingParty,
    fields: &[(&str, &str)],
) -> Result<RequestBuilder, ExchangeFault> {
    let mut form = Serializer::new(String::new());
    form.extend_pairs(fields);
    match relying_party.token_endpoint_auth_method {
        ClientAuthentication::ClientSecretBasic => {
            let request = issuer.client().post_form(endpoint, form.finish());
            Ok(request.header(header::AUTHORIZATION, basic(relying_party)?))
        }
        ClientAuthentication::ClientSecretPost => {
            form.append_pair("client_id", &relying_party.client_id)
                .append_pair("client_secret", relying_party.client_secret.expose_secret());
            Ok(issuer.client().post_form(endpoint, form.finish()))
        }
    }
}

/// Id and secret are form-encoded before they are joined (RFC 6749 section 2.3.1).
fn basic(relying_party: &RelyingParty) -> Result<HeaderValue, ExchangeFault> {
    let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let id = encode(&relying_party.client_id);
    let secret = encode(relying_party.client_secret.expose_secret());
    let credentials = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let mut value =
        HeaderValue::try_from(credentials).map_err(|_| malformed("the client credentials cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// OC-19; what is no refresh token, and an `expires_in` that tells nothing, count as absent: a sign-in needs neither.
fn tokens(body: &[u8]) -> Result<Tokens<Option<SecretString>>, ExchangeFault> {
    let members = json::object(body).ok_or_else(|| malformed("token: not a JSON object without repeated members"))?;
    let kind = members.get("token_type").and_then(Value::as_str);
    if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("Bearer")) {
        return Err(malformed("token: `token_type` is not Bearer"));
    }
    Ok(Tokens {
        id_token: secret(&members, "id_token")?,
        access_token: secret(&members, "access_token")?,
        refresh_token: secret(&members, "refresh_token").unwrap_or_default(),
        expires_in: members.get("expires_in").and_then(Value::as_u64).map(Duration::from_secs),
    })
}

fn secret(members: &Map<String, Value>, name: &str) -> Result<Option<SecretString>, ExchangeFault> {
    match json::optional(members, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str().into())),
        Some(_) => Err(malformed(&format!("token: `{name}` is not a text"))),
    }
}

/// The provider's own word (RFC 6749 section 5.2), cut and made printable.
fn refusal(answer: &Answer) -> ExchangeFault {
    let members = json::object(&answer.body).unwrap_or_default();
    let error = members.get("error").and_then(Value::as_str).filter(|error| !error.is_empty());
    match error {
        Some(error) if matches!(answer.status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED) => {
            let printable = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
            ExchangeFault::Refused(error.chars().take(MAX_ERROR_CHARS).map(printable).collect())
        }
        _ => malformed(&format!("token: status {}", answer.status.as_u16())),
    }
}

/// An answer that breaks the protocol.
pub(super) fn malformed(cause: &str) -> ExchangeFault {
    ExchangeFault::Malformed(cause.to_owned())
}
