//! OpenID Providers over HTTP: metadata and keys in memory, codes redeemed, ID Tokens verified, claims completed.
//! `oauth2` and `openidconnect` put requests together and read answers; rules about tokens stand in the domain, signatures in
//! `domain::oidc::jws`.

mod addresses;
mod circuit_breaker;
mod client_assertion;
mod client_certificate;
mod client_credential;
mod credentials;
mod discovery;
mod fetch_limit;
mod http;
mod inspection;
mod issuer;
mod issuers;
mod key_fetch;
mod keys_metadata;
mod logout;
mod metadata;
mod named_issuer;
mod oauth;
mod provider_calls;
mod proxy;
mod refresh;
mod revocation;
mod settings;
mod token;
mod user_info;
mod user_info_outage_log;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, timeout, timeout_at};

use self::credentials::{CredentialVerifier, VerificationRequest};
use self::issuer::{DiscoveredProvider, Issuer};
use self::issuers::Issuers;
use self::revocation::TokenRevocations;
use self::user_info::UserInfoAnswer;
use crate::domain::application::Application;
use crate::domain::oidc::credentials::{Credential, VerifiedCredential};
use crate::domain::oidc::id_token::{ExpectedIdToken, SignedIn, VerifiedIdToken};
use crate::domain::oidc::jws::Purpose;
use crate::domain::oidc::jwt::TokenFault;
use crate::domain::oidc::logout_token::VerifiedLogoutToken;
use crate::domain::oidc::relying_party::RelyingParty;
use crate::domain::oidc::sign_in::{MatchedCode, ProviderMetadata};
use crate::domain::session::{Refreshed, SessionRecord};
use crate::ports::{Clock, CredentialFault, ExchangeFault, IdentityProvider, LogoutTokenFault, ProviderUnavailable};

impl StartFault {
    fn client(error: &reqwest::Error) -> Self {
        let source = std::error::Error::source(error).map(ToString::to_string);
        Self::Client(source.unwrap_or_else(|| error.to_string()))
    }
}

pub use client_assertion::{KeyFault, check_assertion_key};
pub use client_certificate::{CertificateFault, check_client_certificate};
pub use inspection::{AnnouncedMetadata, InspectedIssuer, inspect_foreign_issuer};
pub use named_issuer::NamedIssuer;
pub use proxy::ProviderProxy;
pub use settings::{ProviderSettings, StartFault};

/// All identity providers of one outpost.
pub struct OpenIdProviders {
    issuers: ArcSwap<Issuers>,
    /// Held while the issuers are replaced.
    update: Mutex<()>,
    clock: Arc<dyn Clock>,
    verify: CredentialVerifier,
    revocations: TokenRevocations,
}

impl OpenIdProviders {
    /// Starts fetching metadata and keys for each of these issuers; must be called within a Tokio runtime. Providers may be
    /// down.
    ///
    /// # Errors
    /// See [`StartFault`].
    pub fn start<'a>(
        settings: &ProviderSettings,
        issuers: impl IntoIterator<Item = impl Into<NamedIssuer<'a>>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StartFault> {
        Ok(Arc::new(Self {
            issuers: ArcSwap::from_pointee(Issuers::new(settings, issuers, &clock, None)?),
            update: Mutex::new(()),
            clock,
            verify: CredentialVerifier::default(),
            revocations: TokenRevocations::new(settings.timeout),
        }))
    }

    /// Replaces settings and issuers; must be called within a Tokio runtime. Issuers that stay keep their metadata
    /// and keys; an issuer that is not named any more still serves the requests that are under way. After a fault nothing
    /// has changed.
    ///
    /// # Errors
    /// See [`StartFault`].
    pub fn update<'a>(
        &self,
        settings: &ProviderSettings,
        issuers: impl IntoIterator<Item = impl Into<NamedIssuer<'a>>>,
    ) -> Result<(), StartFault> {
        let _exclusive = self.update.lock().unwrap_or_else(PoisonError::into_inner);
        let issuers = Issuers::new(settings, issuers, &self.clock, Some(&self.issuers.load()))?;
        self.issuers.store(Arc::new(issuers));
        Ok(())
    }

    fn issuer(&self, relying_party: &RelyingParty) -> Result<Arc<Issuer>, ProviderUnavailable> {
        self.issuers.load().provider(&relying_party.issuer).cloned().ok_or_else(|| ProviderUnavailable {
            issuer: relying_party.issuer.clone(),
            cause: "no application names it".to_owned(),
        })
    }

    fn deadline(&self) -> Duration {
        self.issuers.load().settings.timeout
    }

    async fn redeem(
        &self,
        issuer: &Issuer,
        known: &DiscoveredProvider,
        relying_party: &RelyingParty,
        code: &MatchedCode,
    ) -> Result<SignedIn, ExchangeFault> {
        let tokens = token::redeem(issuer, &known.discovered, relying_party, code).await?;
        let signed = issuer.verify(known, &tokens.id_token, Purpose::IdToken(relying_party)).await?;
        let access_token = tokens.access_token.as_ref().map(SecretString::expose_secret);
        let expected =
            ExpectedIdToken { relying_party, nonce: Some(code.nonce()), access_token, now: self.clock.now() };
        let id_token = VerifiedIdToken::check(signed, &expected)?;
        let mut signed_in = SignedIn::new(id_token, tokens.access_token.clone());
        if let Some(refresh_token) = tokens.refresh_token.filter(|_| self.issuers.load().settings.refreshes_sessions) {
            signed_in = signed_in.refreshable(refresh_token, tokens.expires_in);
        }
        Ok(signed_in)
    }

    /// Adds the claims that the ID Token omits, as far as UserInfo returns them by `deadline`.
    async fn complete(
        issuer: &Issuer,
        known: &DiscoveredProvider,
        relying_party: &RelyingParty,
        signed_in: SignedIn,
        deadline: Instant,
    ) -> Result<SignedIn, ExchangeFault> {
        let endpoint = known.discovered.user_info_endpoint(relying_party);
        let access_token = signed_in.access_token().cloned();
        let (Some(endpoint), Some(access_token)) = (endpoint, access_token) else { return Ok(signed_in) };
        let claims = signed_in.claims();
        if !user_info::is_needed(claims, relying_party, &relying_party.scopes, &known.discovered) {
            return Ok(signed_in);
        }
        let asked = user_info::fetch(issuer, known, relying_party, endpoint, &access_token);
        match user_info::reported(issuer, relying_party, claims, asked, deadline).await? {
            UserInfoAnswer::Claims(claims) => Ok(signed_in.complete(claims)?),
            UserInfoAnswer::Nothing { soon: true } => Ok(signed_in.cut_short()),
            UserInfoAnswer::Nothing { soon: false } => Ok(signed_in),
        }
    }
}

