//! UserInfo, asked only where the ID Token leaves claims out (OpenID Connect Core section 5.3).

use http::{HeaderValue, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use url::Url;

use super::discovery::Discovered;
use super::http::{Answer, Operation};
use super::issuer::{Issuer, Known};
use crate::domain::application::RelyingParty;
use crate::domain::claims::Claims;
use crate::domain::id_token::{CompactToken, IdTokenFault};
use crate::domain::json;
use crate::ports::ExchangeFault;

/// Whether something is missing that the provider was asked for and could tell.
pub(super) fn is_needed(claims: &Claims, relying_party: &RelyingParty, discovered: &Discovered) -> bool {
    let asked = |scope: &str| relying_party.scopes.iter().any(|asked| asked == scope);
    let missing = |name: &str| claims.value(name).is_none();
    (asked("profile") && (missing("preferred_username") || missing("name")))
        || (asked("email") && missing("email"))
        || ((asked("groups") || discovered.knows_groups) && missing("groups"))
        || relying_party.claims.iter().any(|name| missing(name))
}

/// Asks `endpoint` about the user of `access_token`. The subject is still to be compared.
pub(super) async fn fetch(
    issuer: &Issuer,
    known: &Known,
    relying_party: &RelyingParty,
    endpoint: &Url,
    access_token: &SecretString,
) -> Result<Map<String, Value>, ExchangeFault> {
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", access_token.expose_secret()))
        .map_err(|_| malformed("token: `access_token` cannot be sent"))?;
    bearer.set_sensitive(true);
    let request = issuer.client().get(endpoint).header(header::AUTHORIZATION, bearer);
    let answer = issuer
        .client()
        .send(issuer.identifier(), Operation::UserInfo, request)
        .await
        .map_err(|fault| issuer.unavailable(&fault))?;
    match answer.status {
        StatusCode::OK if answer.content_type.as_deref() == Some("application/jwt") => {
            signed(issuer, known, relying_party, &answer).await
        }
        StatusCode::OK => {
            json::object(&answer.body).ok_or_else(|| malformed("userinfo: not a JSON object without repeated members"))
        }
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            Err(issuer.unavailable(&format_args!("userinfo: status {}", status.as_u16())).into())
        }
        status => Err(malformed(&format!("userinfo: status {}", status.as_u16()))),
    }
}

/// A signed answer: the provider's key, the pinned algorithm, made by it and for us (section 5.3.2), and no other
/// kind of token: an ID Token has a `nonce`, a logout token has `events` (JW-4).
async fn signed(
    issuer: &Issuer,
    known: &Known,
    relying_party: &RelyingParty,
    answer: &Answer,
) -> Result<Map<String, Value>, ExchangeFault> {
    let raw = std::str::from_utf8(&answer.body).map_err(|_| IdTokenFault::Malformed)?;
    issuer.verify(known, raw, relying_party).await?;
    let members = CompactToken::parse(raw)?.payload;
    if members.get("iss").and_then(Value::as_str) != Some(issuer.identifier()) {
        return Err(IdTokenFault::Issuer.into());
    }
    let ours = |value: &Value| value.as_str() == Some(relying_party.client_id.as_str());
    let for_us = match members.get("aud") {
        Some(Value::Array(list)) => list.iter().any(ours),
        Some(one) => ours(one),
        None => false,
    };
    if !for_us {
        return Err(IdTokenFault::Audience.into());
    }
    if members.contains_key("nonce") || members.contains_key("events") {
        return Err(malformed("userinfo: another kind of token"));
    }
    Ok(members)
}

fn malformed(cause: &str) -> ExchangeFault {
    ExchangeFault::Malformed(cause.to_owned())
}
