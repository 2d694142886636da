//! One application that accepts credentials, its provider, and the client that presents them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gatepost::domain::application::Application;
use gatepost::domain::oidc::credentials::{
    AcceptedCredentials, AppPassword, BasicRules, BearerCheck, BearerRules, Credential, Refusal, VerifiedCredential,
};
use gatepost::ports::{CredentialFault, IdentityProvider as _};

use crate::op::Behaviour;
use crate::test_client::TestClient;

/// The result for a credential, in a form that tables can compare.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    Good,
    Refused(Refusal),
    Unavailable,
}

impl From<&Result<Arc<VerifiedCredential>, CredentialFault>> for Judged {
    fn from(result: &Result<Arc<VerifiedCredential>, CredentialFault>) -> Self {
        match result {
            Ok(_) => Self::Good,
            Err(CredentialFault::Refused(refusal)) => Self::Refused(refusal.clone()),
            Err(CredentialFault::Unavailable(_)) => Self::Unavailable,
        }
    }
}

/// The application whose provider `test_client` is; it accepts no credentials.
pub(crate) fn application(test_client: &TestClient) -> Application {
    Application {
        relying_party: test_client.relying_party.clone(),
        jwt_headers: true,
        ..gatepost::testing::application("https://wiki.example")
    }
}

pub(crate) struct Fixture {
    pub(crate) test_client: TestClient,
    pub(crate) application: Arc<Application>,
    tokens: AtomicUsize,
}

impl Fixture {
    pub(crate) async fn with(verify: BearerCheck, scopes: &[&str]) -> Self {
        let test_client = TestClient::new().await;
        let scopes = scopes.iter().map(ToString::to_string).collect();
        let credentials = AcceptedCredentials {
            bearer: Some(BearerRules { scopes, ..verify.into() }),
            basic: Some(BasicRules { scopes: test_client.relying_party.scopes.clone(), pass_on: false }),
            ..AcceptedCredentials::default()
        };
        let application = Application { credentials, ..application(&test_client) };
        Self { test_client, application: Arc::new(application), tokens: AtomicUsize::new(0) }
    }

    /// A number that is not used elsewhere, so that no verdict is cached for it.
    pub(crate) fn fresh(&self) -> usize {
        self.tokens.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) async fn show(&self, credential: &Credential) -> Result<Arc<VerifiedCredential>, CredentialFault> {
        let result = self.test_client.providers.verify(&self.application, credential).await;
        if let Err(fault) = &result {
            let text = format!("{fault} {fault:?}");
            assert!(!text.contains("access-") && !text.contains("good-"), "no secrets in faults: {text}");
        }
        result
    }

    pub(crate) async fn show_token(&self, token: &str) -> Result<Arc<VerifiedCredential>, CredentialFault> {
        self.show(&Credential::Token(token.into())).await
    }

    /// Presents a new opaque token.
    pub(crate) async fn show_opaque(&self) -> Result<Arc<VerifiedCredential>, CredentialFault> {
        self.show_token(&format!("access-{}", self.fresh())).await
    }

    /// Presents a new app password.
    pub(crate) async fn show_password(&self) -> Result<Arc<VerifiedCredential>, CredentialFault> {
        self.show(&password(&format!("good-{}", self.fresh()))).await
    }

    pub(crate) fn misbehave(&self, change: impl FnOnce(&mut Behaviour)) {
        self.test_client.op.reform();
        self.test_client.op.behave(change);
    }
}

pub(crate) fn password(password: &str) -> Credential {
    Credential::AppPassword(AppPassword { user: "alice".to_owned(), password: password.into() })
}
