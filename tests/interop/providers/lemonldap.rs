//! The portal of `LemonLDAP::NG`, as Debian packages it. Its configuration is a file with a number, its user a row of an SQLite
//! file.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use gatepost::testing::signing::RSA_A_PEM;
use serde_json::{Value, json};

use super::columns::Column;
use super::{PASSWORD, Provider, TOKEN_SECONDS, USER};
use crate::support::browser::{Browser, Page};
use crate::support::ports::free_port;
use crate::support::process::{Process, eventually};
use crate::support::{raw, tools};

const PORTAL: &str = "/usr/share/lemonldap-ng/portal";
const RSA_B_PEM: &str = include_str!("../../../src/testing/keys/rsa_b.pem");

pub(crate) struct LemonLdap {
    process: Mutex<Option<Process>>,
    configuration: Mutex<Value>,
    folder: PathBuf,
    port: u16,
}

fn make_users(folder: &Path) {
    let statements = format!(
        "CREATE TABLE users (uid TEXT, password TEXT, cn TEXT, mail TEXT);\n\
         INSERT INTO users VALUES ('{USER}', '{PASSWORD}', 'Alice Doe', 'alice@example.test');"
    );
    let sqlite = tools::installed("sqlite3");
    let made = Command::new(sqlite).arg(folder.join("users.db")).arg(statements).status().expect("sqlite3");
    assert!(made.success(), "{made}");
}

/// Where and how the portal finds its configuration.
fn write_settings(folder: &Path) {
    let settings = format!(
        "[all]\nlogger = Lemonldap::NG::Common::Logger::Std\nlogLevel = notice\n\
         [configuration]\ntype = File\ndirName = {}/conf\n\
         [portal]\nstaticPrefix = /static\ntemplateDir = {PORTAL}/templates\nlanguages = en\n",
        folder.display()
    );
    std::fs::write(folder.join("lemonldap-ng.ini"), settings).expect("lemonldap-ng.ini");
}

fn configuration(folder: &Path, port: u16) -> Value {
    let sessions = |name: &str| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.join("lock")).expect("a folder");
        json!({
            "Directory": path, "LockDirectory": path.join("lock"),
            "generateModule": "Lemonldap::NG::Common::Apache::Session::Generate::SHA256",
        })
    };
    json!({
        "cfgNum": 0, "cfgDate": 1, "key": "one run of the interop tests",
        "portal": format!("http://127.0.0.1:{port}/"), "domain": "127.0.0.1", "securedCookie": 0,
        "authentication": "DBI", "userDB": "Same", "passwordDB": "Null",
        "dbiAuthChain": format!("dbi:SQLite:dbname={}", folder.join("users.db").display()),
        "dbiAuthTable": "users", "dbiAuthLoginCol": "uid", "dbiAuthPasswordCol": "password",
        "dbiExportedVars": { "uid": "uid", "cn": "cn", "mail": "mail" }, "whatToTrace": "uid",
        "groups": { "admins": format!("$uid eq '{USER}'"), "staff": "1" },
        "globalStorage": "Apache::Session::File", "globalStorageOptions": sessions("sessions"),
        "persistentStorage": "Apache::Session::File", "persistentStorageOptions": sessions("persistent"),
        "localSessionStorage": "", "tokenUseGlobalStorage": 1,
        "locationRules": { "127.0.0.1": { "default": "accept" } },
        "issuerDBOpenIDConnectActivation": 1,
        "oidcServiceKeyIdSig": "first", "oidcServicePrivateKeySig": RSA_A_PEM, "oidcServicePublicKeySig": "",
        "oidcRPMetaDataOptions": {}, "oidcRPMetaDataExportedVars": {}, "oidcRPMetaDataOptionsExtraClaims": {},
    })
}

impl LemonLdap {
    /// Starts it with this change of its configuration.
    async fn configure(&self, change: impl FnOnce(&mut Value)) {
        {
            let mut configuration = self.configuration.lock().expect("the configuration");
            change(&mut configuration);
            let number = configuration["cfgNum"].as_u64().expect("a number") + 1;
            configuration["cfgNum"] = number.into();
            let file = self.folder.join(format!("conf/lmConf-{number}.json"));
            std::fs::write(file, configuration.to_string()).expect("its configuration");
        }
        self.restart().await;
    }
}

impl Provider for LemonLdap {
    const NAME: &'static str = "LemonLDAP::NG";

