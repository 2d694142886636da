//! Values that unit tests of the domain share.

use secrecy::SecretString;
use url::Url;

use super::access::UnauthenticatedPaths;
use super::application::{Application, CookieDomain, ExternalHost, Mode, RelyingParty, Slug};
use super::request::{Authority, CookieForm, HeaderLines, RequestHead, RequestTarget, Scheme};

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
            token_endpoint_auth_method: Default::default(),
            id_token_signed_response_alg: Default::default(),
            scopes: vec!["openid".into(), "profile".into()],
            redirect_uri: Url::parse(&redirect_uri).expect("is a URL"),
            post_logout_redirect_uri: Url::parse(&post_logout_redirect_uri).expect("is a URL"),
        },
        unauthenticated: UnauthenticatedPaths::default(),
        access_token_validity: None,
        jwt_headers: false,
        pass_preflight: false,
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
        target: RequestTarget::parse(target.into()).expect("is well formed"),
        headers: HeaderLines::new(lines, CookieForm::Lines),
        client: None,
        application: None,
        request_id: None,
    }
}
