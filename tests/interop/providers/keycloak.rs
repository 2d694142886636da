//! Keycloak, in production mode over a database file; its realm is made through its Admin REST API.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use http::Method;
use serde_json::{Value, json};

use super::columns::Column;
use super::{PASSWORD, Provider, TOKEN_SECONDS, USER, form};
use crate::support::browser::{Ask, Browser, Page, Protocol};
use crate::support::ports::free_port;
use crate::support::process::Process;
use crate::support::tools;

const REALM: &str = "/admin/realms/interop";
/// The audience of access tokens in the column about bearer tokens.
const API: &str = "https://api.example";

pub(crate) struct Keycloak {
    process: Mutex<Process>,
    folder: PathBuf,
    port: u16,
    /// The authentication flow with two steps.
    steps: String,
}

/// The folder of the installed version; its name ends in the version.
fn home() -> PathBuf {
    let all = std::fs::read_dir(tools::fetched("interop/keycloak")).expect("a folder");
    let mut found = all.map(|entry| entry.expect("an entry").path()).filter(|path| path.join("bin/kc.sh").exists());
    found.next().expect("run tests/interop/install keycloak")
}

fn spawn(folder: &Path, port: u16) -> Process {
    let home = home();
    // The Java that the installer chose. `kc.sh` would leave the server running when its own process ends.
    let java = std::fs::read_to_string(tools::fetched("interop/keycloak/java")).expect("the path of java");
    let mut command = Command::new(java.trim());
    for package in ["java.util", "java.util.concurrent", "java.security", "java.lang"] {
        command.arg(format!("--add-opens=java.base/{package}=ALL-UNNAMED"));
    }
    let hosts = folder.join("hosts");
    let names = Column::ALL.map(|column| format!("127.0.0.1 {}.demo.localhost\n", column.label()));
    std::fs::write(&hosts, names.concat()).expect("hosts");
    command
        .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m", "--enable-native-access=ALL-UNNAMED"])
        .arg("-Djava.util.concurrent.ForkJoinPool.common.threadFactory=io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory")
        .arg("-Djava.util.logging.manager=org.jboss.logmanager.LogManager")
        .arg(format!("-Djdk.net.hosts.file={}", hosts.display()))
        .arg(format!("-Dkc.home.dir={}", home.display()))
        .arg(format!("-Djboss.server.config.dir={}", home.join("conf").display()))
        .arg("-cp")
        .arg(home.join("lib/quarkus-run.jar"))
        .args(["io.quarkus.bootstrap.runner.QuarkusEntryPoint", "start", "--optimized", "--http-enabled=true"])
        .args(["--http-host=127.0.0.1", &format!("--http-port={port}"), &format!("--hostname=http://127.0.0.1:{port}")])
        .arg(format!("--db-url=jdbc:h2:file:{}/keycloak;NON_KEYWORDS=VALUE", folder.display()))
        .env("KC_BOOTSTRAP_ADMIN_USERNAME", "admin")
        .env("KC_BOOTSTRAP_ADMIN_PASSWORD", PASSWORD);
    let process = Process::start("keycloak", &mut command);
    assert!(process.out.says("Listening on:"), "{}", process.last_words());
    process
}

impl Keycloak {
    /// One call of the Admin REST API.
    async fn call(&self, method: Method, path: &str, body: &Value) -> Page {
        let admin = Browser::new(Protocol::Http1);
        let base = format!("http://127.0.0.1:{}", self.port);
        let form =
            [("grant_type", "password"), ("client_id", "admin-cli"), ("username", "admin"), ("password", PASSWORD)];
        let token = format!("{base}/realms/master/protocol/openid-connect/token");
        let token = admin.ask(Ask::plain(Method::POST, &token).form(&form)).await;
        let token = token.json().text("access_token").unwrap_or_else(|| panic!("no token: {token:#?}")).to_owned();
        let ask = Ask::plain(method, &format!("{base}{path}")).header("authorization", &format!("Bearer {token}"));
        let page = admin.ask(if body.is_null() { ask } else { ask.json(body) }).await;
        assert!(page.status.is_success(), "{path}: {page:#?}");
        page
    }

