//! Ory Hydra over an SQLite file. Its users, and what is said of them, belong to the program beside it (`hydra_login.rs`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use http::Method;
use serde_json::{Value, json};

use super::columns::Column;
use super::forwarder::Forwarder;
use super::hydra_login::LoginProgram;
use super::{Provider, TOKEN_SECONDS};
use crate::support::browser::{Ask, Browser, Page, Protocol};
use crate::support::ports::free_port;
use crate::support::process::{Process, eventually};
use crate::support::{raw, tools};

/// The audience of access tokens in the column about bearer tokens.
const API: &str = "https://api.example";
const SCOPES: &str = "openid offline_access profile email groups";

pub(crate) struct Hydra {
    process: Mutex<Process>,
    folder: PathBuf,
    port: u16,
    admin: u16,
    forwarder: Forwarder,
    _login: LoginProgram,
}

fn configuration(folder: &Path, port: u16, admin: u16, login: u16) -> String {
    let login = format!("http://127.0.0.1:{login}");
    let settings = json!({
        "dsn": format!("sqlite://{}/hydra.db?_fk=true", folder.display()),
        "serve": { "public": { "host": "127.0.0.1", "port": port }, "admin": { "host": "127.0.0.1", "port": admin } },
        "urls": {
            "self": { "issuer": format!("http://127.0.0.1:{port}") },
            "login": format!("{login}/login"), "consent": format!("{login}/consent"), "logout": format!("{login}/logout"),
            "post_logout_redirect": format!("{login}/goodbye"),
        },
        "secrets": { "system": ["one run of the interop tests"] },
        "webfinger": { "jwks": { "broadcast_keys": ["hydra.openid.id-token", "hydra.jwt.access-token"] } },
        "oauth2": { "pkce": { "enforced": true }, "expose_internal_errors": true },
        // It reports how it is used to its makers otherwise.
        "sqa": { "opt_out": true },
    });
    settings.to_string()
}

fn hydra(folder: &Path) -> Command {
    let mut command = Command::new(tools::fetched("interop/bin/hydra"));
    command.arg("--config").arg(folder.join("hydra.json"));
    command
}

impl Hydra {
    async fn spawn(folder: &Path, port: u16, forwarder: &Forwarder) -> Process {
        let proxy = format!("http://127.0.0.1:{}", forwarder.port);
        let mut command = hydra(folder);
        let process = Process::start("hydra", command.args(["serve", "all", "--dev"]).env("HTTP_PROXY", proxy));
        eventually("Hydra answers", async || raw::get(port, "/health/ready").await).await;
        process
    }

    async fn call(&self, method: Method, path: &str, body: &Value) -> Page {
        let ask = Ask::plain(method, &format!("http://127.0.0.1:{}/admin{path}", self.admin));
        let page = Browser::new(Protocol::Http1).ask(ask.json(body)).await;
        assert!(page.status.is_success(), "{path}: {page:#?}");
        page
    }
}

impl Provider for Hydra {
    const NAME: &'static str = "Ory Hydra";

    fn lacks(_column: Column) -> Option<&'static str> {
        None
    }

    async fn start(folder: &Path) -> Self {
        let [port, admin] = [(); 2].map(|()| free_port());
        let login = LoginProgram::start(admin).await;
        std::fs::write(folder.join("hydra.json"), configuration(folder, port, admin, login.port)).expect("hydra.json");
        let made = hydra(folder).args(["migrate", "sql", "up", "-e", "--yes"]).output().expect("hydra");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let forwarder = Forwarder::start().await;
        let process = Mutex::new(Self::spawn(folder, port, &forwarder).await);
        Self { process, folder: folder.to_owned(), port, admin, forwarder, _login: login }
    }

    fn version() -> String {
        super::go_version("hydra")
    }

    fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn settings(&self, column: Column) -> String {
        let issuer = self.issuer();
        match column {
            Column::Bearer => format!(
                "    authorization_parameters: {{ audience: '{API}' }}\n    \
                 bearer: {{ verify: jwt, audience: '{API}', token_type: JWT }}\n"
            ),
            // Introspection belongs to its administrative API, so no metadata name it.
            Column::Introspection => format!(
                "    bearer: {{ verify: introspection }}\n    authorization_endpoint: {issuer}/oauth2/auth\n    \
                 token_endpoint: {issuer}/oauth2/token\n    jwks_uri: {issuer}/.well-known/jwks.json\n    \
                 introspection_endpoint: http://127.0.0.1:{}/admin/oauth2/introspect\n",
                self.admin
            ),
            Column::BackChannelLogout => "    logout_token_exp: optional\n".to_owned(),
            Column::PrivateKeyJwt => "    client_assertion_audience: token_endpoint\n".to_owned(),
            _ => String::new(),
        }
    }

    fn scopes(_column: Column) -> &'static str {
        "openid, offline_access, profile, email, groups"
    }

    async fn register(&self, client: &Value) {
        let mut client = client.clone();
        let id = client["client_id"].as_str().expect("a client").to_owned();
        client["scope"] = SCOPES.into();
        client["grant_types"] = ["authorization_code", "refresh_token"].as_slice().into();
        client["audience"] = [API].as_slice().into();
        if id == Column::Bearer.label() {
            client["access_token_strategy"] = "jwt".into();
        }
        self.call(Method::POST, "/clients", &client).await;
        if id == Column::Refresh.label() {
            let seconds = format!("{TOKEN_SECONDS}s");
            let lifespans = json!({
                "authorization_code_grant_access_token_lifespan": seconds,
                "refresh_token_grant_access_token_lifespan": seconds,
            });
            self.call(Method::PUT, &format!("/clients/{id}/lifespans"), &lifespans).await;
        }
    }

    async fn end_session(&self, browser: &Browser) -> Page {
        browser.visit(&format!("{}/oauth2/sessions/logout", self.issuer())).await
    }

    async fn rotate_keys(&self) {
        let key = json!({ "kid": "newer", "alg": "RS256", "use": "sig" });
        self.call(Method::POST, "/keys/hydra.openid.id-token", &key).await;
    }

    async fn restart(&self) {
        let stopped = {
            let mut process = self.process.lock().expect("the process");
            process.ask_to_stop();
            process.wait()
        };
        assert!(stopped.success(), "{stopped}");
        let process = Self::spawn(&self.folder, self.port, &self.forwarder).await;
        *self.process.lock().expect("the process") = process;
    }
}
