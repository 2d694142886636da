//! The cost of a signed-in Check. Times depend on the machine and its load; the number of allocations does not.
#![expect(clippy::unwrap_used, reason = "a test fails at the first surprise")]

mod question;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use gatepost::domain::application::Application;
use gatepost::domain::oidc::user::User;
use gatepost::domain::session::{Lifetimes, Session, SessionId, SessionRecord};
use gatepost::inbound::ext_authz::{AuthorizationServer, CheckService, Deadlines};
use gatepost::outbound::provider::{OpenIdProviders, ProviderSettings};
use gatepost::outbound::store::{StoreSettings, open};
use gatepost::outpost::{Outpost, Parts};
use gatepost::telemetry::DecisionRecorder;
use gatepost::testing::{CountingEntropy, ManualClock, NOW, sealing_keys, session_record};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use prost::Message as _;
use prost::bytes::Bytes;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use tower::Service as _;

/// The counts when this was last updated. A change that adds more than a tenth fails here; a change that makes a Check
/// cheaper should lower the figures.
const SIGNED_IN: Budget = Budget { allocations: 15, bytes: 4_600 };
const PUBLIC: Budget = Budget { allocations: 10, bytes: 4_000 };
/// The same signed-in Check with tonic's framing around it: the cost of a call beside hyper's and h2's own.
const THROUGH_TONIC: Budget = Budget { allocations: 33, bytes: 16_700 };

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
/// Length of the flag and length that precede a gRPC message.
const PREFIX_BYTES: usize = 5;

const ISSUER: &str = "http://127.0.0.1:9/";
const SESSION: [u8; 32] = [7; 32];

const CONFIGURATION: &str = "applications:
  - name: Wiki
    external_host: https://wiki.example.com
    issuer: http://127.0.0.1:9/
    client_id: wiki
    client_secret: secret
    skip_path_regex: [^/public/]
";

struct Budget {
    allocations: u64,
    bytes: u64,
}

impl Budget {
    #[track_caller]
    fn holds(&self, counted: &AllocationInfo) {
        let within = |counted: u64, budget: u64| counted * 10 <= budget * 11;
        let fits = within(counted.count_total, self.allocations) && within(counted.bytes_total, self.bytes);
        assert!(fits, "{} allocations of {} bytes", counted.count_total, counted.bytes_total);
    }
}

fn session(application: &Application) -> Session {
    let claims = json!({
        "preferred_username": "alice", "groups": ["admins", "staff"], "entitlements": ["editor"],
        "email": "alice@example.test", "name": "Alice Doe",
    });
    Session::restore(SessionRecord {
        user: User { issuer: ISSUER.to_owned(), subject: "248289761001".to_owned() },
        application: application.slug.clone(),
        client_id: application.relying_party.client_id.clone(),
        id_token: Some("raw".into()),
        ..session_record("248289761001", &claims, NOW)
    })
}

/// The real service on the file store with one session.
struct TestOutpost {
    service: CheckService,
    runtime: Runtime,
    /// The buffer for answers; it keeps its capacity.
    answer: Vec<u8>,
}

