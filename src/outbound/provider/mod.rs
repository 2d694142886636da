//! OpenID Providers over HTTP: metadata and keys in memory, codes redeemed, ID Tokens verified, claims completed.
//! `oauth2` and `openidconnect` put requests together and read answers; rules about tokens stand in the domain, signatures in
//! `domain::oidc::jws`.

mod circuit_breaker;
mod credentials;
mod discovery;
mod http;
mod issuer;
mod key_fetch;
mod logout;
mod oauth;
mod provider_calls;
mod rate_limiter;
mod refresh;
mod revocation;
mod settings;
mod token;
mod user_info;
mod user_info_outage_log;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use self::credentials::{CredentialVerifier, VerificationRequest};
use self::discovery::ExpectedAlgorithm;
use self::http::{ProviderClient, names_this_machine};
use self::issuer::{DiscoveredProvider, Issuer};
use self::revocation::TokenRevocations;
use self::user_info::UserInfoAnswer;
use crate::domain::application::Application;
use crate::domain::oidc::credentials::{Credential, VerifiedCredential};
use crate::domain::oidc::id_token::{ExpectedIdToken, SignedIn, VerifiedIdToken};
use crate::domain::oidc::jws::{self, Purpose};
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

pub use settings::{ProviderSettings, StartFault};

/// All identity providers of one outpost.
pub struct OpenIdProviders {
    issuers: HashMap<String, Arc<Issuer>>,
    clock: Arc<dyn Clock>,
    deadline: Duration,
    renews: bool,
    verify: CredentialVerifier,
    revocations: TokenRevocations,
    /// One task per issuer; they are aborted when this value is dropped.
    _background: JoinSet<()>,
}

impl OpenIdProviders {
    /// Starts fetching metadata and keys for every issuer of `relying_parties`; must be called within a Tokio runtime.
    /// Providers may be down.
    ///
    /// # Errors
    /// See [`StartFault`].
    pub fn start<'a>(
        settings: &ProviderSettings,
        relying_parties: impl IntoIterator<Item = &'a RelyingParty>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StartFault> {
        let mut addresses = HashMap::new();
        let mut expected: HashMap<&str, Vec<ExpectedAlgorithm>> = HashMap::new();
        for relying_party in relying_parties {
            if jws::secret_is_too_short(relying_party) {
                return Err(StartFault::ShortSecret(relying_party.client_id.clone()));
            }
            addresses.insert(relying_party.issuer.as_str(), issuer_address(&relying_party.issuer)?);
            let expected = expected.entry(&relying_party.issuer).or_default();
            let one = ExpectedAlgorithm::from(relying_party);
            if !expected.contains(&one) {
                expected.push(one);
            }
        }
        let urls: Vec<Url> = addresses.values().cloned().collect();
        let client = Arc::new(ProviderClient::new(settings, &urls)?);
        let mut background = JoinSet::new();
        let mut issuers = HashMap::new();
        for (identifier, url) in addresses {
            let expected = expected.remove(identifier).unwrap_or_default();
            let issuer = Issuer::new(identifier, &url, Arc::clone(&client), expected);
            background.spawn(Arc::clone(&issuer).keep_fresh(settings.refresh_interval));
            issuers.insert(identifier.to_owned(), issuer);
        }
        Ok(Arc::new(Self {
            issuers,
            clock,
            deadline: settings.timeout,
            renews: settings.renews_sessions,
            verify: CredentialVerifier::default(),
            revocations: TokenRevocations::new(settings.timeout),
            _background: background,
        }))
    }

    fn issuer(&self, relying_party: &RelyingParty) -> Result<&Arc<Issuer>, ProviderUnavailable> {
        self.issuers.get(&relying_party.issuer).ok_or_else(|| ProviderUnavailable {
            issuer: relying_party.issuer.clone(),
            cause: "it is not among the issuers known at the start".to_owned(),
        })
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
        if let Some(refresh_token) = tokens.refresh_token.filter(|_| self.renews) {
            signed_in = signed_in.renewable(refresh_token, tokens.expires_in);
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
        let (endpoint, access_token) = (&known.discovered.user_info_endpoint, signed_in.access_token().cloned());
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
        let (issuer, deadline) = (self.issuer(relying_party)?, Instant::now() + self.deadline);
        let known = issuer.known().await?;
        let redeemed = timeout_at(deadline, self.redeem(issuer, &known, relying_party, &code)).await;
        let late = |_| Err(issuer.unavailable(&"the code was not redeemed in time").into());
        let signed_in = redeemed.unwrap_or_else(late).map_err(|fault| issuer.unavailable_without_keys(fault))?;
        let completed = Self::complete(issuer, &known, relying_party, signed_in, deadline).await;
        completed.map_err(|fault| issuer.unavailable_without_keys(fault))
    }

    async fn refresh(&self, relying_party: &RelyingParty, of: &SessionRecord) -> Result<Refreshed, ExchangeFault> {
        let issuer = self.issuer(relying_party)?;
        let renewed = refresh::refresh(issuer, relying_party, of, self.clock.as_ref(), self.deadline).await;
        renewed.map_err(|fault| issuer.unavailable_without_keys(fault))
    }

    async fn verify(
        &self,
        application: &Arc<Application>,
        credential: &Credential,
    ) -> Result<Arc<VerifiedCredential>, CredentialFault> {
        let case = VerificationRequest {
            issuer: Arc::clone(self.issuer(&application.relying_party)?),
            application: Arc::clone(application),
            credential: credential.clone(),
            clock: Arc::clone(&self.clock),
            deadline: self.deadline,
        };
        self.verify.verdict(case).await
    }

    async fn verify_logout_token(
        &self,
        relying_party: &RelyingParty,
        raw: &SecretString,
    ) -> Result<VerifiedLogoutToken, LogoutTokenFault> {
        let issuer = self.issuer(relying_party)?;
        match timeout(self.deadline, logout::verify(issuer, relying_party, raw, self.clock.now())).await {
            Ok(Err(LogoutTokenFault::Refused(fault @ TokenFault::KeysUnavailable))) => {
                Err(issuer.unavailable(&fault).into())
            }
            Ok(outcome) => outcome,
            Err(_) => Err(issuer.unavailable(&"the logout token was not verified in time").into()),
        }
    }

    fn revoke(&self, relying_party: &RelyingParty, refresh_token: &SecretString) {
        if let Ok(issuer) = self.issuer(relying_party) {
            self.revocations.begin(issuer, relying_party, refresh_token);
        }
    }

    async fn settled(&self) {
        self.revocations.settled().await;
    }
}

/// The address from which metadata of `issuer` is fetched (Discovery section 3: https, no query, no fragment).
fn issuer_address(issuer: &str) -> Result<Url, StartFault> {
    let fault = || StartFault::Issuer(issuer.to_owned());
    let url = Url::parse(issuer).map_err(|_| fault())?;
    let clean = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.has_host();
    let safe = url.scheme() == "https" || (url.scheme() == "http" && names_this_machine(&url));
    if clean && safe { Ok(url) } else { Err(fault()) }
}
