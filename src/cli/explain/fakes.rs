//! Stand-ins for the outpost's ports: at most one session, a clock that stands still, and a provider that is never called.
//! Its keys and random bits are constants, so nothing that it seals is usable.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

use crate::domain::application::registry::Applications;
use crate::domain::application::{Application, cookies};
use crate::domain::crypto::replay::ReplayKey;
use crate::domain::crypto::sealing::{SealingKey, SealingKeys};
use crate::domain::oidc::claims::Claims;
use crate::domain::oidc::credentials::{Credential, Refusal, VerifiedCredential};
use crate::domain::oidc::id_token::SignedIn;
use crate::domain::oidc::issuer::TrustedIssuer;
use crate::domain::oidc::jwt::TokenFault;
use crate::domain::oidc::logout_token::VerifiedLogoutToken;
use crate::domain::oidc::relying_party::RelyingParty;
use crate::domain::oidc::sign_in::{MatchedCode, ProviderMetadata};
use crate::domain::oidc::user::{ProviderSession, User};
use crate::domain::session::{Lifetimes, Refreshed, Session, SessionId, SessionKey, SessionRecord};
use crate::domain::time::Timestamp;
use crate::outpost::Parts;
use crate::ports::{
    Clock, Consumption, CredentialFault, Cursor, EndedSession, Entropy, EntropyFault, ExchangeFault, IdentityProvider,
    Lease, LeaseHolder, ListedSession, LogoutTokenFault, ProviderSessionEnd, ProviderUnavailable, SessionPage,
    SessionStore, StoreFault, StoredSession,
};

/// The prefix of every address at the provider; the real addresses are only in the provider's metadata.
pub(super) const PROVIDER: &str = "https://provider.invalid/";

const HOUR: Duration = Duration::from_secs(60 * 60);

/// The sealing keys, which are constants.
pub(super) fn keys() -> SealingKeys {
    SealingKeys::new(SealingKey::new([0; 32]), Vec::new())
}

/// The signed-in user: the session, and the cookie that names it.
pub(super) struct Visitor {
    pub(super) cookie: String,
    key: SessionKey,
    stored: StoredSession,
}

impl Visitor {
    pub(super) fn new(claims: Claims, application: &Application, now: Timestamp) -> Self {
        let id = SessionId::new([0; 32]);
        let cookie = cookies::set_session(application, &id, HOUR);
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let sent_tokens = application.sent_tokens();
        let session = Session::restore(SessionRecord {
            user: User {
                issuer: TrustedIssuer::from(&application.relying_party).all().next().unwrap_or_default(),
                subject: claims.text("sub").unwrap_or_default().to_owned(),
            },
            application: application.slug.clone(),
            client_id: application.relying_party.client_id.clone(),
            claims,
            id_token: Some("<the ID Token>".into()),
            access_token: sent_tokens.access_token.then(|| "<the access token>".into()),
            sent_id_token: sent_tokens.id_token.then(|| "<the ID Token>".into()),
            provider_session: None,
            refresh: None,
            step_up: None,
            generation: 0,
            created: now,
            created_millis: 0,
            ends: now.plus(HOUR),
        });
        Self { cookie, key: id.key(), stored: StoredSession { session: Arc::new(session), last_seen: now } }
    }
}

/// The parts of an outpost that can decide requests but has no side effects.
pub(super) fn parts(applications: &Applications, name: &str, visitor: Option<Visitor>, now: Timestamp) -> Parts {
    Parts {
        applications: applications.clone().into(),
        name: name.into(),
        lifetimes: Lifetimes { absolute: HOUR, idle: HOUR },
        sealing: keys(),
        store: Arc::new(OneSession(visitor)),
        provider: Arc::new(Uncalled),
        clock: Arc::new(StoppedClock(now)),
        entropy: Arc::new(Zeros),
        audit: crate::ports::Audit::default(),
    }
}

struct OneSession(Option<Visitor>);

#[async_trait]
impl SessionStore for OneSession {
    async fn load(&self, key: &SessionKey) -> Result<Option<StoredSession>, StoreFault> {
        Ok(self.0.as_ref().filter(|visitor| visitor.key == *key).map(|visitor| visitor.stored.clone()))
    }

    async fn save(&self, _: &SessionKey, _: Session) -> Result<(), StoreFault> {
        Ok(())
    }

    async fn replace(&self, _: &SessionKey, _: Session) -> Result<bool, StoreFault> {
        Ok(false)
    }

