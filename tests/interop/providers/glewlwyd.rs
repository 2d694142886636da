//! glewlwyd, whose pages are made by scripts: the calls here are those of its scripts.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Method;
use serde_json::{Value, json};
use tokio::sync::Mutex as AsyncMutex;
use url::Url;

use super::columns::Column;
use super::{Provider, TOKEN_SECONDS};
use crate::support::browser::{Browser, Page};
use crate::support::glewlwyd::Glewlwyd;
use crate::support::ports::free_port;

/// The resource for which access tokens are made in the column about bearer tokens.
const API: &str = "https://api.example";

/// glewlwyd as Debian packages it.
pub(crate) struct OfDebian {
    running: AsyncMutex<Option<Glewlwyd>>,
    folder: PathBuf,
    port: u16,
    /// The client that was registered last.
    client: Mutex<String>,
    keys: AtomicUsize,
}

impl OfDebian {
    /// Signs with a new key, and makes access tokens that last so many seconds: both are settings of its plugin.
    async fn configure(&self, seconds: u64) {
        let number = self.keys.fetch_add(1, Ordering::Relaxed);
        let running = self.running.lock().await;
        let glewlwyd = running.as_ref().expect("it runs");
        let admin = glewlwyd.administrator().await;
        let mut plugin = glewlwyd.openid_plugin();
        // With pairwise ones, UserInfo and introspection name another subject than the ID Token does.
        plugin["parameters"]["subject-type"] = "public".into();
        // Without it, assertions of clients are refused, too.
        plugin["parameters"]["request-parameter-allow"] = true.into();
        plugin["parameters"]["resource-allowed"] = true.into();
        plugin["parameters"]["resource-scope"] = json!({ "openid": [API] });
        plugin["parameters"]["default-kid"] = format!("key-{number}").into();
        plugin["parameters"]["access-token-duration"] = seconds.into();
        glewlwyd.call(&admin, Method::PUT, "/api/mod/plugin/oidc", &plugin).await;
        glewlwyd.call(&admin, Method::PUT, "/api/mod/plugin/oidc/reset", &Value::Null).await;
    }

    /// What the script of its sign-out page does with the session and the client that this address names; returns the list of
    /// frames.
    async fn sign_out(&self, browser: &Browser, session: &str, client: &str) -> Page {
        let running = self.running.lock().await;
        let glewlwyd = running.as_ref().expect("it runs");
        let list =
            glewlwyd.call(browser, Method::GET, &format!("/api/oidc/session/{session}/{client}"), &Value::Null).await;
        glewlwyd.call(browser, Method::DELETE, &format!("/api/oidc/session/{session}"), &Value::Null).await;
        glewlwyd.call(browser, Method::DELETE, "/api/auth/", &Value::Null).await;
        list
    }
}

impl Provider for OfDebian {
    const NAME: &'static str = "glewlwyd";

    fn lacks(column: Column) -> Option<&'static str> {
        (column == Column::StepUp).then_some("ignores `acr_values`")
    }

    async fn start(folder: &Path) -> Self {
        let port = free_port();
        let running = AsyncMutex::new(Some(Glewlwyd::start_empty(port, folder).await));
        Self { running, folder: folder.to_owned(), port, client: Mutex::default(), keys: AtomicUsize::new(0) }
    }

    fn version() -> String {
        super::debian_version("glewlwyd")
    }

    fn issuer(&self) -> String {
        Glewlwyd::issuer_at(self.port)
    }

    fn settings(&self, column: Column) -> String {
        let common = "    id_token_signed_response_alg: ES256\n";
        let method = "    token_endpoint_auth_method: client_secret_post\n";
        let special = match column {
            Column::PrivateKeyJwt => return format!("{common}    client_assertion_audience: token_endpoint\n"),
            Column::Bearer => {
                return format!(
                    "{common}{method}    authorization_parameters: {{ resource: '{API}' }}\n    \
                     bearer: {{ verify: jwt, audience: '{API}', algorithms: [ES256] }}\n"
                );
            }
            Column::BackChannelLogout => "    logout_token_exp: optional\n",
            Column::Introspection => "    bearer: { verify: introspection }\n",
            _ => "",
        };
        format!("{common}{method}{special}")
    }

    async fn register(&self, client: &Value) {
        client["client_id"].as_str().expect("a client").clone_into(&mut self.client.lock().expect("the client"));
        self.running.lock().await.as_ref().expect("it runs").register(client).await;
        let is_short = client["client_id"] == Column::Refresh.label();
        self.configure(if is_short { TOKEN_SECONDS } else { 3600 }).await;
    }

    async fn sign_in(&self, browser: &Browser, authorization: &Url) -> Page {
        self.running.lock().await.as_ref().expect("it runs").sign_in(browser, authorization).await
    }

    async fn confirm_sign_out(&self, browser: &Browser, page: Page) -> Page {
        let asked = browser.follow(page).await;
        let of =
            |name: &str| asked.url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned());
        let value = |name: &str| of(name).unwrap_or_else(|| panic!("no {name}: {asked:#?}"));
        self.sign_out(browser, &value("sid"), &value("client_id")).await;
        browser.visit(&value("callback_url")).await
    }

    async fn end_session(&self, browser: &Browser) -> Page {
        let here = Url::parse(&self.issuer()).expect("an address");
        let session = browser.cookies(&here).into_iter().find(|cookie| cookie.name == "GLEWLWYD2_OIDC_SID");
        let client = self.client.lock().expect("the client").clone();
        self.sign_out(browser, &session.expect("a session").value, &client).await
    }

    /// Its script makes one for each client.
    fn frame(&self, page: &Page) -> String {
        let list = page.json().0;
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text: {list}")).to_owned();
        let uri = text(&list["client"][0]["frontchannel_logout_uri"]);
        format!("{uri}?iss={}&sid={}", text(&list["iss"]), text(&list["sid"]))
    }

    async fn rotate_keys(&self) {
        self.configure(3600).await;
    }

    async fn restart(&self) {
        let mut running = self.running.lock().await;
        // The port is free once the first one has ended.
        drop(running.take());
        *running = Some(Glewlwyd::spawn(self.port, &self.folder).await);
    }
}