    fn lacks(column: Column) -> Option<&'static str> {
        match column {
            Column::BackChannelLogout | Column::PrivateKeyJwt => Some("not in this version"),
            Column::StepUp => Some("ignores `acr_values`"),
            _ => None,
        }
    }

    fn excepts(column: Column) -> Option<&'static str> {
        (column == Column::Refresh).then_some("without rotation")
    }

    const FRAME_SITE: &'static str = "same-site";

    async fn start(folder: &Path) -> Self {
        let port = free_port();
        make_users(folder);
        write_settings(folder);
        std::fs::create_dir(folder.join("conf")).expect("a folder");
        let configuration = Mutex::new(configuration(folder, port));
        let portal = Self { process: Mutex::default(), configuration, folder: folder.to_owned(), port };
        portal.configure(|_| {}).await;
        portal
    }

    fn version() -> String {
        super::debian_version("liblemonldap-ng-portal-perl")
    }

    /// The slash at its end is the portal's own.
    fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    fn settings(&self, column: Column) -> String {
        // It takes what Basic carries as it is, and a form-encoded secret is another one.
        let method = "    token_endpoint_auth_method: client_secret_post\n";
        let special = match column {
            // Its access tokens are for the client itself.
            Column::Bearer => format!("    bearer: {{ verify: jwt, audience: {}, token_type: JWT }}\n", column.label()),
            Column::Introspection => "    bearer: { verify: introspection }\n".to_owned(),
            _ => String::new(),
        };
        format!("{method}{special}")
    }

    async fn register(&self, client: &Value) {
        let id = client["client_id"].as_str().expect("a client");
        let list = |name: &str| {
            let values = client[name].as_array().expect("addresses").iter().map(|value| value.as_str().expect("text"));
            values.collect::<Vec<_>>().join(" ")
        };
        let is = |column: Column| u8::from(id == column.label());
        let options = json!({
            "oidcRPMetaDataOptionsClientID": id,
            "oidcRPMetaDataOptionsClientSecret": client["client_secret"],
            "oidcRPMetaDataOptionsRedirectUris": list("redirect_uris"),
            "oidcRPMetaDataOptionsPostLogoutRedirectUris": list("post_logout_redirect_uris"),
            "oidcRPMetaDataOptionsIDTokenSignAlg": "RS256",
            "oidcRPMetaDataOptionsRequirePKCE": 1,
            "oidcRPMetaDataOptionsBypassConsent": 1,
            "oidcRPMetaDataOptionsRefreshToken": is(Column::Refresh),
            "oidcRPMetaDataOptionsAccessTokenExpiration": if is(Column::Refresh) == 1 { TOKEN_SECONDS } else { 3600 },
            "oidcRPMetaDataOptionsAccessTokenJWT": is(Column::Bearer),
            "oidcRPMetaDataOptionsLogoutUrl": client["frontchannel_logout_uri"],
            "oidcRPMetaDataOptionsLogoutType": "front",
            // The `sid` that it would send is the user's name, which no ID Token has as `sid`.
            "oidcRPMetaDataOptionsLogoutSessionRequired": 0,
        });
        let claims =
            json!({ "name": "cn", "preferred_username": "uid", "email": "mail", "groups": "groups;string;auto" });
        self.configure(|configuration| {
            configuration["oidcRPMetaDataOptions"][id] = options;
            configuration["oidcRPMetaDataExportedVars"][id] = claims;
            // The scope groups, which it does not know otherwise.
            configuration["oidcRPMetaDataOptionsExtraClaims"][id] = json!({ "groups": "groups" });
        })
        .await;
    }

    async fn end_session(&self, browser: &Browser) -> Page {
        browser.visit(&format!("{}?logout=1", self.issuer())).await
    }

    /// It publishes one key only.
    async fn rotate_keys(&self) {
        self.configure(|configuration| {
            configuration["oidcServiceKeyIdSig"] = "second".into();
            configuration["oidcServicePrivateKeySig"] = RSA_B_PEM.into();
        })
        .await;
    }

    async fn restart(&self) {
        {
            let mut process = self.process.lock().expect("the process");
            // The port is free once the first one has ended.
            drop(process.take());
            let mut command = Command::new(tools::installed("plackup"));
            // One process answers all requests; a server of several would leave them running when it is killed.
            command
                .args(["--env", "deployment", "--server", "HTTP::Server::PSGI"])
                .args(["--host", "127.0.0.1", "--port", &self.port.to_string()])
                .arg(format!("{PORTAL}/htdocs/index.psgi"))
                .env("LLNG_DEFAULTCONFFILE", self.folder.join("lemonldap-ng.ini"));
            *process = Some(Process::start("lemonldap-ng", &mut command));
        }
        eventually("the portal answers", async || raw::get(self.port, "/oauth2/jwks").await).await;
    }
}
