//! canaille over an SQLite file; its settings are a file, its users, groups and clients are made with its command.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::columns::Column;
use super::{PASSWORD, Provider, TOKEN_SECONDS, USER};
use crate::support::browser::{Browser, Page};
use crate::support::ports::free_port;
use crate::support::process::Process;
use crate::version::interop;

/// How long its tokens last in seconds, which it knows for all clients alike.
const LONG: u64 = 3600;
/// The same in the column about refreshes. A refresh token ends with its access token, so a refresh on a busy machine needs more
/// time before that.
const SHORT: u64 = 3 * TOKEN_SECONDS;

pub(crate) struct Canaille {
    process: Mutex<Process>,
    /// Its private keys; the newest one is the first, and signs.
    keys: Mutex<Vec<String>>,
    folder: PathBuf,
    port: u16,
}

/// Its command, with the settings of this folder.
fn canaille(folder: &Path) -> Command {
    let mut command = Command::new(interop("canaille/bin/canaille"));
    command.current_dir(folder);
    command
}

/// Runs its command, and returns what it prints.
fn said<'a>(folder: &Path, arguments: impl IntoIterator<Item = &'a str>) -> String {
    let output = canaille(folder).args(arguments).output().expect("canaille");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

fn new_key(folder: &Path) -> String {
    said(folder, ["jwk", "create", "rsa", "--format", "toml"])
}

fn write_settings(folder: &Path, port: u16, keys: &[String], seconds: u64) {
    let (newest, earlier) = keys.split_first().expect("a key");
    let settings = format!(
        "SECRET_KEY = 'one run of the interop tests'\nSERVER_NAME = '127.0.0.1:{port}'\nPREFERRED_URL_SCHEME = 'http'\n\
         OAUTH2_TOKEN_EXPIRES_IN = {{ authorization_code = {seconds}, refresh_token = {seconds} }}\n\
         [CANAILLE_SQL]\nDATABASE_URI = 'sqlite:///{}/canaille.db'\n\
         [CANAILLE_OIDC]\nACTIVE_JWKS = [{newest}]\nINACTIVE_JWKS = [{}]\n",
        folder.display(),
        earlier.join(", ")
    );
    std::fs::write(folder.join("canaille.toml"), settings).expect("canaille.toml");
}

fn spawn(folder: &Path, port: u16) -> Process {
    let mut command = canaille(folder);
    // Workers are processes of their own, which would outlive it.
    command.args(["run", "--workers", "0", "--bind", &format!("127.0.0.1:{port}")]);
    let process = Process::start("canaille", &mut command);
    assert!(process.err.says("Running on"), "{}", process.last_words());
    process
}

impl Canaille {
    /// Starts it again with tokens that last so many seconds.
    fn configure(&self, seconds: u64) {
        write_settings(&self.folder, self.port, &self.keys.lock().expect("the keys"), seconds);
        self.start_again();
    }

    fn start_again(&self) {
        let mut process = self.process.lock().expect("the process");
        process.ask_to_stop();
        process.wait();
        *process = spawn(&self.folder, self.port);
    }
}

impl Provider for Canaille {
    const NAME: &'static str = "canaille";

    fn lacks(column: Column) -> Option<&'static str> {
        match column {
            Column::BackChannelLogout | Column::FrontChannelLogout => Some("not in the product"),
            Column::FormPost => Some("ignores `response_mode`"),
            Column::StepUp => Some("ignores `acr_values`"),
            _ => None,
        }
    }

    async fn start(folder: &Path) -> Self {
        let port = free_port();
        let keys = vec![new_key(folder)];
        write_settings(folder, port, &keys, LONG);
        said(folder, ["install"]);
        let alice = [
            "create",
            "user",
            "--user-name",
            USER,
            "--password",
            PASSWORD,
            "--emails",
            "alice@example.test",
            "--given-name",
            "Alice",
            "--family-name",
            "Doe",
            "--formatted-name",
            "Alice Doe",
            "--display-name",
            USER,
        ];
        said(folder, alice);
        for group in ["admins", "staff"] {
            said(folder, ["create", "group", "--display-name", group, "--members", USER]);
        }
        let process = Mutex::new(spawn(folder, port));
        Self { process, keys: Mutex::new(keys), folder: folder.to_owned(), port }
    }

    fn version() -> String {
        let stamp = std::fs::read_to_string(interop("canaille/.installed")).expect("what was installed");
        stamp.rsplit_once("==").expect("a version").1.to_owned()
    }

    fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn settings(&self, column: Column) -> String {
        match column {
            // Its access tokens are for the client itself.
            Column::Bearer => {
                format!("    bearer: {{ verify: jwt, audience: {}, token_type: JWT }}\n", column.label())
            }
            Column::Introspection => "    bearer: { verify: introspection }\n".to_owned(),
            Column::PrivateKeyJwt => "    client_assertion_audience: token_endpoint\n".to_owned(),
            _ => String::new(),
        }
    }

    async fn register(&self, client: &Value) {
        let id = client["client_id"].as_str().expect("a client").to_owned();
        let mut client = client.clone();
        client["client_name"] = id.clone().into();
        // It asks for no consent for a client of this machine.
        client["client_uri"] = format!("http://{id}.demo.localhost").into();
        client["grant_types"] = ["authorization_code", "refresh_token"].as_slice().into();
        client["response_types"] = ["code"].as_slice().into();
        client["scope"] = ["openid", "profile", "email", "groups"].as_slice().into();
        client["id_token_signed_response_alg"] = "RS256".into();
        if client["token_endpoint_auth_method"].is_null() {
            client["token_endpoint_auth_method"] = "client_secret_basic".into();
        }
        let mut arguments = vec!["create".to_owned(), "client".to_owned()];
        for (name, value) in client.as_object().expect("members") {
            let values = if value.is_array() { value.clone() } else { json!([value]) };
            for value in values.as_array().expect("values") {
                arguments.push(format!("--{}", name.replace('_', "-")));
                arguments.push(value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            }
        }
        said(&self.folder, arguments.iter().map(String::as_str));
        // Without an audience its tokens are for no client.
        said(&self.folder, ["set", "client", &id, "--audience", &id]);
        self.configure(if id == Column::Refresh.label() { SHORT } else { LONG });
    }

    async fn end_session(&self, browser: &Browser) -> Page {
        browser.visit(&format!("{}/logout", self.issuer())).await
    }

    async fn rotate_keys(&self) {
        self.keys.lock().expect("the keys").insert(0, new_key(&self.folder));
        self.configure(LONG);
    }

    async fn restart(&self) {
        self.start_again();
    }
}
