//! Values that unit tests of the domain share.

use std::sync::LazyLock;

use secrecy::SecretString;
use url::Url;

use super::application::{Application, Mode};
use super::crypto::sealing::{SealingKey, SealingKeys};
use super::http::{Authority, CookieDomain, CookieForm, ExternalHost, HeaderLines, RequestHead, RequestTarget, Scheme};
use super::oidc::algorithm::SigningAlgorithm;
use super::oidc::credentials::AcceptedCredentials;
use super::oidc::id_token::{Expected, SignedIn, VerifiedIdToken};
use super::oidc::jws::{KeySet, Purpose, VerifiedJws};
use super::oidc::jwt::TokenFault;
use super::oidc::relying_party::{ClientAuthentication, RelyingParty};
use super::oidc::sign_in::{Attempt, AttemptId, Binding, Nonce};
use super::policy::identity_headers::HeaderPlan;
use super::policy::{AccessRules, UnauthenticatedPaths};
use super::slug::Slug;
use super::time::Timestamp;

#[path = "../../tests/signing/mod.rs"]
pub(crate) mod signing;

/// A token whose signature was made by one of [`signing`]'s keys.
pub(crate) fn verified(raw: &str, purpose: Purpose<'_>) -> Result<VerifiedJws, TokenFault> {
    static KEYS: LazyLock<KeySet> =
        LazyLock::new(|| KeySet::parse(signing::key_set().as_bytes()).expect("is a key set"));
    Ok(KEYS.verify(&raw.into(), purpose)?)
}

/// An application in single mode.
pub(crate) fn application(external: &str) -> Application {
    let external = ExternalHost::parse(external).expect("is an address");
    let redirect_uri = external.join("/outpost.goauthentik.io/callback?X-authentik-auth-callback=true");
    let post_logout_redirect_uri = external.join("/outpost.goauthentik.io/sign_out");
    Application {
        name: "Wiki".into(),
        slug: Slug::parse("wiki").expect("is a slug"),
        provider_name: "Wiki".into(),
        mode: Mode::ForwardSingle,
        external,
        relying_party: RelyingParty {
            issuer: "https://sso.example.com/".into(),
            client_id: "wiki".into(),
            client_secret: SecretString::from("client-secret"),
            token_endpoint_auth_method: ClientAuthentication::default(),
            id_token_signed_response_alg: SigningAlgorithm::default(),
            scopes: vec!["openid".into(), "profile".into()],
            claims: Vec::new(),
            claims_of_rules: Vec::new(),
            redirect_uri: Url::parse(&redirect_uri).expect("is a URL"),
            post_logout_redirect_uri: Url::parse(&post_logout_redirect_uri).expect("is a URL"),
        },
        unauthenticated: UnauthenticatedPaths::default(),
        rules: AccessRules::default(),
        access_token_validity: None,
        jwt_headers: false,
        pass_preflight: false,
        credentials: AcceptedCredentials::default(),
        headers: HeaderPlan::default(),
    }
}

/// An application in domain mode.
pub(crate) fn domain_application(external: &str, domain: &str) -> Application {
    let domain = CookieDomain::parse(domain).expect("is a domain");
    Application { mode: Mode::ForwardDomain(domain), ..application(external) }
}

/// A GET request over https.
pub(crate) fn request(host: &str, target: &str, headers: &[(&str, &str)]) -> RequestHead {
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
pub(crate) fn signed_in(claims: &serde_json::Value, now: Timestamp) -> SignedIn {
    let mut payload = serde_json::json!({
        "iss": "https://sso.example.com/", "aud": "wiki", "sub": "subject", "nonce": nonce().expose(),
        "iat": now.as_unix(), "exp": now.as_unix() + 3600,
    });
    let members = payload.as_object_mut().expect("is an object");
    members.extend(claims.as_object().cloned().unwrap_or_default());
    let raw = signing::token(r#"{"alg":"RS256"}"#, &payload.to_string());
    let (party, nonce) = (application("https://wiki.example.com").relying_party, nonce());
    let signed = verified(&raw, Purpose::IdToken(&party)).expect("is signed");
    let expected = Expected { relying_party: &party, nonce: Some(&nonce), access_token: None, now };
    let token = VerifiedIdToken::check(signed, &expected).expect("passes every check");
    SignedIn::new(token, Some("access-token".into()))
}

fn nonce() -> Nonce {
    let keys = SealingKeys::new(SealingKey::new([1; 32]), Vec::new());
    let binding = Binding::new([2; 32]);
    Attempt::begin(AttemptId::new([3; 16]), &binding, String::new(), 0, Timestamp::from_unix(0), &keys).nonce(&binding)
}