    async fn touch(&self, _: &SessionKey, _: Timestamp) -> Result<(), StoreFault> {
        Ok(())
    }

    async fn end(&self, _: &SessionKey) -> Result<Option<Arc<Session>>, StoreFault> {
        Ok(None)
    }

    async fn end_user(&self, _: &User) -> Result<Vec<EndedSession>, StoreFault> {
        Ok(Vec::new())
    }

    async fn end_provider_session(
        &self,
        _: &ProviderSession,
        _: Option<&User>,
    ) -> Result<ProviderSessionEnd, StoreFault> {
        Ok(ProviderSessionEnd::Ended(Vec::new()))
    }

    async fn is_consumed(&self, _: &ReplayKey) -> Result<bool, StoreFault> {
        Ok(false)
    }

    async fn consume_once(&self, _: &ReplayKey, _: Timestamp) -> Result<Consumption, StoreFault> {
        Ok(Consumption::First)
    }

    async fn lease(&self, _: &SessionKey, _: &LeaseHolder, _: Duration) -> Result<Lease, StoreFault> {
        Ok(Lease::Taken)
    }

    async fn release(&self, _: &SessionKey, _: &LeaseHolder) -> Result<(), StoreFault> {
        Ok(())
    }

    async fn expire(&self, _: Timestamp, _: Timestamp) -> Result<usize, StoreFault> {
        Ok(0)
    }

    async fn page(&self, _: &Cursor, _: usize) -> Result<SessionPage, StoreFault> {
        Ok(SessionPage::default())
    }

    async fn of_user(&self, _: &User) -> Result<Vec<ListedSession>, StoreFault> {
        Ok(Vec::new())
    }
}

struct Uncalled;

impl Uncalled {
    fn metadata_of(relying_party: &RelyingParty) -> Result<Arc<ProviderMetadata>, ProviderUnavailable> {
        let issuer = relying_party.issuer.clone();
        let url = |name: &str| Url::parse(&format!("{PROVIDER}{name}"));
        match (url("authorization_endpoint"), url("end_session_endpoint"), url("jwks_uri")) {
            (Ok(authorization_endpoint), Ok(end_session_endpoint), Ok(jwks_uri)) => Ok(Arc::new(ProviderMetadata {
                issuer,
                authorization_endpoint,
                end_session_endpoint: Some(end_session_endpoint),
                jwks_uri,
                authorization_response_iss_parameter_supported: false,
            })),
            _ => Err(ProviderUnavailable { issuer, cause: "it has no addresses".to_owned() }),
        }
    }
}

#[async_trait]
impl IdentityProvider for Uncalled {
    fn cached_metadata(&self, relying_party: &RelyingParty) -> Option<Arc<ProviderMetadata>> {
        Self::metadata_of(relying_party).ok()
    }

    async fn metadata(&self, relying_party: &RelyingParty) -> Result<Arc<ProviderMetadata>, ProviderUnavailable> {
        Self::metadata_of(relying_party)
    }

    async fn exchange(&self, relying_party: &RelyingParty, _: MatchedCode) -> Result<SignedIn, ExchangeFault> {
        let issuer = relying_party.issuer.clone();
        Err(ExchangeFault::Unavailable(ProviderUnavailable { issuer, cause: "no provider is called here".to_owned() }))
    }

    async fn refresh(&self, relying_party: &RelyingParty, _: &SessionRecord) -> Result<Refreshed, ExchangeFault> {
        let issuer = relying_party.issuer.clone();
        Err(ExchangeFault::Unavailable(ProviderUnavailable { issuer, cause: "no provider is called here".to_owned() }))
    }

    /// Credentials cannot be verified here; `--claims` shows the result of a valid one.
    async fn verify(&self, _: &Arc<Application>, _: &Credential) -> Result<Arc<VerifiedCredential>, CredentialFault> {
        Err(Refusal::Inactive.into())
    }

    async fn verify_logout_token(
        &self,
        _: &RelyingParty,
        _: &SecretString,
    ) -> Result<VerifiedLogoutToken, LogoutTokenFault> {
        Err(TokenFault::SIGNATURE.into())
    }

    fn revoke(&self, _: &RelyingParty, _: &SecretString) {}

    async fn settled(&self) {}
}

struct StoppedClock(Timestamp);

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

struct Zeros;

impl Entropy for Zeros {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFault> {
        bytes.fill(0);
        Ok(())
    }
}
