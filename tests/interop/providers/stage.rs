//! Gatepost behind Envoy, with one application, as a client of a provider.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost::testing::signing::{self, Key};
use http::StatusCode;
use serde_json::{Value, json};
use url::Url;

use super::Provider;
use super::columns::Column;
use crate::support::browser::{Browser, Page, Protocol};
use crate::support::envoy::Scenario;
use crate::support::json::Json;
use crate::support::process::eventually;
use crate::support::settings::{Entry, Mode};
use crate::support::site::{Plan, Site};

/// The application receives the tokens, so that a test can compare them.
const TOKENS: &str =
    "    claim_headers: [{ header: X-Id-Token, token: id_token }, { header: X-Access-Token, token: access_token }]\n";

pub(crate) struct Stage<P> {
    pub(crate) site: Site,
    pub(crate) provider: Arc<P>,
    column: Column,
}

impl<P: Provider> Stage<P> {
    /// Registers the application at the provider and starts it.
    pub(crate) async fn start(provider: Arc<P>, column: Column, lines: &str) -> Self {
        let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
        plan.issuer = Some(provider.issuer());
        plan.settings.scopes = P::scopes(column);
        plan.tls = column == Column::FormPost;
        let (name, label) = (column.application(), column.label());
        let entry = if plan.tls { Entry::https_here(name, label) } else { Entry::single(name, label) };
        let entry = if column == Column::PrivateKeyJwt { signing(entry) } else { entry };
        plan.settings.entries = vec![entry.with(TOKENS).with(&provider.settings(column)).with(lines)];
        plan.settings.backchannel_logout = column == Column::BackChannelLogout;
        let mut client = plan.settings.clients(plan.front()).remove(0);
        if column == Column::FrontChannelLogout {
            let callback = client["redirect_uris"][0].as_str().expect("an address").to_owned();
            let own = callback.split_once("/callback").expect("the callback").0;
            client["frontchannel_logout_uri"] = format!("{own}/frontchannel_logout").into();
            client["frontchannel_logout_session_required"] = true.into();
        }
        provider.register(&client).await;
        Self { site: plan.start().await, provider, column }
    }

    /// An address of the application.
    pub(crate) fn at(&self, path: &str) -> String {
        match self.column {
            Column::FormPost => format!("https://{}.example.com:{}{path}", self.column.label(), self.site.front()),
            _ => self.site.at(self.column.label(), path),
        }
    }

    /// The authorization request to which the application's page leads, once Gatepost knows the provider.
    pub(crate) async fn authorization(&self, browser: &Browser, path: &str) -> Url {
        let page = eventually("Gatepost knows the provider", async || {
            let page = browser.open(&self.at(path)).await;
            (page.status == StatusCode::FOUND).then_some(page)
        });
        page.await.location()
    }

    /// The page of the application to which a sign-in leads.
    pub(crate) async fn sign_in(&self, browser: &Browser, path: &str) -> Page {
        let authorization = self.authorization(browser, path).await;
        let answer = self.provider.sign_in(browser, &authorization).await;
        let page = browser.follow(answer).await;
        assert_eq!(page.url.as_str(), self.at(path), "{page:#?}\n{}", self.site.gatepost.log().text());
        page
    }

    /// A browser in which alice is signed in.
    pub(crate) async fn signed_in(&self) -> Browser {
        let browser = Browser::new(Protocol::Http1);
        let page = self.sign_in(&browser, "/").await;
        assert_eq!(page.seen().header("x-authentik-username"), Some(super::USER));
        browser
    }

    pub(crate) async fn is_signed_in(&self, browser: &Browser) -> bool {
        browser.is_signed_in_at(&self.at("/check")).await
    }

    /// The token of the session that the application receives in this header.
    pub(crate) async fn token(&self, browser: &Browser, header: &str) -> String {
        let seen = browser.open(&self.at("/tokens")).await.seen();
        seen.header(header).unwrap_or_else(|| panic!("no {header}: {seen:#?}")).to_owned()
    }

    /// `kid` and signature: two tokens with the same `kid` are signed with the same key.
    pub(crate) async fn key_id(&self, browser: &Browser) -> Option<String> {
        let token = self.token(browser, "x-id-token").await;
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap_or_default()).expect("base64url");
        let header = Json::parse(&String::from_utf8_lossy(&header)).expect("a header");
        header.text("kid").map(str::to_owned)
    }
}

/// A client that authenticates with a key.
fn signing(entry: Entry) -> Entry {
    let pem = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/testing/keys/rsa_a.pem");
    let settings = format!(
        "    token_endpoint_auth_method: private_key_jwt\n    client_key_file: {}\n    client_key_id: one\n",
        pem.display()
    );
    let mut key: Value = signing::jwk(&Key::RsaA, "one");
    key["use"] = "sig".into();
    key["alg"] = "RS256".into();
    let registration = json!({
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "RS256",
        "jwks": { "keys": [key] },
    });
    entry.authenticating(settings, registration)
}
