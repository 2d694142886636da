//! Gatepost as shipped: the real binary, its configuration file, its store, its log in a file.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use gatepost::config;
use gatepost::server::Config;
use serde_json::Value;

use super::Server;
use crate::machine::{Cores, now};
use crate::op::CLIENT_ID;

/// How long Gatepost may take to start, and the polling interval.
const TIMEOUT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(1);

/// Everything needed to start one Gatepost repeatedly.
pub(crate) struct Recipe {
    /// The working directory.
    pub(crate) folder: PathBuf,
    pub(crate) applications: Vec<Application>,
    /// The sealing key as written in the configuration.
    pub(crate) sealing_key: String,
    /// The content of section `session` beside the sealing key.
    pub(crate) store: String,
    pub(crate) log_level: &'static str,
}

/// An application, whose client id is [`CLIENT_ID`].
#[derive(Clone)]
pub(crate) struct Application {
    pub(crate) name: &'static str,
    /// The URL at which the browser finds it.
    pub(crate) external_host: String,
    /// The identity provider.
    pub(crate) issuer: String,
    pub(crate) client_secret: String,
    /// Further lines.
    pub(crate) lines: &'static str,
}

impl Application {
    fn as_yaml(&self) -> String {
        let Self { name, external_host, issuer, client_secret, lines } = self;
        let secret = Value::from(client_secret.as_str());
        format!(
            "  - name: {name}\n    external_host: {external_host}\n    issuer: {issuer}\n    \
             client_id: \"{CLIENT_ID}\"\n    client_secret: {secret}\n    skip_path_regex: [^/public/]\n{lines}"
        )
    }
}

impl Recipe {
    /// The configuration as Gatepost loads it.
    ///
    /// # Errors
    /// Its diagnostics.
    pub(crate) fn config(&self) -> Result<Config, Box<dyn Error>> {
        let loaded = config::load(&self.as_yaml(), &self.file(), &|_| None);
        Ok(loaded.map_err(|complaints| format!("{complaints:?}"))?.config)
    }

    fn file(&self) -> PathBuf {
        self.folder.join("gatepost.yaml")
    }

    fn as_yaml(&self) -> String {
        let Self { applications, sealing_key, store, log_level, .. } = self;
        let applications: String = applications.iter().map(Application::as_yaml).collect();
        format!(
            "applications:\n{applications}\
             listen: {{ grpc: \"127.0.0.1:0\", http: \"127.0.0.1:0\", https: off, metrics: \"127.0.0.1:0\", admin: off }}\n\
             forward_auth: {{ dialects: [nginx], trusted_proxies: [127.0.0.1] }}\n\
             session: {{ sealing_key: \"{sealing_key}\", {store} }}\n\
             shutdown: {{ delay: 0s, grace: 5s }}\n\
             log: {{ level: \"{log_level}\" }}\n"
        )
    }
}

/// A running Gatepost.
pub(crate) struct Gatepost {
    pub(crate) server: Server,
    /// The addresses for Envoy's checks, for nginx' requests, and for metrics.
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
    metrics: SocketAddr,
    log: PathBuf,
    /// The time from its start until it reported `ready`.
    pub(crate) start_time: Duration,
    /// Memory at that moment, in MiB.
    pub(crate) resident_at_start: f64,
}

impl Gatepost {
    /// Starts Gatepost, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not get ready.
    pub(crate) fn start(recipe: &Recipe, cores: Cores) -> Result<Self, Box<dyn Error>> {
        let (file, log) = (recipe.file(), recipe.folder.join("gatepost.log"));
        fs::write(&file, recipe.as_yaml())?;
        let _ = fs::remove_file(&log);
        let stderr = OpenOptions::new().create(true).append(true).open(&log)?;
        let mut command = cores.on_server(env!("CARGO_BIN_EXE_gatepost"));
        command.args(["serve", "--config"]).arg(&file).current_dir(&recipe.folder).stderr(stderr).stdout(Stdio::null());
        let began = now();
        let mut server = Server::start(&mut command)?;
        let addresses = loop {
            if let Some(addresses) = addresses_when_ready(&fs::read_to_string(&log)?)? {
                break addresses;
            }
            if server.process.try_wait()?.is_some() || began.elapsed() > TIMEOUT {
                return Err(format!("Gatepost did not get ready:\n{}", fs::read_to_string(&log)?).into());
            }
            std::thread::sleep(POLL);
        };
        let (start_time, resident_at_start) = (began.elapsed(), server.resident()?);
        let [grpc, http, metrics] = addresses;
        Ok(Self { server, grpc, http, metrics, log, start_time, resident_at_start })
    }

    /// Truncates its log, which grows fast under load.
    pub(crate) fn forget_log(&self) -> Result<(), Box<dyn Error>> {
        Ok(OpenOptions::new().write(true).open(&self.log)?.set_len(0)?)
    }

    /// Lines of its log that were dropped because they came faster than they could be written.
    pub(crate) fn lines_lost(&self) -> Result<f64, Box<dyn Error>> {
        let mut socket = TcpStream::connect(self.metrics)?;
        socket.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut page = String::new();
        socket.read_to_string(&mut page)?;
        let line = page.lines().find_map(|line| line.strip_prefix("gatepost_log_lines_lost_total "));
        Ok(line.map_or(Ok(0.0), str::parse)?)
    }
}

/// The addresses of gRPC, HTTP and metrics in the log, once it reports `ready`.
fn addresses_when_ready(log: &str) -> Result<Option<[SocketAddr; 3]>, Box<dyn Error>> {
    let entries: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let is = |entry: &Value, key: &str, value: &str| entry.get(key).and_then(Value::as_str) == Some(value);
    if !entries.iter().any(|entry| is(entry, "message", "ready")) {
        return Ok(None);
    }
    let address = |listener: &str| -> Result<SocketAddr, Box<dyn Error>> {
        let entry = entries.iter().find(|entry| is(entry, "message", "listening") && is(entry, "listener", listener));
        let address = entry.and_then(|entry| entry.get("address")?.as_str());
        Ok(address.ok_or("an address is missing in the log")?.parse()?)
    };
    Ok(Some([address("grpc")?, address("http")?, address("metrics")?]))
}
