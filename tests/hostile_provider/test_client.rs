//! One relying party, one hostile provider, and a browser between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use gatepost::domain::oidc::id_token::SignedIn;
use gatepost::domain::oidc::jwt::TokenFault;
use gatepost::domain::oidc::relying_party::RelyingParty;
use gatepost::domain::oidc::sign_in::{
    Attempt, AttemptId, Binding, Callback, MatchedCode, ProviderMetadata, ResponseFault, authorization_url,
};
use gatepost::domain::time::Timestamp;
use gatepost::outbound::provider::{OpenIdProviders, ProviderSettings};
use gatepost::ports::{Clock, ExchangeFault, IdentityProvider as _};
use gatepost::testing::{ManualClock, NOW, application, sealing_keys};

use crate::op::{Behaviour, CLIENT_ID, CLIENT_SECRET, HostileOp};

/// The outcome of a sign-in, in a form that tables can compare.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    SignedIn,
    Unavailable,
    Refused(String),
    Malformed,
    Untrustworthy(TokenFault),
}

impl From<&Result<SignedIn, ExchangeFault>> for Outcome {
    fn from(result: &Result<SignedIn, ExchangeFault>) -> Self {
        match result {
            Ok(_) => Self::SignedIn,
            Err(ExchangeFault::Unavailable(_)) => Self::Unavailable,
            Err(ExchangeFault::Refused(code)) => Self::Refused(code.clone()),
            Err(ExchangeFault::Malformed(_)) => Self::Malformed,
            Err(ExchangeFault::Untrustworthy(fault)) => Self::Untrustworthy(fault.clone()),
        }
    }
}

pub(crate) struct TestClient {
    pub(crate) op: HostileOp,
    pub(crate) providers: Arc<OpenIdProviders>,
    pub(crate) relying_party: RelyingParty,
    attempts: AtomicU8,
}

/// Short timeouts, so that tests do not wait long for a provider that never answers.
pub(crate) fn settings() -> ProviderSettings {
    ProviderSettings { timeout: Duration::from_secs(2), ..ProviderSettings::default() }
}

pub(crate) fn relying_party(issuer: &str) -> RelyingParty {
    RelyingParty {
        issuer: issuer.to_owned(),
        client_id: CLIENT_ID.to_owned(),
        client_secret: Some(CLIENT_SECRET.into()),
        scopes: ["openid", "profile", "email"].map(str::to_owned).to_vec(),
        ..application("https://wiki.example").relying_party
    }
}

impl TestClient {
    pub(crate) async fn new() -> Self {
        Self::with(settings(), |_| {}).await
    }

    /// A test client with another relying party and other settings.
    pub(crate) async fn with(settings: ProviderSettings, change: impl FnOnce(&mut RelyingParty)) -> Self {
        let clock = ManualClock::new();
        let op = HostileOp::start(clock.clone()).await;
        let mut relying_party = relying_party(op.issuer());
        change(&mut relying_party);
        let test_client = Self::around(op, relying_party, &settings, clock);
        test_client.ready().await;
        test_client
    }

    /// A test client for a provider that may not answer yet.
    pub(crate) fn around(
        op: HostileOp,
        relying_party: RelyingParty,
        settings: &ProviderSettings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let providers = OpenIdProviders::start(settings, [&relying_party], clock).unwrap();
        Self { op, providers, relying_party, attempts: AtomicU8::new(0) }
    }

    /// Waits until the provider's metadata is known.
    pub(crate) async fn ready(&self) -> Arc<ProviderMetadata> {
        let wait = async {
            loop {
                match self.providers.metadata(&self.relying_party).await {
                    Ok(metadata) => return metadata,
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("the provider becomes known")
    }

    /// A browser's way to the provider and back: a code that may be exchanged.
    pub(crate) async fn code(&self) -> Result<MatchedCode, ResponseFault> {
        let metadata = self.ready().await;
        let id = AttemptId::new([self.attempts.fetch_add(1, Ordering::Relaxed); 16]);
        let (binding, now) = (Binding::new([5; 32]), Timestamp::from_unix(NOW));
        let attempt = Attempt::begin(id, &binding, "/".to_owned(), 0, now, &sealing_keys(3));
        let to = authorization_url(&metadata, &self.relying_party, &attempt, &binding, "sealed", &[]);
        let back = self.op.authorize(&to);
        let callback = Callback::parse(back.query().unwrap()).unwrap();
        callback.into_code(&attempt.matching(Some(&binding), now).unwrap(), &metadata, (&self.relying_party).into())
    }

    /// A whole sign-in.
    pub(crate) async fn sign_in(&self) -> Result<SignedIn, ExchangeFault> {
        let code = self.code().await.expect("the provider sends a proper callback");
        self.providers.exchange(&self.relying_party, code).await
    }

    /// The outcome of a whole sign-in while the provider misbehaves.
    pub(crate) async fn outcome(&self, misbehave: impl FnOnce(&mut Behaviour)) -> Outcome {
        self.op.reform();
        self.op.behave(misbehave);
        let result = self.sign_in().await;
        if let Err(fault) = &result {
            let text = format!("{fault} {fault:?}");
            assert!(!text.contains(CLIENT_SECRET) && !text.contains("c0de "), "no secrets in faults: {text}");
        }
        Outcome::from(&result)
    }

    /// The number of requests that the provider received under paths that end with `suffix`.
    pub(crate) fn asked(&self, suffix: &str) -> usize {
        self.op.recorded(suffix).len()
    }
}

/// A misbehaviour and its required outcome.
pub(crate) type Row = (&'static str, fn(&mut Behaviour), Outcome);

/// Checks each row in turn with `test_client`.
pub(crate) async fn check(test_client: &TestClient, rows: Vec<Row>) {
    for (name, misbehave, expected) in rows {
        assert_eq!(test_client.outcome(misbehave).await, expected, "{name}");
    }
    assert_eq!(test_client.outcome(|_| {}).await, Outcome::SignedIn, "and properly again");
}
