//! Clients without a secret sign users in at the real provider: public ones, with a signed assertion, with an assertion in a
//! file, and with a certificate.

use std::path::Path;

use gatepost::testing::signing::{self, Key};
use http::{Method, StatusCode};
use serde_json::json;

use crate::support::browser::{Ask, Browser, Protocol};
use crate::support::certificates::Authority;
use crate::support::envoy::Scenario;
use crate::support::ports::free_port;
use crate::support::provider::MutualTls;
use crate::support::settings::{Entry, Mode};
use crate::support::site::{Plan, Site};
use crate::support::token_lifetime;

const TOKEN_SECONDS: u64 = 5;
const INTROSPECTS: &str = "    bearer: { verify: introspection, scopes: [openid] }\n";

/// A single application whose client authenticates with a key.
fn signing_entry(name: &'static str, label: &'static str, pem: &str, key: &Key, alg: &str, audience: &str) -> Entry {
    let settings = format!(
        "    token_endpoint_auth_method: private_key_jwt\n    client_key_file: {pem}\n    client_key_id: one\n    \
         client_assertion_alg: {alg}\n    client_assertion_audience: {audience}\n"
    );
    let registration = json!({
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": alg,
        "jwks": { "keys": [signing::jwk(key, "one")] },
    });
    Entry::single(name, label).authenticating(settings, registration).with(INTROSPECTS)
}

/// An assertion as a platform would write it, for the client `files` of this provider.
fn write_assertion(path: &Path, issuer: &str, number: u64) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let claims = json!({
        "iss": "files", "sub": "files", "aud": issuer, "jti": format!("jti-{number}"), "iat": now, "exp": now + 60,
    });
    let header = json!({ "alg": "ES256", "kid": "one" });
    std::fs::write(path, signing::signed(&header, &claims.to_string(), &Key::P256)).expect("an assertion");
}