#[async_trait]
impl IdentityProvider for OpenIdProviders {
    fn cached_metadata(&self, relying_party: &RelyingParty) -> Option<Arc<ProviderMetadata>> {
        let known = self.issuer(relying_party).ok()?.current()?;
        Some(Arc::clone(&known.discovered.metadata))
    }

    async fn metadata(&self, relying_party: &RelyingParty) -> Result<Arc<ProviderMetadata>, ProviderUnavailable> {
        let known = self.issuer(relying_party)?.known().await?;
        Ok(Arc::clone(&known.discovered.metadata))
    }

    async fn exchange(&self, relying_party: &RelyingParty, code: MatchedCode) -> Result<SignedIn, ExchangeFault> {
        let (issuer, deadline) = (self.issuer(relying_party)?, Instant::now() + self.deadline());
        let known = issuer.known().await?;
        let redeemed = timeout_at(deadline, self.redeem(&issuer, &known, relying_party, &code)).await;
        let late = |_| Err(issuer.unavailable(&"the code was not redeemed in time").into());
        let signed_in = redeemed.unwrap_or_else(late).map_err(|fault| issuer.unavailable_without_keys(fault))?;
        let completed = Self::complete(&issuer, &known, relying_party, signed_in, deadline).await;
        completed.map_err(|fault| issuer.unavailable_without_keys(fault))
    }

    async fn refresh(&self, relying_party: &RelyingParty, of: &SessionRecord) -> Result<Refreshed, ExchangeFault> {
        let issuer = self.issuer(relying_party)?;
        let refreshed = refresh::refresh(&issuer, relying_party, of, self.clock.as_ref(), self.deadline()).await;
        refreshed.map_err(|fault| issuer.unavailable_without_keys(fault))
    }

    async fn verify(
        &self,
        application: &Arc<Application>,
        credential: &Credential,
    ) -> Result<Arc<VerifiedCredential>, CredentialFault> {
        let case = VerificationRequest {
            issuer: self.issuer(&application.relying_party)?,
            issuers: self.issuers.load_full(),
            application: Arc::clone(application),
            credential: credential.clone(),
            clock: Arc::clone(&self.clock),
            deadline: self.deadline(),
        };
        self.verify.verdict(case).await
    }

    async fn verify_logout_token(
        &self,
        relying_party: &RelyingParty,
        raw: &SecretString,
    ) -> Result<VerifiedLogoutToken, LogoutTokenFault> {
        let issuer = self.issuer(relying_party)?;
        match timeout(self.deadline(), logout::verify(&issuer, relying_party, raw, self.clock.now())).await {
            Ok(Err(LogoutTokenFault::Refused(fault @ TokenFault::KeysUnavailable))) => {
                Err(issuer.unavailable(&fault).into())
            }
            Ok(outcome) => outcome,
            Err(_) => Err(issuer.unavailable(&"the logout token was not verified in time").into()),
        }
    }

    fn revoke(&self, relying_party: &RelyingParty, refresh_token: &SecretString) {
        if let Ok(issuer) = self.issuer(relying_party) {
            self.revocations.begin(&issuer, relying_party, refresh_token);
        }
    }

    async fn settled(&self) {
        self.revocations.settled().await;
    }
}
