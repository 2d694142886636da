//! A fake identity provider: it signs in the user that a test names, with tokens that pass every check.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use url::Url;

use crate::domain::application::Application;
use crate::domain::oidc::credentials::{Credential, Refusal, TokenIssuer, VerifiedCredential};
use crate::domain::oidc::id_token::{ExpectedIdToken, SignedIn, VerifiedIdToken};
use crate::domain::oidc::jws::Purpose;
use crate::domain::oidc::jwt::TokenFault;
use crate::domain::oidc::logout_token::{self, VerifiedLogoutToken};
use crate::domain::oidc::relying_party::RelyingParty;
use crate::domain::oidc::sign_in::{MatchedCode, Nonce, ProviderMetadata};
use crate::domain::session::{Refreshed, SessionRecord};
use crate::ports::{
    Clock as _, CredentialFault, ExchangeFault, IdentityProvider, LogoutTokenFault, ProviderUnavailable,
};
use crate::testing::clock::ManualClock;
use crate::testing::refresh_tokens::RefreshTokens;
use crate::testing::signing;

/// A provider that accepts every code.
pub struct FakeProvider {
    /// It cannot be reached.
    pub down: AtomicBool,
    /// It returns the issuer with a code (RFC 9207).
    pub returns_issuer: AtomicBool,
    /// It has an end session endpoint.
    pub has_end_session: AtomicBool,
    /// It verifies credentials: the token and the app password `good` are valid, `slow` is not answered in time. Otherwise
    /// none is valid. Tokens of foreign issuers are checked by their own rules.
    pub verifies_credentials: AtomicBool,
    /// The user who signs in.
    pub user: Mutex<String>,
    /// The user's groups.
    pub groups: Mutex<Vec<String>>,
    /// Further claims of ID Tokens, an object.
    pub claims: Mutex<Value>,
    /// The provider session id, where it issues one.
    pub sid: Mutex<Option<String>>,
    /// The lifetime of ID Tokens in seconds.
    pub id_token_lifetime: AtomicU64,
    /// The result of the next exchange, if it fails.
    pub exchange_fault: Mutex<Option<ExchangeFault>>,
    /// Its refresh tokens.
    pub refresh_tokens: RefreshTokens,
    /// How many calls waited for its metadata.
    pub metadata_calls: AtomicUsize,
    /// How many codes it exchanged.
    pub exchanges: AtomicUsize,
    /// How many credentials it verified.
    pub verifications: AtomicUsize,
    /// The client and the token of each revocation.
    pub revoked: Mutex<Vec<(String, String)>>,
    clock: Arc<ManualClock>,
}

impl FakeProvider {
    /// A provider at which alice signs in.
    pub fn new(clock: Arc<ManualClock>) -> Self {
        Self {
            down: AtomicBool::new(false),
            returns_issuer: AtomicBool::new(false),
            has_end_session: AtomicBool::new(true),
            verifies_credentials: AtomicBool::new(false),
            user: Mutex::new("alice".into()),
            groups: Mutex::default(),
            claims: Mutex::new(json!({})),
            sid: Mutex::default(),
            id_token_lifetime: AtomicU64::new(7200),
            exchange_fault: Mutex::default(),
            refresh_tokens: RefreshTokens::default(),
            metadata_calls: AtomicUsize::default(),
            exchanges: AtomicUsize::default(),
            verifications: AtomicUsize::default(),
            revoked: Mutex::default(),
            clock,
        }
    }

    fn reached(&self, relying_party: &RelyingParty) -> Result<(), ProviderUnavailable> {
        let down = self.down.load(Ordering::Relaxed);
        if down { Err(unavailable(relying_party, "as the test wants it")) } else { Ok(()) }
    }

    fn sign_in(&self, party: &RelyingParty, user: &str, nonce: Option<&Nonce>) -> Result<SignedIn, TokenFault> {
        let signed = signing::verified(&self.id_token(party, user, nonce), Purpose::IdToken(party))?;
        Ok(SignedIn::new(VerifiedIdToken::check(signed, &self.expected(party, nonce))?, None))
    }

    fn id_token(&self, party: &RelyingParty, user: &str, nonce: Option<&Nonce>) -> String {
        let now = self.clock.now();
        let lifetime = Duration::from_secs(self.id_token_lifetime.load(Ordering::Relaxed));
        let mut payload = json!({
            "iss": party.issuer, "aud": party.client_id, "sub": format!("sub-{user}"),
            "iat": now.as_unix(), "exp": now.plus(lifetime).as_unix(), "preferred_username": user,
            "groups": *self.groups.lock().unwrap(),
        });
        for (name, value) in self.claims.lock().unwrap().as_object().unwrap() {
            payload[name] = value.clone();
        }
        if let Some(sid) = &*self.sid.lock().unwrap() {
            payload["sid"] = sid.as_str().into();
        }
        if let Some(nonce) = nonce {
            payload["nonce"] = nonce.expose().into();
        }
        signing::token(r#"{"alg":"RS256"}"#, &payload.to_string())
    }

    fn expected<'a>(&self, relying_party: &'a RelyingParty, nonce: Option<&'a Nonce>) -> ExpectedIdToken<'a> {
        ExpectedIdToken { relying_party, nonce, access_token: None, now: self.clock.now() }
    }
}

fn unavailable(relying_party: &RelyingParty, cause: &str) -> ProviderUnavailable {
    ProviderUnavailable { issuer: relying_party.issuer.clone(), cause: cause.to_owned() }
}

#[async_trait]
impl IdentityProvider for FakeProvider {
    fn cached_metadata(&self, _: &RelyingParty) -> Option<Arc<ProviderMetadata>> {
        None
    }

