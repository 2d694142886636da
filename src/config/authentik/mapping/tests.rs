//! Each member of a provider becomes a setting of the application, and what authentik lacks or gets wrong costs no more than it has
//! to.

use serde_json::{Value, json};

use super::*;
use crate::config::authentik::environment::test_loading;
use crate::domain::application::Mode;
use crate::domain::oidc::client_authentication::ClientAuthentication;
use crate::domain::oidc::credentials::BearerCheck;
use crate::domain::oidc::relying_party::BackchannelHost;
use crate::testing::signing;

const HOST: &str = "https://authentik.internal/";

fn provider(change: &Value) -> ProxyOutpostConfig {
    let at = |path: &str| format!("https://authentik.internal/application/o/{path}");
    let mut provider = json!({
        "pk": 7, "name": "Wiki provider", "external_host": "https://wiki.example.com", "client_id": "abc",
        "client_secret": "0123456789abcdef0123456789abcdef",
        "oidc_configuration": {
            "issuer": at("wiki/"), "authorization_endpoint": at("authorize/"), "token_endpoint": at("token/"),
            "userinfo_endpoint": at("userinfo/"), "end_session_endpoint": at("wiki/end-session/"),
            "introspection_endpoint": at("introspect/"), "jwks_uri": at("wiki/jwks/"),
            "id_token_signing_alg_values_supported": ["HS256"],
        },
        "skip_path_regex": "^/public\r\n\r\n^/static/\n", "mode": "forward_single", "access_token_validity": 86400.5,
        "scopes_to_request": ["ak_proxy", "openid", "email"],
        "assigned_application_slug": "wiki", "assigned_application_name": "Wiki",
    });
    for (name, value) in change.as_object().unwrap() {
        provider[name] = value.clone();
    }
    serde_json::from_value(provider).unwrap()
}

fn outpost() -> Outpost {
    let pk = "3b1c0e0e-5a55-4d7c-9d0e-0c6f6f0f2a11";
    serde_json::from_value(json!({ "pk": pk, "name": "edge", "type": "proxy" })).unwrap()
}

fn mapped(file: &str, change: &Value) -> Result<MappedApplication, Vec<String>> {
    let provider = provider(change);
    test_loading(HOST, file).application(&outpost(), &provider, Some(&provider.assigned_application_slug))
}

fn application(change: &Value) -> Application {
    let MappedApplication { application, warnings } = mapped("", change).unwrap();
    assert!(warnings.iter().all(|warning| warning.contains("matches anywhere")), "{warnings:?}");
    application
}

fn application_of(validity: f64) -> Application {
    application(&json!({ "access_token_validity": validity }))
}

#[test]
fn a_provider_becomes_an_application() {
    let Application { slug, name, provider_name, relying_party, credentials, public_paths, .. } =
        application(&json!({}));
    assert_eq!((slug.as_str(), &*name, &*provider_name), ("wiki", "Wiki", "Wiki provider"));
    assert_eq!(relying_party.issuer, "https://authentik.internal/application/o/wiki/");
    assert_eq!(
        (&*relying_party.client_id, relying_party.client_secret.as_ref().map(|it| it.expose_secret().len())),
        ("abc", Some(32))
    );
    assert_eq!(relying_party.token_endpoint_auth_method, ClientAuthentication::ClientSecretPost);
    assert_eq!(relying_party.id_token_signed_response_alg, SigningAlgorithm::HS256);
    assert_eq!(relying_party.scopes, ["openid", "ak_proxy", "email"]);
    assert_eq!(relying_party.post_logout_redirect_uri, None);
    let endpoints = relying_party.endpoints.unwrap();
    assert_eq!(endpoints.token_endpoint.path(), "/application/o/token/");
    assert_eq!(endpoints.backchannel_host, None);
    assert_eq!(public_paths.unanchored().count(), 0, "the blank line opens nothing");
    assert!(matches!(credentials.bearer.unwrap().verify, BearerCheck::Introspection(_)));
    assert!(credentials.intercept && credentials.basic.is_some());

    let app = application(&json!({}));
    assert_eq!(app.access_token_validity.unwrap().as_secs(), 86400);
    assert!(app.jwt_headers && matches!(app.mode, Mode::ForwardSingle));
}

