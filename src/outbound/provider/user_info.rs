//! UserInfo, requested only where the ID Token omits claims (OpenID Connect Core section 5.3). The ID Token alone is a complete
//! sign-in, so an answer that is missing or unreadable does not refuse the user; one that contradicts the ID Token does.

use http::{HeaderValue, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::discovery::Discovered;
use super::http::{Answer, Operation};
use super::issuer::{DiscoveredProvider, Issuer};
use super::token::malformed;
use crate::domain::oidc::claims::Claims;
use crate::domain::oidc::issuer::TrustedIssuer;
use crate::domain::oidc::json;
use crate::domain::oidc::jws::Purpose;
use crate::domain::oidc::jwt::TokenFault;
use crate::domain::oidc::operands::{Operands, ShownList};
use crate::domain::oidc::relying_party::RelyingParty;
use crate::ports::{ExchangeFault, ProviderUnavailable};

/// Why UserInfo gave no claims.
pub(super) enum UserInfoFault {
    /// It could not be reached, or had a fault of its own: a later request may succeed.
    Unavailable(ProviderUnavailable),
    /// It refused, or its answer cannot be parsed: another request soon is useless.
    Unusable(String),
    /// It does not accept a token of this kind, which is not an outage.
    NotTaken,
    /// Its answer is contradictory or not authentic: another user, or an invalid signature.
    Refused(ExchangeFault),
}

impl From<TokenFault> for UserInfoFault {
    fn from(fault: TokenFault) -> Self {
        if matches!(fault, TokenFault::Malformed | TokenFault::TooLong | TokenFault::Encrypted) {
            return Self::Unusable(format!("userinfo: {fault}"));
        }
        Self::Refused(fault.into())
    }
}

/// The result of a request that was not refused.
pub(super) enum UserInfoAnswer {
    /// These claims; the subject is not compared yet.
    Claims(Map<String, Value>),
    /// No claims; `soon` says whether a later request may succeed soon.
    Nothing { soon: bool },
}

/// Whether a claim is missing that was requested from the provider and that UserInfo could return.
pub(super) fn is_needed(
    claims: &Claims,
    relying_party: &RelyingParty,
    scopes: &[String],
    discovered: &Discovered,
) -> bool {
    let asked = |scope: &str| scopes.iter().any(|asked| asked == scope);
    let missing = |name: &str| claims.present(name).is_none();
    (asked("profile") && (missing("preferred_username") || missing("name")))
        || (asked("email") && missing("email"))
        || ((asked("groups") || discovered.knows_groups) && missing("groups"))
        || relying_party.claims.iter().any(|name| missing(name))
}

/// Requests the claims of the user of `access_token` from `endpoint`. The caller must compare the subject.
pub(super) async fn fetch(
    issuer: &Issuer,
    known: &DiscoveredProvider,
    relying_party: &RelyingParty,
    endpoint: &Url,
    access_token: &SecretString,
) -> Result<Map<String, Value>, UserInfoFault> {
    let answer = ask(issuer, relying_party, endpoint, access_token).await?;
    read(issuer, known, relying_party, &answer).await
}

/// Awaits `asked` until `deadline`, for the claims that `claims` lack.
///
/// # Errors
/// When the answer is refused; and when a claim is missing that an access rule needs, and UserInfo may return it soon.
pub(super) async fn reported(
    issuer: &Issuer,
    relying_party: &RelyingParty,
    claims: &Claims,
    asked: impl Future<Output = Result<Map<String, Value>, UserInfoFault>>,
    deadline: Instant,
) -> Result<UserInfoAnswer, ExchangeFault> {
    let late = || Err(UserInfoFault::Unavailable(issuer.unavailable(&"userinfo: no answer in time")));
    match timeout_at(deadline, asked).await.unwrap_or_else(|_| late()) {
        Ok(claims) => {
            issuer.user_info().ended(issuer.identifier());
            Ok(UserInfoAnswer::Claims(claims))
        }
        Err(UserInfoFault::NotTaken) => Ok(UserInfoAnswer::Nothing { soon: false }),
        Err(UserInfoFault::Refused(fault)) => Err(fault),
        Err(UserInfoFault::Unusable(cause)) => {
            issuer.user_info().began(issuer.identifier(), &cause);
            Ok(UserInfoAnswer::Nothing { soon: false })
        }
        Err(UserInfoFault::Unavailable(fault)) => {
            issuer.user_info().began(issuer.identifier(), &fault.cause);
            let is_judged_by = |name: &String| claims.present(name).is_none();
            if relying_party.claims_of_rules.iter().any(is_judged_by) {
                return Err(fault.into());
            }
            Ok(UserInfoAnswer::Nothing { soon: true })
        }
    }
}

/// The answer of `endpoint`, of any status except those that indicate a fault of the provider.
pub(super) async fn ask(
    issuer: &Issuer,
    relying_party: &RelyingParty,
    endpoint: &Url,
    access_token: &SecretString,
) -> Result<Answer, UserInfoFault> {
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", access_token.expose_secret()))
        .map_err(|_| unusable("token: `access_token` cannot be sent"))?;
    bearer.set_sensitive(true);
    let endpoint = issuer.addresses().reached(endpoint);
    let request = issuer.client().get(&endpoint).header(header::AUTHORIZATION, bearer);
    let answer = issuer
        .client()
        .send(issuer.identifier(), Operation::UserInfo, request, relying_party.token_endpoint_auth_method.certificate())
        .await
        .map_err(|fault| UserInfoFault::Unavailable(issuer.unavailable(&fault)))?;
    if answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS {
        let cause = format_args!("userinfo: status {}", answer.status.as_u16()).to_string();
        return Err(UserInfoFault::Unavailable(issuer.unavailable(&cause)));
    }
    Ok(answer)
}

/// Parses the claims of an answer.
pub(super) async fn read(
    issuer: &Issuer,
    known: &DiscoveredProvider,
    relying_party: &RelyingParty,
    answer: &Answer,
) -> Result<Map<String, Value>, UserInfoFault> {
    match answer.status {
        StatusCode::OK if answer.content_type.as_deref() == Some("application/jwt") => {
            signed(issuer, known, relying_party, answer).await
        }
        StatusCode::OK => {
            json::object(&answer.body).ok_or_else(|| unusable("userinfo: not a JSON object without repeated members"))
        }
        status => Err(unusable(&format!("userinfo: status {}", status.as_u16()))),
    }
}

/// A signed answer, verified with a key of the provider. Issuer and audience may be absent (section 5.3.2: SHOULD), but must be
/// correct if present. Other kinds of tokens are refused: an ID Token has a `nonce`, a logout token has `events` (JW-4).
async fn signed(
    issuer: &Issuer,
    known: &DiscoveredProvider,
    relying_party: &RelyingParty,
    answer: &Answer,
) -> Result<Map<String, Value>, UserInfoFault> {
    let raw = std::str::from_utf8(&answer.body).map_err(|_| TokenFault::Malformed)?;
    let token = issuer.verify(known, &raw.into(), Purpose::UserInfo(relying_party)).await?;
    let members = token.into_user_info()?;
    if json::optional(&members, "iss").is_some() {
        TrustedIssuer::from(relying_party).check(&members)?;
    }
    let ours = |value: &Value| value.as_str() == Some(relying_party.client_id.as_str());
    let for_us = match json::optional(&members, "aud") {
        Some(Value::Array(list)) => list.iter().any(ours),
        Some(one) => ours(one),
        None => true,
    };
    if !for_us {
        let (aud, client_id) = (ShownList(members.get("aud")), &relying_party.client_id);
        let words = format_args!("that of the UserInfo answer is {aud}, `client_id` {client_id:?}");
        return Err(TokenFault::Audience(Operands::new(words)).into());
    }
    if members.contains_key("nonce") || members.contains_key("events") {
        return Err(UserInfoFault::Refused(malformed("userinfo: another kind of token")));
    }
    Ok(members)
}

fn unusable(cause: &str) -> UserInfoFault {
    UserInfoFault::Unusable(cause.to_owned())
}
