//! User name and app password, tried at the token endpoint as authentik has it: the client-credentials grant without a
//! client secret (RFC 6749 section 4.4), which brings an ID Token of the user.

use secrecy::{ExposeSecret as _, SecretString};
use url::form_urlencoded::Serializer;

use super::{Case, fault};
use crate::domain::credentials::{AppPassword, BasicRules, Refusal, VerifiedCredential};
use crate::domain::id_token::{Expected, SignedIn, VerifiedIdToken};
use crate::domain::jws::Purpose;
use crate::outbound::provider::http::Operation;
use crate::outbound::provider::issuer::Known;
use crate::outbound::provider::token::{self, Tokens};
use crate::ports::{CredentialFault, ExchangeFault};

impl Case {
    /// Signs the user in with the app password and completes the claims as a browser's sign-in does.
    pub(super) async fn signed_in(
        &self,
        app_password: &AppPassword,
        rules: &BasicRules,
    ) -> Result<VerifiedCredential, CredentialFault> {
        let known = self.issuer.known().await?;
        let tokens = self.grant(&known, app_password, rules).await?;
        let signed_in = self.check(&known, &tokens.id_token, tokens.access_token.as_ref()).await?;
        let Some(access_token) = tokens.access_token else { return Ok(VerifiedCredential::of_sign_in(signed_in)) };
        let told = self.user_info(&known, signed_in.claims(), &rules.scopes, &access_token).await?;
        let signed_in = match told {
            Some(claims) => signed_in.complete(claims).map_err(Refusal::Token)?,
            None => signed_in,
        };
        Ok(VerifiedCredential::of_sign_in(signed_in))
    }

    async fn grant(
        &self,
        known: &Known,
        app_password: &AppPassword,
        rules: &BasicRules,
    ) -> Result<Tokens, CredentialFault> {
        let scope = rules.scopes.join(" ");
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.application.relying_party.client_id),
            ("username", &app_password.user),
            ("password", app_password.password.expose_secret()),
            ("scope", &scope),
        ];
        let form = Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.issuer.client().post_form(&known.discovered.token_endpoint, form);
        let call = self.issuer.calls().app_password().map_err(|busy| self.unavailable(busy))?;
        let tokens = token::send(&self.issuer, Operation::AppPassword, request).await;
        // Whatever it answers, it is well: strangers could cause any refusal.
        if !matches!(tokens, Err(ExchangeFault::Unavailable(_))) {
            call.succeeded();
        }
        tokens.map_err(|fault| fault::of_exchange(fault, &self.issuer))
    }

    /// The ID Token in full. Nobody sent a nonce, so it must not have one: it would be another sign-in's.
    async fn check(
        &self,
        known: &Known,
        id_token: &SecretString,
        access_token: Option<&SecretString>,
    ) -> Result<SignedIn, CredentialFault> {
        let party = &self.application.relying_party;
        let signed = self.issuer.verify(known, id_token, Purpose::IdToken(party)).await.map_err(Refusal::Token)?;
        let expected = Expected {
            relying_party: party,
            nonce: None,
            access_token: access_token.map(SecretString::expose_secret),
            now: self.clock.now(),
        };
        let checked = VerifiedIdToken::check(signed, &expected).map_err(Refusal::Token)?;
        Ok(SignedIn::new(checked, access_token.cloned()))
    }
}
