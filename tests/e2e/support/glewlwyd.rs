//! The second provider: glewlwyd (Debian package), with one user, one client and ES256 signatures.

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

pub(crate) struct Glewlwyd {
    _process: Process,
    base: String,
}

impl Glewlwyd {
    /// Its issuer at this port.
    pub(crate) fn issuer_at(port: u16) -> String {
        format!("http://127.0.0.1:{port}/api/oidc")
    }

    pub(crate) async fn start(port: u16, folder: &Path, client: &Value) -> Self {
        let database = folder.join("glewlwyd.db");
        make_database(&database);
        let config = folder.join("glewlwyd.conf");
        std::fs::write(&config, configuration(port, &database)).expect("glewlwyd.conf");
        let program = tools::installed("glewlwyd");
        let process = Process::start("glewlwyd", Command::new(program).arg("--config-file").arg(&config));
        eventually("glewlwyd answers", async || raw::get(port, "/config").await).await;
        let glewlwyd = Self { _process: process, base: format!("http://127.0.0.1:{port}") };
        glewlwyd.set_up(client).await;
        glewlwyd
    }

    async fn call(&self, browser: &Browser, method: Method, path: &str, body: &Value) -> Page {
        let ask = Ask::plain(method, &format!("{}{path}", self.base));
        let page = browser.ask(ask.json(body)).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {page:#?}");
        page
    }

    async fn set_up(&self, client: &Value) {
        let admin = Browser::new(Protocol::Http1);
        self.call(&admin, Method::POST, "/api/auth/", &json!({ "username": "admin", "password": "password" })).await;
        for scope in ["profile", "email", "groups"] {
            let entry = json!({ "name": scope, "display_name": scope, "password_required": false, "scheme": {} });
            self.call(&admin, Method::POST, "/api/scope/", &entry).await;
        }
        self.add_groups_to_users(&admin).await;
        self.call(&admin, Method::POST, "/api/mod/plugin/", &openid_plugin(&self.base)).await;
        let scopes = ["openid", "profile", "email", "groups", "g_profile"];
        let alice = json!({
            "username": "alice", "name": "Alice Doe", "email": "alice@example.test", "enabled": true,
            "password": PASSWORD, "scope": scopes, "groups": ["admins", "staff"],
        });
        self.call(&admin, Method::POST, "/api/user/", &alice).await;
        let entry = json!({
            "client_id": client["client_id"], "name": "Gatepost", "enabled": true, "confidential": true,
            "password": client["client_secret"], "client_secret": client["client_secret"],
            "redirect_uri": client["redirect_uris"], "authorization_type": ["code"],
            "token_endpoint_auth_method": ["client_secret_post"], "scope": [],
            "post_logout_redirect_uri": client["post_logout_redirect_uris"][0],
        });
        self.call(&admin, Method::POST, "/api/client/", &entry).await;
    }

    async fn add_groups_to_users(&self, admin: &Browser) {
        let path = "/api/mod/user/database";
        let mut users = admin.ask(Ask::plain(Method::GET, &format!("{}{path}", self.base))).await.json().0;
        users["parameters"]["data-format"]["groups"] =
            json!({ "multiple": true, "read": true, "write": true, "profile-read": true, "profile-write": false });
        self.call(admin, Method::PUT, path, &users).await;
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

fn openid_plugin(base: &str) -> Value {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
    json!({
        "module": "oidc", "name": "oidc", "display_name": "oidc", "order_rank": 0, "enabled": true,
        "parameters": {
            "iss": format!("{base}/api/oidc"),
            "jwt-type": "ecdsa", "jwt-key-size": "256",
            "key": key.serialize_pem(), "cert": key.public_key_pem(),
            "jwks-show": true, "subject-type": "pairwise",
            "access-token-duration": 3600, "refresh-token-duration": 86400, "code-duration": 600,
            "refresh-token-rolling": false, "allow-non-oidc": false,
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
    })
}
