//! The second provider: glewlwyd (Debian package), with one user and ES256 signatures.

use std::path::Path;
use std::process::Command;

use http::{Method, StatusCode};
use rcgen::KeyPair;
use serde_json::{Value, json};
use url::Url;

use super::browser::{Ask, Browser, Page, Protocol};
use super::process::{Process, eventually};
use super::{raw, tools};

const PASSWORD: &str = "open sesame";
/// The name of its configuration file.
const CONFIGURATION: &str = "glewlwyd.conf";

pub(crate) struct Glewlwyd {
    _process: Process,
    base: String,
}

impl Glewlwyd {
    /// Its issuer at this port.
    pub(crate) fn issuer_at(port: u16) -> String {
        format!("http://127.0.0.1:{port}/api/oidc")
    }

    /// Starts it with one client.
    pub(crate) async fn start(port: u16, folder: &Path, client: &Value) -> Self {
        let glewlwyd = Self::start_empty(port, folder).await;
        glewlwyd.register(client).await;
        glewlwyd
    }

    /// Starts it without clients.
    pub(crate) async fn start_empty(port: u16, folder: &Path) -> Self {
        let database = folder.join("glewlwyd.db");
        make_database(&database);
        std::fs::write(folder.join(CONFIGURATION), configuration(port, &database)).expect("glewlwyd.conf");
        let glewlwyd = Self::spawn(port, folder).await;
        glewlwyd.set_up().await;
        glewlwyd
    }

    /// Starts it over the files of an earlier start.
    pub(crate) async fn spawn(port: u16, folder: &Path) -> Self {
        let config = folder.join(CONFIGURATION);
        let program = tools::installed("glewlwyd");
        let process = Process::start("glewlwyd", Command::new(program).arg("--config-file").arg(&config));
        eventually("glewlwyd answers", async || raw::get(port, "/config").await).await;
        Self { _process: process, base: format!("http://127.0.0.1:{port}") }
    }

