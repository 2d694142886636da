//! An outpost made of its real parts; only the clock is a fake.

use std::sync::Arc;
use std::time::Duration;

use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use gatepost::domain::application::Application;
use gatepost::domain::application::registry::Applications;
use gatepost::domain::crypto::sealing::SealingKeys;
use gatepost::domain::oidc::relying_party::RelyingParty;
use gatepost::domain::session::Lifetimes;
use gatepost::domain::slug::Slug;
use gatepost::inbound::ext_authz::{CheckService, Deadlines};
use gatepost::outbound::provider::{OpenIdProviders, ProviderSettings};
use gatepost::outbound::store::{StoreSettings, open};
use gatepost::outpost::{Outpost, Parts};
use gatepost::ports::SessionStore;
use gatepost::telemetry::DecisionRecorder;
use gatepost::testing::{ManualClock, SystemEntropy, sealing_keys};
use prost::Message as _;

use crate::browser::Answer;
use crate::op::{CLIENT_ID, CLIENT_SECRET, HostileOp};

/// The application `slug` at `https://{slug}.example.com`, a client of the provider at `issuer`.
pub(crate) fn application(slug: &str, issuer: &str) -> Application {
    let application = gatepost::testing::application(&format!("https://{slug}.example.com"));
    Application {
        name: slug.to_owned(),
        slug: Slug::parse(slug).unwrap(),
        provider_name: slug.to_owned(),
        relying_party: RelyingParty {
            issuer: issuer.to_owned(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: Some(CLIENT_SECRET.into()),
            scopes: ["openid", "profile", "email"].map(str::to_owned).to_vec(),
            ..application.relying_party
        },
        ..application
    }
}

/// The store of the sessions, and the sealing keys.
pub(crate) struct Storage {
    pub(crate) store: StoreSettings,
    pub(crate) keys: SealingKeys,
}

impl Default for Storage {
    fn default() -> Self {
        Self { store: StoreSettings::Memory, keys: sealing_keys(1) }
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
    pub(crate) fn new(applications: Vec<Application>, clock: &Arc<ManualClock>, storage: &Storage) -> Self {
        let settings = ProviderSettings { timeout: Duration::from_secs(20), ..ProviderSettings::default() };
        let parties: Vec<_> = applications.iter().map(|application| application.relying_party.clone()).collect();
        let recorder = DecisionRecorder::new(applications.iter().map(|application| application.slug.as_str()));
        let lifetimes = Lifetimes { absolute: Duration::from_secs(86_400), idle: Duration::from_secs(14_400) };
        let store = open(&storage.store, storage.keys.clone(), lifetimes, Arc::new(SystemEntropy), clock.clone())
            .unwrap()
            .store;
        let outpost = Outpost::new(Parts {
            applications: Applications::new(applications).unwrap().into(),
            name: "outpost".into(),
            lifetimes,
            sealing: storage.keys.clone(),
            store: Arc::clone(&store),
            provider: OpenIdProviders::start(&settings, &parties, clock.clone()).unwrap(),
            clock: clock.clone(),
            entropy: Arc::new(SystemEntropy),
            audit: gatepost::ports::Audit::default(),
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
    (TestOutpost::new(vec![application], &clock, &Storage::default()), op)
}
