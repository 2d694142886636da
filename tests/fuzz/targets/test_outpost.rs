//! The real service on the real memory store; only provider, clock and randomness are fakes. Created anew for every input,
//! so that an input fails in the same way each time.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest, CheckResponse};
use gatepost::domain::application::registry::Applications;
use gatepost::domain::application::{Application, Mode};
use gatepost::domain::http::CookieDomain;
use gatepost::domain::http::Networks;
use gatepost::domain::oidc::credentials::{AcceptedCredentials, BasicRules, BearerCheck, IntrospectionRules};
use gatepost::domain::oidc::relying_party::RelyingParty;
use gatepost::domain::oidc::sign_in::Binding;
use gatepost::domain::policy::backend::{Backend, BackendAllow, Backends};
use gatepost::domain::policy::identity_headers::{HeaderPlan, HeaderSet, HeaderSettings};
use gatepost::domain::policy::{AccessRules, Conditions, PathPrefix, Principals, PublicPaths, Rule};
use gatepost::domain::session::{Session, SessionId, SessionRecord};
use gatepost::domain::slug::Slug;
use gatepost::inbound::ext_authz::{CheckService, Deadlines};
use gatepost::inbound::forward_auth::{Dialect, ForwardAuth, ForwardAuthSettings, TrustedProxies};
use gatepost::inbound::router::{Routed, Router as _};
use gatepost::outpost::{Outpost, Parts};
use gatepost::telemetry::DecisionRecorder;
use gatepost::testing::{
    CountingEntropy, FakeProvider, LIFETIMES, ManualClock, NOW, memory_store, sealing_keys, session_record, signing,
};
use prost::Message as _;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use url::Url;

pub const SESSION_WIKI: [u8; 32] = [7; 32];
pub const SESSION_PORTAL: [u8; 32] = [8; 32];
pub const SESSION_FILES: [u8; 32] = [9; 32];
pub const BINDING: [u8; 32] = [9; 32];

/// The front proxy's address.
const FRONT_PROXY: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_time().build().expect("a runtime starts");
}

/// An application as a relying party of the provider.
pub fn relying_party(slug: &str) -> RelyingParty {
    application(slug, "https://wiki.example.com", Mode::ForwardSingle, "/public").relying_party
}

fn application(slug: &str, external: &str, mode: Mode, public: &str) -> Application {
    let usual = gatepost::testing::application(external);
    Application {
        name: slug.to_owned(),
        slug: Slug::parse(slug).expect("is a slug"),
        provider_name: slug.to_owned(),
        mode,
        relying_party: RelyingParty {
            client_id: slug.to_owned(),
            scopes: vec!["openid".to_owned()],
            ..usual.relying_party
        },
        public_paths: PublicPaths::compile(&[public.to_owned()]).expect("is a pattern"),
        rules: rules(),
        pass_preflight: slug == "portal",
        credentials: credentials(),
        headers: HeaderPlan::new(HeaderSettings {
            sets: vec![HeaderSet::Authentik, HeaderSet::Legacy],
            ..HeaderSettings::default()
        }),
        ..usual
    }
}

/// Every kind of credential is accepted for verification, and the provider rejects all of them.
fn credentials() -> AcceptedCredentials {
    let verify = BearerCheck::Introspection(IntrospectionRules::Clients(Vec::new()));
    AcceptedCredentials {
        bearer: Some(verify.into()),
        basic: Some(BasicRules { scopes: vec!["openid".to_owned()], pass_on: false }),
        ..AcceptedCredentials::default()
    }
}

/// Every user is allowed, except under `/admin`, which requires a group that no user has.
fn rules() -> AccessRules {
    let nobodys = Conditions { groups: vec!["nobody".to_owned()], ..Conditions::default() };
    let rule = |path, principals| Rule {
        paths: vec![PathPrefix::parse(path).expect("is a prefix")],
        methods: Vec::new(),
        networks: Networks::default(),
        issuers: Vec::new(),
        principals,
        authentication: None,
    };
    let admin = rule("/admin", Principals::matching(nobodys).expect("names a group"));
    AccessRules::new(vec![rule("/", Principals::Any), admin]).expect("are two")
}

/// `wiki` has a host of its own, `portal` a whole domain, `demo` a path on this machine, `files` a backend that we name.
pub fn applications() -> [Application; 4] {
    let domain = Mode::ForwardDomain(CookieDomain::parse("corp.example.com").expect("is a domain"));
    let (own, _) = Backend::parse("http://files.internal:8080", true).expect("is a backend");
    let allow = BackendAllow::parse(&[".apps.internal"]).expect("is a list");
    let proxy = Mode::Proxy(Backends::new(own, allow));
    [
        application("wiki", "https://wiki.example.com", Mode::ForwardSingle, "^/public/"),
        application("portal", "https://auth.corp.example.com", domain, "^https://open\\.corp\\.example\\.com/"),
        application("demo", "http://demo.localhost:8080/app", Mode::ForwardSingle, "^/app/public/"),
        application("files", "https://files.example.com", proxy, "^/public/"),
    ]
}