impl TestOutpost {
    fn new(folder: &Path) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let applications = gatepost::config::load(CONFIGURATION, Path::new("gatepost.yaml"), &|_| None);
        let applications = applications.unwrap().config.applications;
        let parties = applications.iter().map(|application| application.relying_party.clone()).collect::<Vec<_>>();
        let sealing = sealing_keys(1);
        let (entropy, clock) = (Arc::new(CountingEntropy::default()), ManualClock::new());
        let path = folder.join("sessions.db");
        let day = Duration::from_secs(86_400);
        let lifetimes = Lifetimes { absolute: day, idle: day };
        let file = StoreSettings::File { path };
        let store = open(&file, sealing.clone(), lifetimes, entropy.clone(), clock.clone()).unwrap().store;
        let wiki = applications.iter().next().unwrap();
        runtime.block_on(store.save(&SessionId::new(SESSION).key(), session(wiki))).unwrap();
        let recorder = DecisionRecorder::new(applications.iter().map(|application| application.slug.as_str()));
        let provider = {
            let _context = runtime.enter();
            OpenIdProviders::start(&ProviderSettings::default(), &parties, clock.clone()).unwrap()
        };
        let name = "outpost".to_owned();
        let outpost = Outpost::new(Parts {
            applications: applications.into(),
            name: name.into(),
            lifetimes,
            sealing,
            store,
            provider,
            clock,
            entropy,
            audit: gatepost::ports::Audit::default(),
        });
        let second = Duration::from_secs(1);
        let deadlines = Deadlines { check: second, callback: second };
        let service = CheckService::new(Arc::new(outpost.unwrap()), deadlines, recorder);
        Self { service, runtime, answer: Vec::with_capacity(4096) }
    }

    fn check(&mut self, message: &[u8]) {
        self.answer.clear();
        let lines = HeaderMap::new();
        let answered = self.service.answer(message, &lines, &mut self.answer);
        self.runtime.block_on(answered).unwrap();
    }

    /// The same through tonic's service, up to the bytes of data frames.
    fn call(&mut self, message: &Bytes) {
        let mut server = AuthorizationServer::new(self.service.clone());
        let mut request = Request::new(Full::new(message.clone()));
        *request.uri_mut() = CHECK.parse().unwrap();
        let answer = self.runtime.block_on(async { server.call(request).await.unwrap().into_body().collect().await });
        let framed = answer.unwrap().to_bytes();
        self.answer.clear();
        self.answer.extend_from_slice(&framed.slice(PREFIX_BYTES..));
    }

    /// The cost of a Check once all caches are filled; the answer is verified as well.
    fn cost(&mut self, message: &[u8], is_right: impl Fn(&CheckResponse) -> bool) -> AllocationInfo {
        self.cost_of(|test_outpost| test_outpost.check(message), is_right)
    }

    fn cost_of(&mut self, check: impl Fn(&mut Self), is_right: impl Fn(&CheckResponse) -> bool) -> AllocationInfo {
        for _ in 0..100 {
            check(self);
        }
        let counted = (0..20).map(|_| measure(|| check(self))).min_by_key(|counted| counted.count_total).unwrap();
        let answer = CheckResponse::decode(self.answer.as_slice()).unwrap();
        assert!(is_right(&answer), "{answer:?}");
        counted
    }
}

fn allows(answer: &CheckResponse, user: Option<&str>) -> bool {
    let Some(HttpResponse::OkResponse(ok)) = &answer.http_response else { return false };
    let headers = ok.headers.iter().filter_map(|option| option.header.as_ref());
    let told = headers.filter(|header| header.key == "x-authentik-username").map(|header| header.value.as_str()).next();
    told == user
}

#[test]
fn a_signed_in_check_stays_within_its_budget() {
    let folder = tempfile::tempdir().unwrap();
    let cookie = format!("theme=dark; __Host-gatepost-session-wiki={}", SessionId::new(SESSION).to_cookie_value());
    let message = question::check("/projects/gatepost/issues?page=2", &cookie).encode_to_vec();
    let cost = TestOutpost::new(folder.path()).cost(&message, |answer| allows(answer, Some("alice")));
    SIGNED_IN.holds(&cost);
}

#[test]
fn a_call_stays_within_its_budget() {
    let folder = tempfile::tempdir().unwrap();
    let cookie = format!("theme=dark; __Host-gatepost-session-wiki={}", SessionId::new(SESSION).to_cookie_value());
    let message = question::check("/projects/gatepost/issues?page=2", &cookie).encode_to_vec();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let framed = Bytes::from([&[0], length.as_slice(), &message].concat());
    let cost = TestOutpost::new(folder.path())
        .cost_of(|test_outpost| test_outpost.call(&framed), |answer| allows(answer, Some("alice")));
    THROUGH_TONIC.holds(&cost);
}

#[test]
fn a_public_check_stays_within_its_budget() {
    let folder = tempfile::tempdir().unwrap();
    let message = question::check("/public/logo.svg", "theme=dark").encode_to_vec();
    let cost = TestOutpost::new(folder.path()).cost(&message, |answer| allows(answer, None));
    PUBLIC.holds(&cost);
}
