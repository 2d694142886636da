//! The real service on the real memory store; only provider, clock and randomness are fakes. Created anew for every input,
//! so that an input fails in the same way each time.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest, CheckResponse};
use gatepost::domain::application::registry::Applications;
use gatepost::domain::application::{Application, Mode};
use gatepost::domain::crypto::sealing::{SealingKey, SealingKeys};
use gatepost::domain::http::{CookieDomain, ExternalHost};
use gatepost::domain::oidc::algorithm::SigningAlgorithm;
use gatepost::domain::oidc::claims::Claims;
use gatepost::domain::oidc::credentials::{
    AcceptedCredentials, BasicRules, BearerCheck, BearerRules, Credential, IntrospectionRules, Refusal,
    VerifiedCredential,
};
use gatepost::domain::oidc::id_token::{Expected, SignedIn, VerifiedIdToken};
use gatepost::domain::oidc::jws::{KeySet, Purpose, VerifiedJws};
use gatepost::domain::oidc::jwt::TokenFault;
use gatepost::domain::oidc::logout_token::VerifiedLogoutToken;
use gatepost::domain::oidc::relying_party::{ClientAuthentication, RelyingParty};
use gatepost::domain::oidc::sign_in::{Binding, MatchedCode, ProviderMetadata};
use gatepost::domain::oidc::user::User;
use gatepost::domain::policy::backend::{Backend, BackendAllow, Backends};
use gatepost::domain::policy::identity_headers::{HeaderPlan, HeaderSet, HeaderSettings};
use gatepost::domain::policy::{AccessRules, Conditions, PathPrefix, Principals, Rule, UnauthenticatedPaths};
use gatepost::domain::session::{Lifetimes, Refreshed, Session, SessionId, SessionRecord};
use gatepost::domain::slug::Slug;
use gatepost::domain::time::Timestamp;
use gatepost::inbound::ext_authz::{CheckService, Deadlines};
use gatepost::inbound::forward_auth::{Dialect, ForwardAuth, ForwardAuthSettings, TrustedProxies};
use gatepost::inbound::router::{Routed, Router as _};
use gatepost::outbound::store::{StoreSettings, open};
use gatepost::outpost::{Outpost, Parts};
use gatepost::ports::{
    Clock, CredentialFault, Entropy, EntropyFault, ExchangeFault, IdentityProvider, LogoutTokenFault,
    ProviderUnavailable,
};
use gatepost::telemetry::DecisionRecorder;
use prost::Message as _;
use secrecy::SecretString;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use url::Url;

use super::signing;

pub const NOW: u64 = 1_900_000_000;
pub const ISSUER: &str = "https://sso.example.com/";
pub const SESSION_WIKI: [u8; 32] = [7; 32];
pub const SESSION_PORTAL: [u8; 32] = [8; 32];
pub const SESSION_FILES: [u8; 32] = [9; 32];
pub const BINDING: [u8; 32] = [9; 32];

/// The front proxy's address.
const FRONT_PROXY: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_time().build().expect("a runtime starts");
}

struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(NOW)
    }
}

/// A counter instead of randomness, so that an input fails in the same way each time.
#[derive(Default)]
struct Counter(AtomicU64);

impl Entropy for Counter {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFault> {
        let count = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        bytes.iter_mut().zip(count.iter().rev().cycle()).for_each(|(to, from)| *to = *from);
        Ok(())
    }
}

/// Accepts every code, and counts them.
#[derive(Default)]
struct Provider(AtomicUsize);

#[async_trait]
impl IdentityProvider for Provider {
    fn cached_metadata(&self, _: &RelyingParty) -> Option<Arc<ProviderMetadata>> {
        None
    }

    async fn metadata(&self, relying_party: &RelyingParty) -> Result<Arc<ProviderMetadata>, ProviderUnavailable> {
        let url = |path: &str| Url::parse(&format!("{ISSUER}{path}")).expect("is a URL");
        Ok(Arc::new(ProviderMetadata {
            issuer: relying_party.issuer.clone(),
            authorization_endpoint: url("authorize"),
            end_session_endpoint: Some(url("end")),
            jwks_uri: url("keys"),
            authorization_response_iss_parameter_supported: true,
        }))
    }

    async fn exchange(&self, relying_party: &RelyingParty, code: MatchedCode) -> Result<SignedIn, ExchangeFault> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let claims = json!({
            "iss": relying_party.issuer, "aud": relying_party.client_id, "sub": "somebody",
            "nonce": code.nonce().expose(), "iat": NOW, "exp": NOW + 300,
        });
        let raw = signing::token(r#"{"alg":"RS256"}"#, &claims.to_string());
        let signed = verified(&raw, Purpose::IdToken(relying_party))?;
        let (nonce, now) = (Some(code.nonce()), Timestamp::from_unix(NOW));
        let expected = Expected { relying_party, nonce, access_token: None, now };
        Ok(SignedIn::new(VerifiedIdToken::check(signed, &expected)?, None))
    }

