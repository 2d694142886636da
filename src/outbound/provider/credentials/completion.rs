//! Completes the claims that a credential omits, with the token that it is or that it yielded.

use http::StatusCode;
use secrecy::SecretString;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::fault;
use super::request::VerificationRequest;
use crate::domain::oidc::claims::Claims;
use crate::outbound::provider::issuer::DiscoveredProvider;
use crate::outbound::provider::user_info::{self, UserInfoAnswer, UserInfoFault};
use crate::ports::CredentialFault;

/// The claims that `UserInfo` returns beyond `claims`; `None` when none is missing, when it does not accept this token, or
/// when it returns nothing and the rules do not need it.
pub(super) async fn user_info(
    request: &VerificationRequest,
    known: &DiscoveredProvider,
    claims: &Claims,
    scopes: &[String],
    token: &SecretString,
) -> Result<Option<Map<String, Value>>, CredentialFault> {
    let party = &request.application.relying_party;
    let Some(endpoint) = known.discovered.user_info_endpoint(party) else { return Ok(None) };
    if !user_info::is_needed(claims, party, scopes, &known.discovered) {
        return Ok(None);
    }
    let asked = async {
        let call = request.issuer.calls().user_info();
        let call = call.map_err(|busy| UserInfoFault::Unavailable(request.unavailable(busy)))?;
        let answer = user_info::ask(&request.issuer, party, endpoint, token).await?;
        call.succeeded();
        if matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(UserInfoFault::NotTaken);
        }
        user_info::read(&request.issuer, known, party, &answer).await
    };
    // Half of the deadline, so that time remains to continue without it.
    match user_info::reported(&request.issuer, party, claims, asked, Instant::now() + request.deadline / 2).await {
        Ok(UserInfoAnswer::Claims(claims)) => Ok(Some(claims)),
        Ok(UserInfoAnswer::Nothing { .. }) => Ok(None),
        Err(fault) => Err(fault::of_exchange(fault, &request.issuer)),
    }
}
