//! Bearer tokens: signed ones are verified here (RFC 9068), opaque ones by the provider (RFC 7662).

use http::StatusCode;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use super::{Case, fault};
use crate::domain::credentials::{
    AccessTokenRules, IntrospectionRules, Refusal, VerifiedCredential, access_token, introspection,
};
use crate::domain::json;
use crate::outbound::provider::http::{Answer, Operation};
use crate::outbound::provider::issuer::Known;
use crate::outbound::provider::token;
use crate::ports::CredentialFault;

impl Case {
    /// A signed access token. What it does not say about the user stays unsaid, so that it needs nobody's answer.
    pub(super) async fn signed(
        &self,
        token: &SecretString,
        rules: &AccessTokenRules,
        scopes: &[String],
    ) -> Result<VerifiedCredential, CredentialFault> {
        let known = self.issuer.known().await?;
        let signed = self.issuer.verify(&known, token, rules.purpose()).await.map_err(Refusal::Token)?;
        let expected =
            access_token::Expected { issuer: self.issuer.identifier(), rules, scopes, now: self.clock.now() };
        Ok(access_token::check(signed, &expected)?)
    }

    /// A token that the provider judges, and its user's claims.
    pub(super) async fn introspected(
        &self,
        token: &SecretString,
        rules: &IntrospectionRules,
        scopes: &[String],
    ) -> Result<VerifiedCredential, CredentialFault> {
        let known = self.issuer.known().await?;
        let members = self.introspect(&known, token).await?;
        let now = self.clock.now();
        let expected = introspection::Expected { issuer: self.issuer.identifier(), rules, scopes, now };
        let verified = introspection::check(members, token, &expected)?;
        let granted: Vec<String> = verified.scopes().map(str::to_owned).collect();
        if !granted.iter().any(|scope| scope == "openid") {
            return Ok(verified);
        }
        match self.user_info(&known, verified.claims(), &granted, token).await? {
            Some(claims) => Ok(verified.complete(claims)?),
            None => Ok(verified),
        }
    }

    async fn introspect(&self, known: &Known, token: &SecretString) -> Result<Map<String, Value>, CredentialFault> {
        let endpoint = known.discovered.introspection_endpoint.as_ref();
        let endpoint = endpoint.ok_or_else(|| self.unavailable("its metadata names no `introspection_endpoint`"))?;
        let fields = [("token", token.expose_secret()), ("token_type_hint", "access_token")];
        let request = token::authenticated(&self.issuer, endpoint, &self.application.relying_party, &fields);
        let request = request.map_err(|fault| fault::of_exchange(fault, &self.issuer))?;
        let call = self.issuer.calls().introspection().map_err(|busy| self.unavailable(busy))?;
        let answer = self.issuer.client().send(self.issuer.identifier(), Operation::Introspection, request).await;
        let answer = answer.map_err(|fault| self.issuer.unavailable(&fault))?;
        let members = self.read(&answer);
        if members.is_ok() || answer.status.is_client_error() && answer.status != StatusCode::TOO_MANY_REQUESTS {
            call.succeeded();
        }
        members
    }

    /// Only a clear word counts: anything else says nothing about the token (IN-3).
    fn read(&self, answer: &Answer) -> Result<Map<String, Value>, CredentialFault> {
        let members = json::object(&answer.body);
        match answer.status {
            StatusCode::OK => members
                .filter(introspection::is_answer)
                .ok_or_else(|| self.unavailable("introspection: not an object with a boolean `active`").into()),
            StatusCode::BAD_REQUEST if members.as_ref().is_some_and(blames_token) => Err(Refusal::NotTaken.into()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(self.unavailable("introspection: this client may not introspect").into())
            }
            status => Err(self.issuer.unavailable(&format_args!("introspection: status {}", status.as_u16())).into()),
        }
    }
}

/// Some providers answer with an error what cannot be a token of theirs (RFC 7009 section 2.2.1), although RFC 7662
/// section 2.2 knows no such error: a stranger's doing, and no outage.
fn blames_token(error: &Map<String, Value>) -> bool {
    matches!(error.get("error").and_then(Value::as_str), Some("unsupported_token_type" | "invalid_request"))
}
