//! Claims that a credential leaves out, asked for with the token that it is or brought.

use http::StatusCode;
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::{Case, fault};
use crate::domain::claims::Claims;
use crate::outbound::provider::issuer::Known;
use crate::outbound::provider::user_info;
use crate::ports::CredentialFault;

impl Case {
    /// What `UserInfo` says beyond `claims`; `None` when nothing is missing, or when it does not take this token.
    pub(super) async fn user_info(
        &self,
        known: &Known,
        claims: &Claims,
        scopes: &[String],
        token: &SecretString,
    ) -> Result<Option<Map<String, Value>>, CredentialFault> {
        let Some(endpoint) = &known.discovered.user_info_endpoint else { return Ok(None) };
        let party = &self.application.relying_party;
        if !user_info::is_needed(claims, party, scopes, &known.discovered) {
            return Ok(None);
        }
        let of_exchange = |fault| fault::of_exchange(fault, &self.issuer);
        let call = self.issuer.calls().user_info().map_err(|busy| self.unavailable(busy))?;
        let answer = user_info::ask(&self.issuer, endpoint, token).await.map_err(of_exchange)?;
        call.succeeded();
        if matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Ok(None);
        }
        user_info::read(&self.issuer, known, party, &answer).await.map(Some).map_err(of_exchange)
    }
}
