//! npm `oidc-provider`, a library with its own sign-in pages for development; the script beside this file is its configuration.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use serde_json::Value;

use super::columns::Column;
use super::{Provider, form};
use crate::support::browser::{Browser, Page};
use crate::support::json::Json;
use crate::support::ports::free_port;
use crate::support::process::Process;
use crate::support::tools;

pub(crate) struct OidcProvider {
    process: Mutex<Process>,
    clients: Mutex<Vec<Value>>,
    folder: PathBuf,
    port: u16,
}

fn spawn(folder: &Path, port: u16) -> Process {
    let script = tools::root().join("tests/interop/providers/oidc_provider.mjs");
    let process = Process::start("oidc-provider", Command::new("node").arg(script).arg(folder).arg(port.to_string()));
    assert!(process.out.says("ready"), "{}", process.last_words());
    process
}

impl OidcProvider {
    /// Sends a signal and waits until what it asks for is in use.
    fn tell(&self, signal: &str) {
        let process = self.process.lock().expect("the process");
        let mark = process.out.count();
        process.signal(signal);
        assert!(process.out.after(mark, |line| (line == "ready").then_some(())).is_some(), "{}", process.last_words());
    }
}

impl Provider for OidcProvider {
    const NAME: &'static str = "oidc-provider";

    fn lacks(column: Column) -> Option<&'static str> {
        (column == Column::FrontChannelLogout).then_some("not in the product")
    }

    async fn start(folder: &Path) -> Self {
        let port = free_port();
        std::fs::write(folder.join("clients.json"), "[]").expect("clients.json");
        let process = Mutex::new(spawn(folder, port));
        Self { process, clients: Mutex::default(), folder: folder.to_owned(), port }
    }

    fn version() -> String {
        let package = std::fs::read_to_string(tools::fetched("node_modules/oidc-provider/package.json"));
        let package = Json::parse(&package.expect("package.json")).expect("JSON");
        package.text("version").expect("a version").to_owned()
    }

    fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn settings(&self, column: Column) -> String {
        match column {
            Column::Bearer => "    authorization_parameters: { resource: 'https://api.example' }\n    \
                               bearer: { verify: jwt, audience: 'https://api.example' }\n"
                .to_owned(),
            Column::Introspection => "    bearer: { verify: introspection }\n".to_owned(),
            _ => String::new(),
        }
    }

    async fn register(&self, client: &Value) {
        let mut client = client.clone();
        client["grant_types"] = ["authorization_code", "refresh_token"].as_slice().into();
        {
            let mut clients = self.clients.lock().expect("the clients");
            clients.push(client);
            std::fs::write(self.folder.join("clients.json"), Value::from(clients.clone()).to_string())
                .expect("clients.json");
        }
        self.tell("HUP");
    }

    async fn end_session(&self, browser: &Browser) -> Page {
        let page = browser.open(&format!("{}/session/end", self.issuer())).await;
        form::confirm(browser, page).await
    }

    async fn rotate_keys(&self) {
        self.tell("USR2");
    }

    async fn restart(&self) {
        let mut process = self.process.lock().expect("the process");
        process.kill();
        *process = spawn(&self.folder, self.port);
    }
}
