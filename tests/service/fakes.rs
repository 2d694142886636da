//! A store whose behaviour a test selects, and a provider that only has the address of its sign-in page.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use gatepost::domain::application::Application;
use gatepost::domain::crypto::replay::ReplayKey;
use gatepost::domain::oidc::claims::Claims;
use gatepost::domain::oidc::credentials::{Credential, Refusal, VerifiedCredential};
use gatepost::domain::oidc::id_token::SignedIn;
use gatepost::domain::oidc::jwt::TokenFault;
use gatepost::domain::oidc::logout_token::VerifiedLogoutToken;
use gatepost::domain::oidc::relying_party::RelyingParty;
use gatepost::domain::oidc::sign_in::{MatchedCode, ProviderMetadata};
use gatepost::domain::oidc::user::{ProviderSession, User};
use gatepost::domain::session::{Refreshed, Session, SessionKey, SessionRecord};
use gatepost::domain::slug::Slug;
use gatepost::domain::time::Timestamp;
use gatepost::ports::{
    Clock, Consumption, CredentialFault, Cursor, Entropy, EntropyFault, ExchangeFault, IdentityProvider, Lease,
    LeaseHolder, ListedSession, LogoutTokenFault, ProviderSessionEnd, ProviderUnavailable, SessionPage, SessionStore,
    StoreFault, StoredSession,
};
use secrecy::SecretString;
use serde_json::json;
use tokio::sync::Semaphore;

/// The behaviour of loading a session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loading {
    /// There is no session.
    Nothing,
    /// It waits until the test lets it continue.
    Waits,
    /// It panics.
    Panics,
    /// Every session is alice's.
    Alice,
}

pub(crate) struct FakeStore {
    pub(crate) loading: Loading,
    pub(crate) loads: AtomicUsize,
    pub(crate) go_on: Semaphore,
}

impl FakeStore {
    pub(crate) fn new(loading: Loading) -> Arc<Self> {
        Arc::new(Self { loading, loads: AtomicUsize::new(0), go_on: Semaphore::new(0) })
    }
}

#[async_trait]
impl SessionStore for FakeStore {
    async fn load(&self, _: &SessionKey) -> Result<Option<StoredSession>, StoreFault> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        match self.loading {
            Loading::Nothing => Ok(None),
            Loading::Waits => {
                let _permit = self.go_on.acquire().await.map_err(|fault| StoreFault(fault.to_string()))?;
                Ok(None)
            }
            Loading::Panics => panic!("the test asked for it"),
            Loading::Alice => Ok(Some(StoredSession { session: Arc::new(alice()), last_seen: FixedClock.now() })),
        }
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

    async fn end_user(&self, _: &User) -> Result<Vec<Arc<Session>>, StoreFault> {
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

/// A session of the wiki; alice has no `email`.
fn alice() -> Session {
    let claims = json!({"preferred_username": "alice", "groups": ["admins", "staff"]});
    Session::restore(SessionRecord {
        user: User { issuer: "https://sso.example.com/".to_owned(), subject: "alice-id".to_owned() },
        application: Slug::parse("wiki").expect("is a slug"),
        claims: Claims::new(claims.as_object().cloned().unwrap_or_default()),
        id_token: Some("e30.e30.c2ln".into()),
        access_token: None,
        provider_session: None,
        renewal: None,
        generation: 0,
        created: FixedClock.now(),
        ends: Timestamp::from_unix(FixedClock.now().as_unix() + 600),
    })
}

pub(crate) struct FakeProvider;

#[async_trait]
impl IdentityProvider for FakeProvider {
    fn cached_metadata(&self, _: &RelyingParty) -> Option<Arc<ProviderMetadata>> {
        None
    }

    async fn metadata(&self, relying_party: &RelyingParty) -> Result<Arc<ProviderMetadata>, ProviderUnavailable> {
        Ok(Arc::new(ProviderMetadata {
            issuer: relying_party.issuer.clone(),
            authorization_endpoint: "https://sso.example.com/authorize".parse().expect("is a URL"),
            end_session_endpoint: None,
            jwks_uri: "https://sso.example.com/keys".parse().expect("is a URL"),
            authorization_response_iss_parameter_supported: false,
        }))
    }

    async fn exchange(&self, relying_party: &RelyingParty, _: MatchedCode) -> Result<SignedIn, ExchangeFault> {
        let cause = "not in this test".to_owned();
        Err(ProviderUnavailable { issuer: relying_party.issuer.clone(), cause }.into())
    }

    async fn refresh(&self, relying_party: &RelyingParty, _: &SessionRecord) -> Result<Refreshed, ExchangeFault> {
        let cause = "not in this test".to_owned();
        Err(ProviderUnavailable { issuer: relying_party.issuer.clone(), cause }.into())
    }

    async fn verify(&self, _: &Arc<Application>, _: &Credential) -> Result<Arc<VerifiedCredential>, CredentialFault> {
        Err(Refusal::Malformed.into())
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

pub(crate) struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(1_900_000_000)
    }
}

/// A counter; sufficient as randomness for tests.
pub(crate) struct Counting(pub(crate) AtomicUsize);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFault> {
        let number = self.0.fetch_add(1, Ordering::SeqCst).to_le_bytes();
        bytes.iter_mut().zip(number.iter().cycle()).for_each(|(byte, part)| *byte = *part);
        Ok(())
    }
}