#[test]
fn members_that_are_absent_empty_or_of_another_mode_have_no_effect() {
    let bare = application(&json!({
        "skip_path_regex": "", "access_token_validity": null, "cookie_domain": "example.com", "internal_host": "",
        "scopes_to_request": [], "intercept_header_auth": false,
    }));
    assert_eq!((bare.access_token_validity, bare.relying_party.scopes), (None, vec!["openid".to_owned()]));
    assert!(bare.credentials.bearer.is_none() && bare.credentials.basic.is_none() && !bare.credentials.intercept);
    let domain = json!({ "mode": "forward_domain", "cookie_domain": ".example.com", "internal_host": "http://x" });
    assert!(matches!(application(&domain).mode, Mode::ForwardDomain(domain) if domain.as_str() == "example.com"));
    for backend in ["http://10.0.0.1:8080", "https://10.0.0.1"] {
        let proxy = json!({ "mode": "proxy", "internal_host": backend, "internal_host_ssl_validation": false });
        assert!(matches!(application(&proxy).mode, Mode::Proxy(_)), "{backend}");
    }
    // The order of the scopes is not certain.
    let (one, other) = (json!({ "scopes_to_request": ["b", "a"] }), json!({ "scopes_to_request": ["a", "b"] }));
    assert_eq!(provider(&one), provider(&other));
}

#[test]
fn the_redirect_uri_is_one_that_authentik_registered_and_that_reaches_the_application() {
    const CALLBACK: &str = "outpost.goauthentik.io/callback?X-authentik-auth-callback=true";
    for (external_host, redirect_uri) in [
        ("https://a.example", format!("https://a.example/{CALLBACK}")),
        ("https://a.example/", format!("https://a.example/{CALLBACK}")),
        ("https://a.example/b/", format!("https://a.example/b/{CALLBACK}")),
        // Its rule drops the last segment; the other registered one does not.
        ("https://a.example/b", "https://a.example/b?X-authentik-auth-callback=true".to_owned()),
    ] {
        let application = application(&json!({ "external_host": external_host }));
        assert_eq!(application.relying_party.redirect_uri.as_str(), redirect_uri, "{external_host}");
    }
}

#[test]
fn browsers_and_the_issuer_have_the_browsers_host() {
    let file = "  host_browser: https://login.example.com:8443\n";
    let party = mapped(file, &json!({})).unwrap().application.relying_party;
    assert_eq!(party.issuer, "https://login.example.com:8443/application/o/wiki/");
    let endpoints = party.endpoints.unwrap();
    assert_eq!(endpoints.authorization_endpoint.host_str(), Some("login.example.com"));
    assert_eq!(endpoints.end_session_endpoint.unwrap().host_str(), Some("login.example.com"));
    for asked in [endpoints.token_endpoint, endpoints.jwks_uri, endpoints.introspection_endpoint.unwrap()] {
        assert_eq!(asked.host_str(), Some("authentik.internal"));
    }
    let (authority, scheme) = ("login.example.com:8443".to_owned(), "https".to_owned());
    assert_eq!(endpoints.backchannel_host, Some(BackchannelHost { authority, scheme }));
}

#[test]
fn plain_http_is_accepted_only_where_the_operator_chose_it() {
    let plain = |host: &str| {
        let endpoint = |path: &str| format!("http://authentik-server:9000/application/o/{path}");
        let mut provider = provider(&json!({}));
        let given = &mut provider.oidc_configuration;
        (given.issuer, given.token_endpoint) = (endpoint("wiki/"), endpoint("token/"));
        test_loading(host, "").application(&outpost(), &provider, None)
    };
    assert!(plain("http://authentik-server:9000").is_ok());
    let faults = plain(HOST).unwrap_err().join("\n");
    assert!(faults.contains("issuer") && faults.contains("token_endpoint") && faults.contains("use https"), "{faults}");
}