    async fn metadata(&self, relying_party: &RelyingParty) -> Result<Arc<ProviderMetadata>, ProviderUnavailable> {
        self.metadata_calls.fetch_add(1, Ordering::Relaxed);
        self.reached(relying_party)?;
        let url = |path: &str| Url::parse(&format!("{}{path}", relying_party.issuer)).unwrap();
        Ok(Arc::new(ProviderMetadata {
            issuer: relying_party.issuer.clone(),
            authorization_endpoint: url("authorize"),
            end_session_endpoint: self.has_end_session.load(Ordering::Relaxed).then(|| url("end")),
            jwks_uri: url("jwks"),
            authorization_response_iss_parameter_supported: self.returns_issuer.load(Ordering::Relaxed),
        }))
    }

    async fn exchange(&self, relying_party: &RelyingParty, code: MatchedCode) -> Result<SignedIn, ExchangeFault> {
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        if let Some(fault) = self.exchange_fault.lock().unwrap().take() {
            return Err(fault);
        }
        let user = self.user.lock().unwrap().clone();
        let signed_in = self.sign_in(relying_party, &user, Some(code.nonce()))?;
        if !self.refresh_tokens.enabled.load(Ordering::Relaxed) {
            return Ok(signed_in);
        }
        Ok(signed_in.refreshable(self.refresh_tokens.issue(), Some(self.refresh_tokens.expires_in())))
    }

    async fn refresh(&self, relying_party: &RelyingParty, of: &SessionRecord) -> Result<Refreshed, ExchangeFault> {
        let refresh_token = self.refresh_tokens.redeem(of).await?;
        let user = self.user.lock().unwrap().clone();
        let raw = self.id_token(relying_party, &user, None);
        let signed = signing::verified(&raw, Purpose::IdToken(relying_party))?;
        let expected = self.expected(relying_party, None);
        let token = VerifiedIdToken::check_refreshed(signed, &expected, of.claims.text("nonce"))?;
        Ok(Refreshed::new(None, Some(refresh_token), Some(self.refresh_tokens.expires_in()))
            .with_id_token(token, of)?)
    }

    async fn verify(
        &self,
        application: &Arc<Application>,
        credential: &Credential,
    ) -> Result<Arc<VerifiedCredential>, CredentialFault> {
        self.verifications.fetch_add(1, Ordering::Relaxed);
        if let (TokenIssuer::Foreign(foreign), Credential::Token(token)) =
            (application.issuer_of(credential).unwrap_or(TokenIssuer::Provider), credential)
        {
            let signed = signing::verified(token.expose_secret(), foreign.rules.purpose()).map_err(Refusal::Token)?;
            return Ok(Arc::new(foreign.check(signed, self.clock.now())?));
        }
        let (user, secret) = match credential {
            Credential::Token(token) => ("robot", token.expose_secret()),
            Credential::AppPassword(app_password) => {
                (app_password.user.as_str(), app_password.password.expose_secret())
            }
        };
        match secret {
            _ if !self.verifies_credentials.load(Ordering::Relaxed) => Err(Refusal::Inactive.into()),
            "good" => {
                let signed_in = self.sign_in(&application.relying_party, user, None).map_err(Refusal::Token)?;
                Ok(Arc::new(VerifiedCredential::of_sign_in(signed_in)))
            }
            "slow" => Err(unavailable(&application.relying_party, "too slow").into()),
            _ => Err(Refusal::Inactive.into()),
        }
    }

    async fn verify_logout_token(
        &self,
        relying_party: &RelyingParty,
        raw: &SecretString,
    ) -> Result<VerifiedLogoutToken, LogoutTokenFault> {
        self.reached(relying_party)?;
        let signed = signing::verified(raw.expose_secret(), Purpose::LogoutToken(relying_party))?;
        let expected = logout_token::ExpectedLogoutToken { relying_party, now: self.clock.now() };
        Ok(VerifiedLogoutToken::check(signed, &expected)?)
    }

    fn revoke(&self, relying_party: &RelyingParty, refresh_token: &SecretString) {
        let token = refresh_token.expose_secret().to_owned();
        self.revoked.lock().unwrap().push((relying_party.client_id.clone(), token));
    }

    async fn settled(&self) {}
}