    pub(crate) async fn call(&self, browser: &Browser, method: Method, path: &str, body: &Value) -> Page {
        let ask = Ask::plain(method, &format!("{}{path}", self.base));
        let page = browser.ask(ask.json(body)).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {page:#?}");
        page
    }

    /// The administrator's browser.
    pub(crate) async fn administrator(&self) -> Browser {
        let admin = Browser::new(Protocol::Http1);
        self.call(&admin, Method::POST, "/api/auth/", &json!({ "username": "admin", "password": "password" })).await;
        admin
    }

    async fn set_up(&self) {
        let admin = self.administrator().await;
        for scope in ["profile", "email", "groups"] {
            let entry = json!({ "name": scope, "display_name": scope, "password_required": false, "scheme": {} });
            self.call(&admin, Method::POST, "/api/scope/", &entry).await;
        }
        self.add_property(&admin, "user", "groups").await;
        self.add_property(&admin, "client", "post_logout_redirect_uris").await;
        self.call(&admin, Method::POST, "/api/mod/plugin/", &self.openid_plugin()).await;
        let scopes = ["openid", "profile", "email", "groups", "g_profile"];
        let alice = json!({
            "username": "alice", "name": "Alice Doe", "email": "alice@example.test", "enabled": true,
            "password": PASSWORD, "scope": scopes, "groups": ["admins", "staff"],
        });
        self.call(&admin, Method::POST, "/api/user/", &alice).await;
    }

    /// Adds a client with these metadata.
    pub(crate) async fn register(&self, client: &Value) {
        let admin = self.administrator().await;
        let mut entry = json!({
            "client_id": client["client_id"], "name": "Gatepost", "enabled": true, "confidential": true,
            "redirect_uri": client["redirect_uris"], "authorization_type": ["code", "refresh_token"],
            "token_endpoint_auth_method": [client["token_endpoint_auth_method"].as_str().unwrap_or("client_secret_post")],
            "scope": [], "post_logout_redirect_uris": client["post_logout_redirect_uris"],
        });
        if client["client_secret"].is_string() {
            entry["password"] = client["client_secret"].clone();
            entry["client_secret"] = client["client_secret"].clone();
        }
        for uri in ["frontchannel_logout_uri", "backchannel_logout_uri"] {
            if client[uri].is_string() {
                entry[uri] = client[uri].clone();
                // Its client database holds texts alone.
                entry[uri.replace("uri", "session_required")] = "1".into();
            }
        }
        if client["jwks"].is_object() {
            entry["jwks"] = client["jwks"].clone();
            entry["token_endpoint_signing_alg"] = client["token_endpoint_auth_signing_alg"].clone();
        }
        self.call(&admin, Method::POST, "/api/client/", &entry).await;
    }

    /// The settings of its OpenID Connect plugin, with a new key.
    pub(crate) fn openid_plugin(&self) -> Value {
        openid_plugin(&self.base)
    }

    /// Lets users or clients have a property that is a list.
    async fn add_property(&self, admin: &Browser, of: &str, name: &str) {
        let path = format!("/api/mod/{of}/database");
        let mut module = admin.ask(Ask::plain(Method::GET, &format!("{}{path}", self.base))).await.json().0;
        module["parameters"]["data-format"][name] =
            json!({ "multiple": true, "read": true, "write": true, "profile-read": true, "profile-write": false });
        self.call(admin, Method::PUT, &path, &module).await;
        self.call(admin, Method::PUT, &format!("{path}/reset"), &json!({})).await;
    }

    /// Signs alice in at the login page to which this authorization request leads, as the page's script does, and returns
    /// the answer that redirects the browser back.
    pub(crate) async fn sign_in(&self, browser: &Browser, authorization: &Url) -> Page {
        let login = browser.open(authorization.as_str()).await;
        assert!(login.location().path().ends_with("login.html"), "{login:#?}");
        let credentials = json!({ "username": "alice", "password": PASSWORD });
        self.call(browser, Method::POST, "/api/auth/", &credentials).await;
        let client =
            authorization.query_pairs().find(|(name, _)| name == "client_id").expect("a client").1.into_owned();
        let granted = json!({ "scope": "openid profile email groups" });
        self.call(browser, Method::PUT, &format!("/api/auth/grant/{client}"), &granted).await;
        let go_on = format!("{authorization}&g_continue");
        browser.open(&go_on).await
    }
}

fn make_database(path: &Path) {
    let schema = tools::fetched("glewlwyd/init.sqlite3.sql");
    let schema = std::fs::File::open(schema).expect("the schema");
    let made = Command::new(tools::installed("sqlite3")).arg(path).stdin(schema).status();
    assert!(made.expect("sqlite3").success(), "no database for glewlwyd");
}

fn configuration(port: u16, database: &Path) -> String {
    let modules = "/usr/lib/glewlwyd";
    let database = database.display();
    format!(
        r#"
port = {port}
bind_address = "127.0.0.1"
external_url = "http://127.0.0.1:{port}"
login_url = "login.html"
api_prefix = "api"
log_mode = "console"
log_level = "WARNING"
cookie_secure = 0
session_expiration = 86400
session_key = "GLEWLWYD2_SESSION_ID"
admin_session_authentication = "cookie"
profile_session_authentication = "cookie"
allow_multiple_user_per_session = true
login_api_enabled = true
max_post_size = 16778240
admin_scope = "g_admin"
profile_scope = "g_profile"
user_module_path = "{modules}/user"
client_module_path = "{modules}/client"
user_auth_scheme_module_path = "{modules}/scheme"
plugin_module_path = "{modules}/plugin"
use_secure_connection = false
secure_connection_key_file = "unused"
secure_connection_pem_file = "unused"
hash_algorithm = "SHA512"
database = {{ type = "sqlite3"; path = "{database}"; }};
"#
    )
}

/// The plugin of a provider at this address, with a new key.
fn openid_plugin(base: &str) -> Value {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
    let mut plugin = json!({
        "module": "oidc", "name": "oidc", "display_name": "oidc", "order_rank": 0, "enabled": true,
        "parameters": {
            "iss": format!("{base}/api/oidc"),
            "jwt-type": "ecdsa", "jwt-key-size": "256",
            "key": key.serialize_pem(), "cert": key.public_key_pem(),
            "jwks-show": true, "subject-type": "pairwise",
            "access-token-duration": 3600, "refresh-token-duration": 86400, "code-duration": 600,
            "refresh-token-rolling": false, "refresh-token-one-use": "always", "allow-non-oidc": false,
            "auth-type-code-enabled": true, "auth-type-token-enabled": false, "auth-type-id-token-enabled": true,
            "auth-type-none-enabled": false, "auth-type-password-enabled": false, "auth-type-client-enabled": false,
            "auth-type-device-enabled": false, "auth-type-refresh-enabled": true,
            "allowed-scope": ["openid", "profile", "email", "groups"],
            "pkce-allowed": true, "pkce-method-plain-allowed": false, "pkce-required": true,
            "name-claim": "mandatory", "email-claim": "mandatory",
            "claims": [
                { "name": "groups", "user-property": "groups", "type": "string", "mandatory": true },
                { "name": "preferred_username", "user-property": "username", "type": "string", "mandatory": true },
            ],
            "session-management-allowed": true,
            "session-cookie-name": "GLEWLWYD2_OIDC_SID", "session-cookie-expiration": 86400,
        },
    });
    for allowed in [
        "introspection-revocation-allowed",
        "introspection-revocation-allow-target-client",
        "front-channel-logout-allowed",
        "back-channel-logout-allowed",
    ] {
        plugin["parameters"][allowed] = true.into();
    }
    plugin["parameters"]["client-jwks-parameter"] = "jwks".into();
    plugin
}