#[test]
fn what_cannot_be_used_is_named_and_a_bad_pattern_opens_nothing() {
    for (change, text) in [
        (json!({ "external_host": "http://wiki.example.com" }), "external_host"),
        (json!({ "client_secret": "short" }), "shorter than the 32 bytes"),
        (json!({ "client_id": null }), "client_id: it is required and missing"),
        (json!({ "mode": "proxy" }), "internal_host"),
        (json!({ "assigned_application_slug": "../x" }), "slug"),
        (json!({ "external_host": "https://wiki.example.com/${HOME}" }), "external_host"),
    ] {
        let faults = mapped("", &change).unwrap_err().join("\n");
        assert!(
            faults.contains("provider \"Wiki provider\" of authentik") && faults.contains(text),
            "{text}: {faults}"
        );
    }
    let MappedApplication { application, warnings } =
        mapped("", &json!({ "skip_path_regex": "^/ok/\n(?!x)\n" })).unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("(?!x)") && warnings[0].contains("opens nothing"), "{}", warnings[0]);
    assert_eq!(application.public_paths.unanchored().count(), 0);
    for everything in ["|", "^/public|", "()", "x*", "^", ".*", "(?i)"] {
        let mapped = mapped("", &json!({ "skip_path_regex": everything })).unwrap();
        assert!(mapped.warnings[0].contains("opens nothing"), "{everything}: {:?}", mapped.warnings);
        assert!(format!("{:?}", mapped.application.public_paths).contains("[]"), "{everything}: no pattern is left");
    }
    for (validity, seconds) in [(0.0, 1), (0.5, 1), (90.9, 90)] {
        let limited = application_of(validity);
        assert_eq!(limited.access_token_validity.unwrap().as_secs(), seconds, "{validity}");
    }
    let basic = json!({ "basic_auth_enabled": true });
    assert!(mapped("", &basic).unwrap().warnings[0].contains("HTTP-Basic is on without a password key"));
}

/// What these settings need of the application is known only when authentik has answered.
#[test]
fn tokens_of_other_issuers_and_metadata_are_settings_beside_authentik() {
    let folder = tempfile::tempdir().unwrap();
    let jwks = folder.path().join("jwks.json");
    std::fs::write(&jwks, json!({ "keys": [signing::jwk(&signing::Key::P256, "a")] }).to_string()).unwrap();
    let file = format!(
        "  applications:\n    wiki:\n      external_host: https://wiki.example.com\n      bearer:\n        verify: introspection\n        issuers: [{{ issuer: ci, jwks_file: {}, audiences: [wiki] }}]\n        \
         resource_metadata:\n          resource: https://wiki.example.com/mcp\n          authorization_servers: \
         ['https://authentik.internal/application/o/wiki/']\n      allow: [{{ issuers: [ci], anyone: true }}]\n",
        jwks.display()
    );
    let wiki = mapped(&file, &json!({})).unwrap().application;
    let foreign: Vec<&str> = wiki.foreign_issuers().map(|foreign| foreign.issuer.as_str()).collect();
    assert_eq!((foreign, wiki.rules.name_issuer("ci")), (vec!["ci"], true));
    let metadata = wiki.resource_metadata.unwrap();
    assert_eq!(metadata.authorization_servers, ["https://authentik.internal/application/o/wiki/"]);
    assert_eq!(metadata.resource.metadata_path(), "/.well-known/oauth-protected-resource/mcp");
    let elsewhere = mapped(&file, &json!({ "external_host": "https://docs.example.com" })).unwrap_err().join("\n");
    assert!(elsewhere.contains("bearer.resource_metadata.resource"), "{elsewhere}");
}

#[test]
fn the_operators_settings_come_before_those_of_authentik() {
    let file = "  applications: { wiki: { external_host: https://wiki.example.com, jwt_headers: false, skip_path_regex: [^/open/], bearer: { verify: introspection, clients: [ci] } } }\n";
    let ours = mapped(file, &json!({})).unwrap().application;
    assert!(!ours.jwt_headers);
    let other = mapped(file, &json!({ "assigned_application_slug": "board" })).unwrap().application;
    assert!(other.jwt_headers, "they are the other application's");
}