    async fn make_realm(&self) {
        let realm = json!({
            "realm": "interop", "enabled": true, "sslRequired": "none",
            // A refresh token is good once.
            "revokeRefreshToken": true, "refreshTokenMaxReuse": 0,
            "attributes": { "acr.loa.map": r#"{"password":"1","mfa":"2"}"# },
            "groups": [{ "name": "admins" }, { "name": "staff" }],
            "users": [{
                "username": USER, "email": "alice@example.test", "emailVerified": true, "enabled": true,
                "firstName": "Alice", "lastName": "Doe", "groups": ["/admins", "/staff"],
                "credentials": [{ "type": "password", "value": PASSWORD, "temporary": false }],
            }],
        });
        self.call(Method::POST, "/admin/realms", &realm).await;
    }

    /// A browser flow in which `mfa` asks for the password once more (Keycloak's Server Administration Guide, "step-up").
    async fn make_steps(&self) -> String {
        let flows = format!("{REALM}/authentication/flows");
        let flow = json!({ "alias": "steps", "providerId": "basic-flow", "topLevel": true, "builtIn": false });
        self.call(Method::POST, &flows, &flow).await;
        self.add_step("steps", "auth-cookie", "ALTERNATIVE").await;
        self.add_flow("steps", "step-forms", "ALTERNATIVE").await;
        for (level, authenticator) in [("1", "auth-username-password-form"), ("2", "auth-password-form")] {
            let name = format!("step-{level}");
            self.add_flow("step-forms", &name, "CONDITIONAL").await;
            let condition = self.add_step(&name, "conditional-level-of-authentication", "REQUIRED").await;
            let config = json!({ "alias": name, "config": { "loa-condition-level": level, "loa-max-age": "36000" } });
            self.call(Method::POST, &format!("{REALM}/authentication/executions/{condition}/config"), &config).await;
            self.add_step(&name, authenticator, "REQUIRED").await;
        }
        let all = self.call(Method::GET, &flows, &Value::Null).await.json().0;
        let found = all.as_array().expect("a list").iter().find(|flow| flow["alias"] == "steps");
        found.expect("the flow")["id"].as_str().expect("its id").to_owned()
    }

    /// Adds an authenticator or a condition to a flow and returns the id of the execution.
    async fn add_step(&self, flow: &str, provider: &str, requirement: &str) -> String {
        let path = format!("{REALM}/authentication/flows/{flow}/executions/execution");
        self.call(Method::POST, &path, &json!({ "provider": provider })).await;
        self.require(flow, |execution| execution["providerId"] == provider, requirement).await
    }

    async fn add_flow(&self, flow: &str, alias: &str, requirement: &str) {
        let path = format!("{REALM}/authentication/flows/{flow}/executions/flow");
        self.call(Method::POST, &path, &json!({ "alias": alias, "type": "basic-flow" })).await;
        self.require(flow, |execution| execution["displayName"] == alias, requirement).await;
    }

    /// Sets the requirement of the newest execution that is meant.
    async fn require(&self, flow: &str, is_meant: impl Fn(&Value) -> bool, requirement: &str) -> String {
        let path = format!("{REALM}/authentication/flows/{flow}/executions");
        let all = self.call(Method::GET, &path, &Value::Null).await.json().0;
        let mut found =
            all.as_array().expect("a list").iter().rfind(|execution| is_meant(execution)).expect("it").clone();
        found["requirement"] = requirement.into();
        self.call(Method::PUT, &path, &found).await;
        found["id"].as_str().expect("an id").to_owned()
    }

    /// The client in Keycloak's own representation.
    fn representation(&self, client: &Value) -> Value {
        let text = |name: &str| client[name].as_str().unwrap_or_default();
        let groups = json!({ "claim.name": "groups", "full.path": "false", "id.token.claim": "true", "access.token.claim": "true" });
        // It calls a token active only to clients in its audience.
        let audience = if text("client_id") == Column::Introspection.label() {
            json!({ "included.client.audience": client["client_id"], "access.token.claim": "true" })
        } else {
            json!({ "included.custom.audience": API, "access.token.claim": "true" })
        };
        let mapper = |name: &str, kind: &str, config: Value| json!({ "name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config });
        let mut made = json!({
            "clientId": client["client_id"], "secret": client["client_secret"], "redirectUris": client["redirect_uris"],
            "publicClient": false, "standardFlowEnabled": true, "frontchannelLogout": false,
            "attributes": {
                "pkce.code.challenge.method": "S256",
                "post.logout.redirect.uris": client["post_logout_redirect_uris"][0],
                "backchannel.logout.url": text("backchannel_logout_uri"),
                "backchannel.logout.session.required": "true",
            },
            "protocolMappers": [
                mapper("groups", "oidc-group-membership-mapper", groups),
                mapper("audience", "oidc-audience-mapper", audience),
            ],
        });
        let attributes = &mut made["attributes"];
        if text("client_id") == Column::Refresh.label() {
            attributes["access.token.lifespan"] = TOKEN_SECONDS.to_string().into();
        }
        if client["jwks"].is_object() {
            attributes["use.jwks.string"] = "true".into();
            attributes["jwks.string"] = client["jwks"].to_string().into();
            attributes["token.endpoint.auth.signing.alg"] = client["token_endpoint_auth_signing_alg"].clone();
            made["clientAuthenticatorType"] = "client-jwt".into();
        }
        if client["frontchannel_logout_uri"].is_string() {
            made["attributes"]["frontchannel.logout.url"] = client["frontchannel_logout_uri"].clone();
            made["attributes"]["frontchannel.logout.session.required"] = "true".into();
            made["frontchannelLogout"] = true.into();
        }
        if text("client_id") == Column::StepUp.label() {
            made["authenticationFlowBindingOverrides"] = json!({ "browser": self.steps });
        }
        made
    }
}

impl Provider for Keycloak {
    const NAME: &'static str = "Keycloak";

    fn lacks(_column: Column) -> Option<&'static str> {
        None
    }

    async fn start(folder: &Path) -> Self {
        let port = free_port();
        let process = Mutex::new(spawn(folder, port));
        let mut keycloak = Self { process, folder: folder.to_owned(), port, steps: String::new() };
        keycloak.make_realm().await;
        keycloak.steps = keycloak.make_steps().await;
        keycloak
    }

    fn version() -> String {
        let name = home().file_name().expect("a name").to_string_lossy().into_owned();
        name.trim_start_matches("keycloak-").to_owned()
    }

    fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}/realms/interop", self.port)
    }

