//! Builders: values with the usual contents, which a test changes by `Application { …, ..application(…) }`.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use crate::domain::application::cookie_settings::CookieSettings;
use crate::domain::application::cors::CorsOrigins;
use crate::domain::application::{Application, Mode};
use crate::domain::crypto::sealing::{SealingKey, SealingKeys};
use crate::domain::http::{
    Authority, CookieDomain, CookieForm, ExternalHost, HeaderLines, Networks, RequestHead, RequestTarget, Scheme,
};
use crate::domain::oidc::algorithm::SigningAlgorithm;
use crate::domain::oidc::authorization_settings::AuthorizationSettings;
use crate::domain::oidc::claims::Claims;
use crate::domain::oidc::client_authentication::ClientAuthentication;
use crate::domain::oidc::credentials::AcceptedCredentials;
use crate::domain::oidc::id_token::{ExpectedIdToken, SignedIn, VerifiedIdToken};
use crate::domain::oidc::jws::Purpose;
use crate::domain::oidc::relying_party::{LogoutTokenExp, ProviderSignOut, RelyingParty};
use crate::domain::oidc::sign_in::{Attempt, AttemptId, Binding, Nonce};
use crate::domain::oidc::user::User;
use crate::domain::policy::identity_headers::HeaderPlan;
use crate::domain::policy::{AccessRules, Principals, PublicPaths, Rule};
use crate::domain::session::{Lifetimes, SessionRecord};
use crate::domain::slug::Slug;
use crate::domain::time::Timestamp;
use crate::testing::signing;

/// The issuer of the applications' provider.
pub const ISSUER: &str = "https://sso.example.com/";

/// The lifetimes of sessions.
pub const LIFETIMES: Lifetimes = Lifetimes { absolute: Duration::from_secs(86_400), idle: Duration::from_secs(3600) };

/// One sealing key that consists of this byte.
pub fn sealing_keys(byte: u8) -> SealingKeys {
    SealingKeys::new(SealingKey::new([byte; 32]), Vec::new())
}

/// An application `wiki` in single mode.
pub fn application(external: &str) -> Application {
    let external = ExternalHost::parse(external).expect("is an address");
    let endpoint =
        |path: &str| Url::parse(&external.join(&format!("/outpost.goauthentik.io/{path}"))).expect("is a URL");
    Application {
        name: "Wiki".into(),
        slug: Slug::parse("wiki").expect("is a slug"),
        provider_name: "Wiki".into(),
        mode: Mode::ForwardSingle,
        relying_party: RelyingParty {
            issuer: ISSUER.into(),
            allowed_tenants: Vec::new(),
            trusted_audiences: Vec::new(),
            logout_token_exp: LogoutTokenExp::Required,
            client_id: "wiki".into(),
            client_secret: Some(SecretString::from("client-secret")),
            token_endpoint_auth_method: ClientAuthentication::default(),
            id_token_signed_response_alg: SigningAlgorithm::default(),
            scopes: vec!["openid".into(), "profile".into()],
            claims: Vec::new(),
            claims_of_rules: Vec::new(),
            redirect_uri: endpoint("callback?X-authentik-auth-callback=true"),
            authorization: AuthorizationSettings::default(),
            post_logout_redirect_uri: Some(endpoint("sign_out")),
            sign_out: ProviderSignOut::default(),
            endpoints: None,
            discovery_url: None,
            backchannel_base: None,
        },
        external,
        public_paths: PublicPaths::default(),
        skip_networks: Networks::default(),
        rules: AccessRules::default(),
        access_token_validity: None,
        jwt_headers: false,
        pass_preflight: false,
        cookie: CookieSettings::default(),
        cors_origins: CorsOrigins::default(),
        credentials: AcceptedCredentials::default(),
        resource_metadata: None,
        headers: HeaderPlan::default(),
    }
}

/// An application `wiki` in domain mode.
pub fn domain_application(external: &str, domain: &str) -> Application {
    let domain = CookieDomain::parse(domain).expect("is a domain");
    Application { mode: Mode::ForwardDomain(domain), ..application(external) }
}

/// A GET request over https.
pub fn request(host: &str, target: &str, headers: &[(&str, &str)]) -> RequestHead {
    let lines = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
    RequestHead {
        method: "GET".into(),
        scheme: Some(Scheme::Https),
        authority: Authority::parse(host).expect("is a host"),
        target: RequestTarget::read(target.into()).expect("is well formed"),
        headers: HeaderLines::new(lines, CookieForm::Lines),
        client: None,
        application: None,
        request_id: None,
    }
}

/// A sign-in with these claims beside the required ones; its token is valid for an hour from `now`.
pub fn signed_in(claims: &Value, now: Timestamp) -> SignedIn {
    let nonce = nonce();
    let mut payload = json!({
        "iss": ISSUER, "aud": "wiki", "sub": "subject", "nonce": nonce.expose(),
        "iat": now.as_unix(), "exp": now.as_unix() + 3600,
    });
    let members = payload.as_object_mut().expect("is an object");
    members.extend(claims.as_object().cloned().unwrap_or_default());
    let raw = signing::token(r#"{"alg":"RS256"}"#, &payload.to_string());
    let party = application("https://wiki.example.com").relying_party;
    let signed = signing::verified(&raw, Purpose::IdToken(&party)).expect("is signed");
    let expected = ExpectedIdToken { relying_party: &party, nonce: Some(&nonce), access_token: None, now };
    let token = VerifiedIdToken::check(signed, &expected).expect("passes every check");
    SignedIn::new(token, Some("access-token".into()))
}

fn nonce() -> Nonce {
    let binding = Binding::new([2; 32]);
    let id = AttemptId::new([3; 16]);
    let attempt = Attempt::begin(id, &binding, String::new(), 0, Timestamp::from_unix(0), &sealing_keys(1));
    attempt.nonce(&binding)
}

/// The record of a session at `wiki` that began at `created` and lasts an hour; it holds no tokens.
pub fn session_record(subject: &str, claims: &Value, created: u64) -> SessionRecord {
    SessionRecord {
        user: User { issuer: ISSUER.to_owned(), subject: subject.to_owned() },
        application: Slug::parse("wiki").expect("is a slug"),
        client_id: "wiki".to_owned(),
        claims: Claims::new(claims.as_object().expect("is an object").clone()),
        id_token: None,
        access_token: None,
        sent_id_token: None,
        provider_session: None,
        refresh: None,
        step_up: None,
        generation: 0,
        created: Timestamp::from_unix(created),
        created_millis: 0,
        ends: Timestamp::from_unix(created + 3600),
    }
}

/// A rule about these users for all paths, methods and networks, after any sign-in.
pub fn rule(principals: Principals) -> Rule {
    Rule {
        paths: Vec::new(),
        methods: Vec::new(),
        networks: Networks::default(),
        issuers: Vec::new(),
        principals,
        authentication: None,
    }
}