fn plan(folder: &Path) -> Plan {
    let authority = Authority::new();
    let (certificate, private_key) = authority.certify("127.0.0.1");
    let client = authority.certify("bank.example");
    for (name, content) in [("ca.pem", &authority.pem()), ("client.pem", &client.0), ("client.key", &client.1)] {
        std::fs::write(folder.join(name), content).expect("a file");
    }
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/testing/keys");
    let pem = |name: &str| keys.join(name).display().to_string();
    let public = json!({ "token_endpoint_auth_method": "none" });
    let file = json!({
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "jwks": { "keys": [signing::jwk(&Key::P256, "one")] },
    });
    let tls = json!({ "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "bank.example" });
    let at = folder.display();
    let of_file =
        format!("    token_endpoint_auth_method: private_key_jwt\n    client_assertion_file: {at}/assertion.jwt\n");
    let of_tls = format!(
        "    token_endpoint_auth_method: tls_client_auth\n    client_certificate_file: {at}/client.pem\n    \
         client_key_file: {at}/client.key\n"
    );
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.entries = vec![
        Entry::single("Public", "public").authenticating("    token_endpoint_auth_method: none\n".into(), public),
        signing_entry("Rs256", "rs256", &pem("rsa_a_pkcs1.pem"), &Key::RsaA, "RS256", "issuer"),
        signing_entry("Ps256", "ps256", &pem("rsa_a.pem"), &Key::RsaA, "PS256", "token_endpoint"),
        signing_entry("Es256", "es256", &pem("p256_sec1.pem"), &Key::P256, "ES256", "token_endpoint"),
        signing_entry("EdDsa", "eddsa", &pem("ed25519.pem"), &Key::Ed25519, "EdDSA", "issuer"),
        Entry::single("Files", "files").authenticating(of_file, file),
        Entry::single("Bank", "bank").authenticating(of_tls, tls).with(INTROSPECTS),
    ];
    plan.settings.sections = format!("provider: {{ ca_file: {at}/ca.pem }}\n").leak();
    plan.provider.print_tokens = true;
    plan.provider.refresh_tokens = true;
    plan.provider.token_seconds = Some(TOKEN_SECONDS);
    plan.provider.mtls = Some(MutualTls { port: free_port(), certificate, private_key, client_ca: authority.pem() });
    plan
}

async fn signed_in(site: &Site, application: &str) -> Browser {
    let browser = Browser::new(Protocol::Http1);
    let page = browser.sign_in(&site.at(application, "/"), "alice").await;
    assert_eq!(page.seen().header("x-authentik-username"), Some("alice"), "{application}");
    browser
}

/// Presents the access token of the sign-in with this number, from 0 on, to this application, which has it introspected.
async fn introspected(site: &Site, application: &str, number: usize) {
    // Each sign-in prints the access token, the ID Token and the refresh token.
    let token = &site.provider.as_ref().expect("a provider").tokens(3 * (number + 1))[3 * number];
    let ask = Ask::script(Method::GET, &site.at(application, "/")).header("authorization", &format!("Bearer {token}"));
    let page = Browser::new(Protocol::Http2).ask(ask).await;
    assert_eq!(page.status, StatusCode::OK, "{application}: {page:#?}");
    assert_eq!(page.seen().header("x-authentik-username"), Some("alice"), "{application}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_without_a_secret_sign_in_refresh_introspect_and_revoke_through_envoy() {
    let folder = tempfile::tempdir().expect("a folder");
    let assertion = folder.path().join("assertion.jwt");
    let plan = plan(folder.path());
    let issuer = plan.provider.issuer();
    let mut site = plan.start().await;
    let mut browsers = Vec::new();
    for (number, application) in ["public", "rs256", "ps256", "es256", "eddsa", "bank", "files"].into_iter().enumerate()
    {
        write_assertion(&assertion, &issuer, number as u64);
        browsers.push((application, signed_in(&site, application).await));
        if !matches!(application, "public" | "files") {
            introspected(&site, application, number).await;
        }
    }
    token_lifetime::expired(&site, TOKEN_SECONDS).await;
    for (number, (application, browser)) in browsers.iter().enumerate() {
        write_assertion(&assertion, &issuer, 100 + number as u64);
        let page = browser.open(&site.at(application, "/")).await;
        assert_eq!(page.seen().header("x-authentik-username"), Some("alice"), "{application}");
    }
    let refreshes = site.provider.as_ref().expect("a provider").refreshes(browsers.len());
    assert!(refreshes >= browsers.len(), "{refreshes}");
    // It ends all sessions of the user, and each client has its own refresh token revoked.
    write_assertion(&assertion, &issuer, 200);
    let (application, browser) = &browsers[0];
    let page = browser.ask(Ask::navigation(&site.at(application, "/outpost.goauthentik.io/sign_out"))).await;
    assert_eq!(page.status, StatusCode::FOUND, "{page:#?}");
    assert_eq!(browsers[1].1.open(&site.at("rs256", "/")).await.status, StatusCode::FOUND, "asked again");
    site.gatepost.stop();
    let log = site.gatepost.log().text();
    assert!(!log.contains("could not be revoked"), "{log}");
    assert!(!log.contains("eyJ"), "no assertion in a log: {log}");
}

/// The file comes back, and so do the sign-ins; a client of the same provider never notices.
#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_file_that_vanished_gives_503_and_one_line_through_envoy() {
    let folder = tempfile::tempdir().expect("a folder");
    let assertion = folder.path().join("assertion.jwt");
    let plan = plan(folder.path());
    let issuer = plan.provider.issuer();
    let mut site = plan.start().await;
    let browser = Browser::new(Protocol::Http1);
    let form = browser.visit(&site.at("files", "/")).await;
    let callback = browser.fill_in_until_callback(&form, "alice").await;
    let page = browser.open(callback.as_str()).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{page:#?}");
    assert!(!page.body.contains("assertion.jwt"), "the page tells nothing about files: {}", page.body);
    signed_in(&site, "es256").await;
    write_assertion(&assertion, &issuer, 1);
    signed_in(&site, "files").await;
    site.gatepost.stop();
    let log = site.gatepost.log().text();
    let lines = log.lines().filter(|line| line.contains("has no client assertion")).count();
    assert_eq!(lines, 1, "{log}");
}
