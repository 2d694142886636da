//! An outpost made of its real parts; only the clock is a fake.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use gatepost::domain::application::registry::Applications;
use gatepost::domain::application::{Application, Mode};
use gatepost::domain::crypto::sealing::{SealingKey, SealingKeys};
use gatepost::domain::http::ExternalHost;
use gatepost::domain::oidc::algorithm::SigningAlgorithm;
use gatepost::domain::oidc::credentials::AcceptedCredentials;
use gatepost::domain::oidc::relying_party::{ClientAuthentication, RelyingParty};
use gatepost::domain::policy::identity_headers::HeaderPlan;
use gatepost::domain::policy::{AccessRules, UnauthenticatedPaths};
use gatepost::domain::session::Lifetimes;
use gatepost::domain::slug::Slug;
use gatepost::domain::time::Timestamp;
use gatepost::inbound::ext_authz::{CheckService, Deadlines};
use gatepost::outbound::provider::{OpenIdProviders, ProviderSettings};
use gatepost::outbound::store::{StoreSettings, open};
use gatepost::outpost::{Outpost, Parts};
use gatepost::ports::{Clock, Entropy, EntropyFault, SessionStore};
use gatepost::telemetry::DecisionRecorder;
use prost::Message as _;
use ring::rand::{SecureRandom as _, SystemRandom};
use url::Url;

use crate::browser::Answer;
use crate::op::{CLIENT_ID, CLIENT_SECRET, HostileOp};

/// A clock that stands still until it is moved.
pub(crate) struct ManualClock(AtomicU64);

impl ManualClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(1_900_000_000)))
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.0.load(Ordering::Relaxed))
    }
}

pub(crate) struct TestRng;

impl Entropy for TestRng {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFault> {
        SystemRandom::new().fill(bytes).map_err(|_| EntropyFault)
    }
}

/// The application `slug` at `https://{slug}.example.com`, a client of the provider at `issuer`.
pub(crate) fn application(slug: &str, issuer: &str) -> Application {
    let external = ExternalHost::parse(&format!("https://{slug}.example.com")).unwrap();
    let at = |path: &str| Url::parse(&external.join(&format!("/outpost.goauthentik.io/{path}"))).unwrap();
    Application {
        name: slug.to_owned(),
        slug: Slug::parse(slug).unwrap(),
        provider_name: slug.to_owned(),
        mode: Mode::ForwardSingle,
        relying_party: RelyingParty {
            issuer: issuer.to_owned(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: CLIENT_SECRET.into(),
            token_endpoint_auth_method: ClientAuthentication::ClientSecretBasic,
            id_token_signed_response_alg: SigningAlgorithm::RS256,
            scopes: ["openid", "profile", "email"].map(str::to_owned).to_vec(),
            claims: Vec::new(),
            claims_of_rules: Vec::new(),
            redirect_uri: at("callback?X-authentik-auth-callback=true"),
            post_logout_redirect_uri: at("sign_out"),
        },
        external,
        unauthenticated: UnauthenticatedPaths::default(),
        rules: AccessRules::default(),
        access_token_validity: None,
        jwt_headers: false,
        pass_preflight: false,
        credentials: AcceptedCredentials::default(),
        headers: HeaderPlan::default(),
    }
}

/// The store of the sessions, and its sealing keys.
pub(crate) struct Keeping {
    pub(crate) store: StoreSettings,
    pub(crate) keys: SealingKeys,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { store: StoreSettings::Memory, keys: SealingKeys::new(SealingKey::new([1; 32]), Vec::new()) }
    }
}

/// One outpost.
pub(crate) struct TestOutpost {
    service: CheckService,
    pub(crate) outpost: Arc<Outpost>,
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) clock: Arc<ManualClock>,
}

impl TestOutpost {
    /// An outpost that protects `applications`.
    pub(crate) fn new(applications: Vec<Application>, clock: &Arc<ManualClock>, keeping: &Keeping) -> Self {
        let settings = ProviderSettings { timeout: Duration::from_secs(20), ..ProviderSettings::default() };
        let parties: Vec<_> = applications.iter().map(|application| application.relying_party.clone()).collect();
        let recorder = DecisionRecorder::new(applications.iter().map(|application| application.slug.as_str()));
        let lifetimes = Lifetimes { absolute: Duration::from_secs(86_400), idle: Duration::from_secs(14_400) };
        let store = open(&keeping.store, keeping.keys.clone(), lifetimes, Arc::new(TestRng), clock.clone()).unwrap();
        let outpost = Outpost::new(Parts {
            applications: Applications::new(applications).unwrap(),
            name: "outpost".to_owned(),
            lifetimes,
            sealing: keeping.keys.clone(),
            store: Arc::clone(&store),
            provider: OpenIdProviders::start(&settings, &parties, clock.clone()).unwrap(),
            clock: clock.clone(),
            entropy: Arc::new(TestRng),
        });
        let deadlines = Deadlines { check: Duration::from_secs(20), callback: Duration::from_secs(30) };
        let outpost = Arc::new(outpost.unwrap());
        let service = CheckService::new(Arc::clone(&outpost), deadlines, recorder);
        Self { service, outpost, store, lifetimes, clock: clock.clone() }
    }

    /// Sends a Check as Envoy does.
    pub(crate) async fn check(&self, request: CheckRequest) -> Answer {
        let (message, mut answer) = (request.encode_to_vec(), Vec::new());
        self.service.answer(&message, &http::HeaderMap::new(), &mut answer).await.unwrap();
        Answer::new(CheckResponse::decode(answer.as_slice()).unwrap())
    }
}

/// One application, `wiki`, and its provider.
pub(crate) async fn wiki() -> (TestOutpost, HostileOp) {
    wiki_with(|_| {}).await
}

/// The same, with a change of the application.
pub(crate) async fn wiki_with(change: impl FnOnce(&mut Application)) -> (TestOutpost, HostileOp) {
    let clock = ManualClock::new();
    let op = HostileOp::start(clock.clone()).await;
    let mut application = application("wiki", op.issuer());
    change(&mut application);
    (TestOutpost::new(vec![application], &clock, &Keeping::default()), op)
}