    async fn refresh(&self, _: &RelyingParty, _: &SessionRecord) -> Result<Refreshed, ExchangeFault> {
        Err(ExchangeFault::Refused("invalid_grant".to_owned()))
    }

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

/// A token that is signed with the provider's key.
pub fn verified(raw: &str, purpose: Purpose<'_>) -> Result<VerifiedJws, TokenFault> {
    static KEYS: LazyLock<KeySet> =
        LazyLock::new(|| KeySet::parse(signing::key_set().as_bytes()).expect("is a key set"));
    Ok(KEYS.verify(&raw.into(), purpose)?)
}

/// An application as a relying party of the provider.
pub fn relying_party(slug: &str) -> RelyingParty {
    application(slug, "https://wiki.example.com", Mode::ForwardSingle, "/public").relying_party
}

fn application(slug: &str, external: &str, mode: Mode, public: &str) -> Application {
    let external = ExternalHost::parse(external).expect("is an address");
    let at = |path: &str| Url::parse(&external.join(&format!("/outpost.goauthentik.io/{path}"))).expect("is a URL");
    Application {
        name: slug.to_owned(),
        slug: Slug::parse(slug).expect("is a slug"),
        provider_name: slug.to_owned(),
        mode,
        relying_party: RelyingParty {
            issuer: ISSUER.to_owned(),
            client_id: slug.to_owned(),
            client_secret: "client-secret".into(),
            token_endpoint_auth_method: ClientAuthentication::ClientSecretBasic,
            id_token_signed_response_alg: SigningAlgorithm::RS256,
            scopes: vec!["openid".to_owned()],
            claims: Vec::new(),
            claims_of_rules: Vec::new(),
            redirect_uri: at("callback?X-authentik-auth-callback=true"),
            post_logout_redirect_uri: at("sign_out"),
        },
        external,
        unauthenticated: UnauthenticatedPaths::compile(&[public.to_owned()]).expect("is a pattern"),
        rules: rules(),
        access_token_validity: None,
        jwt_headers: false,
        pass_preflight: slug == "portal",
        credentials: credentials(),
        headers: HeaderPlan::new(HeaderSettings {
            sets: vec![HeaderSet::Authentik, HeaderSet::Legacy],
            ..HeaderSettings::default()
        }),
    }
}

/// Every kind of credential is accepted for verification, and the provider rejects all of them.
fn credentials() -> AcceptedCredentials {
    let verify = BearerCheck::Introspection(IntrospectionRules::Clients(Vec::new()));
    AcceptedCredentials {
        bearer: Some(BearerRules { verify, scopes: Vec::new(), pass_on: false }),
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
        principals,
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
        user: User { issuer: ISSUER.to_owned(), subject: "harness".to_owned() },
        application: application.slug.clone(),
        claims: Claims::new(claims.as_object().cloned().unwrap_or_default()),
        id_token: Some(signing::token(r#"{"alg":"RS256"}"#, &claims.to_string()).into()),
        access_token: None,
        provider_session: None,
        renewal: None,
        generation: 0,
        created: Timestamp::from_unix(NOW),
        ends: Timestamp::from_unix(NOW + 3600),
    })
}

/// A service with a live session of `wiki`, one of `portal` and one of `files`.
pub struct TestOutpost {
    service: CheckService,
    forward_auth: ForwardAuth,
    provider: Arc<Provider>,
}

impl TestOutpost {
    pub fn new() -> Self {
        let all = applications();
        let keys = SealingKeys::new(SealingKey::new([1; 32]), Vec::new());
        let entropy = Arc::new(Counter::default());
        let lifetimes = Lifetimes { absolute: Duration::from_secs(86_400), idle: Duration::from_secs(3600) };
        let store = open(&StoreSettings::Memory, keys.clone(), lifetimes, entropy.clone(), Arc::new(StillClock))
            .expect("memory opens");
        for (id, application) in [(SESSION_WIKI, &all[0]), (SESSION_PORTAL, &all[1]), (SESSION_FILES, &all[3])] {
            let key = SessionId::new(id).key();
            let saved = store.save(&key, session(application));
            RUNTIME.with(|runtime| runtime.block_on(saved)).expect("memory keeps it");
        }
        let provider = Arc::new(Provider::default());
        let recorder = DecisionRecorder::new(all.iter().map(|application| application.slug.as_str()));
        let outpost = Outpost::new(Parts {
            applications: Applications::new(all.to_vec()).expect("they do not clash"),
            name: "fuzz".to_owned(),
            lifetimes,
            sealing: keys,
            store,
            provider: provider.clone(),
            clock: Arc::new(StillClock),
            entropy,
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
        self.provider.0.load(Ordering::Relaxed)
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