    fn settings(&self, column: Column) -> String {
        match column {
            Column::Bearer => format!("    bearer: {{ verify: jwt, audience: '{API}', token_type: JWT }}\n"),
            Column::Introspection => "    bearer: { verify: introspection }\n".to_owned(),
            _ => String::new(),
        }
    }

    fn scopes(_column: Column) -> &'static str {
        "openid, profile, email"
    }

    async fn register(&self, client: &Value) {
        self.call(Method::POST, &format!("{REALM}/clients"), &self.representation(client)).await;
    }

    async fn end_session(&self, browser: &Browser) -> Page {
        let page = browser.open(&format!("{}/protocol/openid-connect/logout", self.issuer())).await;
        form::confirm(browser, page).await
    }

    async fn rotate_keys(&self) {
        let realm = self.call(Method::GET, REALM, &Value::Null).await.json().0;
        let key = json!({
            "name": "newer", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
            "parentId": realm["id"],
            "config": { "priority": ["1000"], "enabled": ["true"], "active": ["true"], "algorithm": ["RS256"], "keySize": ["2048"] },
        });
        self.call(Method::POST, &format!("{REALM}/components"), &key).await;
    }

    async fn restart(&self) {
        let mut process = self.process.lock().expect("the process");
        process.ask_to_stop();
        process.wait();
        *process = spawn(&self.folder, self.port);
    }
}
