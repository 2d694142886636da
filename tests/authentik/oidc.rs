//! The applications that the API lists, with the fake's OpenID Provider: hosts, issuer and redirect URI fit together.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost::outbound::authentik::{BrowserAddress, Hosts, ProxyOutpostConfig, redirect_uri};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

use crate::client::{connect, settings};
use crate::fake::{FakeAuthentik, SID, answers};

fn browser() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().redirect(Policy::none()).no_proxy().build().unwrap()
}

fn location(response: &Response) -> Url {
    response.headers()["location"].to_str().unwrap().parse().unwrap()
}

/// A code for this application; `authorization` is asked where the fake listens.
async fn code(fake: &FakeAuthentik, provider: &ProxyOutpostConfig) -> String {
    let query = [
        ("client_id", provider.client_id.clone().unwrap()),
        ("redirect_uri", redirect_uri(&provider.external_host)),
        ("state", "s".to_owned()),
    ];
    let mut url = Url::parse(&format!("{}/application/o/authorize/", fake.url())).unwrap();
    url.query_pairs_mut().extend_pairs(query);
    let response = browser().get(url).send().await.unwrap();
    assert_eq!(response.status(), 302, "the redirect URI is registered");
    let to = location(&response);
    to.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned()
}

fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[tokio::test]
async fn the_issuer_is_that_of_the_browsers_where_the_token_request_names_it() {
    for host_browser in [None, Some("https://sso.example:8443/")] {
        let fake = FakeAuthentik::start_below("/auth").await;
        fake.change(|state| state.providers = vec![answers::provider(7, "wiki", "https://wiki.example.com/a/b")]);
        let connection = connect(&settings(&fake.url()));
        let (outpost, all) = (connection.outpost().await.unwrap(), connection.providers().await.unwrap());
        let wiki = &all.valid[0];
        let browsers = host_browser.map(|text| BrowserAddress::parse(text).unwrap());
        let endpoints = Hosts::of(&outpost, browsers.as_ref()).unwrap().endpoints(&wiki.oidc_configuration).unwrap();
        let code = code(&fake, wiki).await;
        let body = form(&[
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &redirect_uri(&wiki.external_host)),
            ("client_id", wiki.client_id.as_deref().unwrap()),
            ("client_secret", wiki.client_secret.as_ref().unwrap().as_secret().expose_secret()),
        ]);
        let mut request = browser().post(endpoints.token.clone()).body(body);
        if let Some(backchannel) = &endpoints.backchannel_host {
            request = request.header("host", &backchannel.authority).header("x-forwarded-proto", &backchannel.scheme);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        let payload = answer["id_token"].as_str().unwrap().split('.').nth(1).unwrap();
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        assert_eq!((&claims["iss"], &claims["sid"]), (&json!(endpoints.issuer), &json!(SID)));
        assert_eq!(endpoints.issuer.starts_with("https://sso.example:8443/auth/"), host_browser.is_some());
    }
}

#[tokio::test]
async fn the_fake_refuses_what_authentik_refuses() {
    let fake = FakeAuthentik::start().await;
    let post =
        |path: &str, body: String| browser().post(format!("{}/application/o/{path}", fake.url())).body(body).send();
    assert_eq!(post("token/", form(&[("client_id", "client-of-wiki")])).await.unwrap().status(), 401);
    let secret = "wiki-secret-0123456789abcdef0123456789abcdef";
    let client = [("client_id", "client-of-wiki"), ("client_secret", secret)];
    let again = form(&[&client[..], &[("grant_type", "authorization_code"), ("code", "code-0")]].concat());
    assert_eq!(post("token/", again).await.unwrap().status(), 400);
    let inactive = post("introspect/", form(&[&client[..], &[("token", "x")]].concat())).await.unwrap();
    assert_eq!(inactive.text().await.unwrap(), r#"{"active":false}"#);
    let keys = browser().get(format!("{}/application/o/wiki/jwks/", fake.url())).send().await.unwrap();
    assert_eq!(keys.text().await.unwrap(), "{}");
    // Two hosts, which no client library sends on its own.
    let mut raw = TcpStream::connect(fake.address()).await.unwrap();
    let request = "GET /application/o/wiki/jwks/ HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n";
    raw.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    raw.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}