fn session(application: &Application) -> Session {
    let additional = json!({"X-Team": "a", "Host": "evil.example", "x_authentik_uid": "0", "X-Forwarded-User": "root"});
    let claims = json!({
        "preferred_username": "harness", "groups": ["a", "b"], "email": "harness@example.com",
        "ak_proxy": {
            "backend_override": "https://harness.apps.internal/team", "host_header": "harness.example",
            "user_attributes": {"additionalHeaders": additional},
        },
    });
    Session::restore(SessionRecord {
        application: application.slug.clone(),
        client_id: application.relying_party.client_id.clone(),
        id_token: Some(signing::token(r#"{"alg":"RS256"}"#, &claims.to_string()).into()),
        ..session_record("harness", &claims, NOW)
    })
}

/// A service with a live session of `wiki`, one of `portal` and one of `files`.
pub struct TestOutpost {
    service: CheckService,
    forward_auth: ForwardAuth,
    provider: Arc<FakeProvider>,
}

impl TestOutpost {
    pub fn new() -> Self {
        let all = applications();
        let (clock, store) = (ManualClock::new(), memory_store());
        for (id, application) in [(SESSION_WIKI, &all[0]), (SESSION_PORTAL, &all[1]), (SESSION_FILES, &all[3])] {
            let key = SessionId::new(id).key();
            let saved = store.save(&key, session(application));
            RUNTIME.with(|runtime| runtime.block_on(saved)).expect("memory keeps it");
        }
        let provider = Arc::new(FakeProvider::new(clock.clone()));
        provider.returns_issuer.store(true, Ordering::Relaxed);
        let recorder = DecisionRecorder::new(all.iter().map(|application| application.slug.as_str()));
        let outpost = Outpost::new(Parts {
            applications: Applications::new(all.to_vec()).expect("they do not clash").into(),
            name: "fuzz".into(),
            lifetimes: LIFETIMES,
            sealing: sealing_keys(1),
            store,
            provider: provider.clone(),
            clock,
            entropy: Arc::new(CountingEntropy::default()),
            audit: gatepost::ports::Audit::default(),
        });
        let second = Duration::from_secs(1);
        let deadlines = Deadlines { check: second, callback: second };
        let outpost = Arc::new(outpost.expect("it counts"));
        let dialects = Dialect::ALL.map(|(dialect, _)| dialect).to_vec();
        let trusted = TrustedProxies::new(vec![FRONT_PROXY.into()]);
        let settings = ForwardAuthSettings { dialects, trusted };
        let forward_auth = ForwardAuth::new(Arc::clone(&outpost), recorder.clone(), settings, Duration::from_secs(10));
        let service = CheckService::new(outpost, deadlines, recorder);
        Self { service, forward_auth, provider }
    }

    /// A request to the side listener, from the front proxy's address.
    pub fn forward_auth(&self, request: http::Request<()>) -> Routed {
        RUNTIME.with(|runtime| runtime.block_on(self.forward_auth.route(request, FRONT_PROXY)))
    }

    pub fn check(&self, request: &CheckRequest) -> CheckResponse {
        self.answer(&request.encode_to_vec()).expect("a check is always answered, never failed")
    }

    /// Sends any bytes as a Check.
    ///
    /// # Errors
    /// When they are not a `CheckRequest`.
    pub fn answer(&self, message: &[u8]) -> Result<CheckResponse, tonic::Status> {
        let (lines, mut answer) = (http::HeaderMap::new(), Vec::new());
        RUNTIME.with(|runtime| runtime.block_on(self.service.answer(message, &lines, &mut answer)))?;
        Ok(CheckResponse::decode(answer.as_slice()).expect("is an answer"))
    }

    /// The number of redeemed codes.
    pub fn exchanges(&self) -> usize {
        self.provider.exchanges.load(Ordering::Relaxed)
    }

    /// The `state` of a sign-in at `wiki` that the browser with [`binding`] has begun.
    pub fn state(&self) -> String {
        let answer = self.check(&navigation("wiki.example.com", "/", &[("cookie", binding().as_bytes())]));
        let Some(HttpResponse::DeniedResponse(denied)) = answer.http_response else { panic!("the sign-in begins") };
        let location = denied.headers.into_iter().filter_map(|option| option.header).find(|it| it.key == "location");
        let url = Url::parse(&location.expect("a redirect").value).expect("is a URL");
        let state = url.query_pairs().find(|(name, _)| name == "state").map(|(_, value)| value.into_owned());
        state.expect("there is a state")
    }
}

/// The binding cookie of the only browser.
pub fn binding() -> String {
    format!("__Host-gatepost-binding={}", Binding::new(BINDING).to_cookie_value())
}

/// The values of the session cookies.
pub fn session_values() -> [String; 3] {
    [SESSION_WIKI, SESSION_PORTAL, SESSION_FILES].map(|id| SessionId::new(id).to_cookie_value())
}

/// A page load as Envoy describes it, each header line with its raw bytes.
pub fn navigation(host: &str, path: &str, lines: &[(&str, &[u8])]) -> CheckRequest {
    use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
    let page: (&str, &[u8]) = ("accept", b"text/html");
    let headers = lines.iter().chain([&page]).map(|(name, value)| HeaderValue {
        key: (*name).to_owned(),
        value: String::new(),
        raw_value: value.to_vec(),
    });
    of_http(HttpRequest { header_map: Some(HeaderMap { headers: headers.collect() }), ..plain(host, path) })
}

/// The same, as the map in which Envoy joins lines with commas.
pub fn joined(host: &str, path: &str, lines: &[(&str, &str)]) -> CheckRequest {
    let page = ("accept".to_owned(), "text/html".to_owned());
    let headers: HashMap<String, String> =
        lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).chain([page]).collect();
    of_http(HttpRequest { headers, ..plain(host, path) })
}

fn plain(host: &str, path: &str) -> HttpRequest {
    HttpRequest {
        method: "GET".to_owned(),
        scheme: "https".to_owned(),
        host: host.to_owned(),
        path: path.to_owned(),
        ..HttpRequest::default()
    }
}

/// A Check of this HTTP request.
pub fn of_http(http: HttpRequest) -> CheckRequest {
    let request = Request { http: Some(http), ..Request::default() };
    CheckRequest { attributes: Some(AttributeContext { request: Some(request), ..AttributeContext::default() }) }
}
