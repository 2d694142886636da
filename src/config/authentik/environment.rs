//! The variables by which authentik's outpost is configured.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};

use super::reference::{Unresolved, resolve};
use crate::config::diagnostic::{Diagnostic, Diagnostics, Location};
use crate::config::document::Node;
use crate::config::reader::Reader;
use crate::config::understand::understand;
use crate::config::{Environment, Loaded};
use crate::outbound::authentik::{AddressFault, BrowserAddress, ServerAddress};

const HOST: &str = "AUTHENTIK_HOST";
const TOKEN: &str = "AUTHENTIK_TOKEN";

/// The networks whose `X-Forwarded-*` count where the operator names none.
pub const DEFAULT_TRUSTED_PROXIES: [&str; 6] =
    ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fe80::/10", "::1/128"];

/// What the variables say.
#[derive(Debug)]
pub struct AuthentikEnvironment {
    /// `AUTHENTIK_HOST`.
    pub host: ServerAddress,
    /// `AUTHENTIK_TOKEN`.
    pub token: SecretString,
    /// `AUTHENTIK_INSECURE`.
    pub insecure: bool,
    /// `AUTHENTIK_HOST_BROWSER`.
    pub host_browser: Option<BrowserAddress>,
    /// `AUTHENTIK_LOG_LEVEL`, as `log.level` takes it.
    pub log_level: Option<&'static str>,
    /// `AUTHENTIK_LISTEN__HTTP`.
    pub listen_http: Option<Vec<SocketAddr>>,
    /// `AUTHENTIK_LISTEN__HTTPS`.
    pub listen_https: Option<Vec<SocketAddr>>,
    /// `AUTHENTIK_LISTEN__METRICS`.
    pub listen_metrics: Option<Vec<SocketAddr>>,
    /// `AUTHENTIK_LISTEN__TRUSTED_PROXY_CIDRS`; without it, [`DEFAULT_TRUSTED_PROXIES`].
    pub trusted_proxies: Vec<IpNet>,
    /// The files to which variables refer.
    pub files: Vec<PathBuf>,
    /// What is probably not intended.
    pub warnings: Vec<Diagnostic>,
}

/// Reads the variables; `None` when neither the host nor the token is set, so that this is not the place of an outpost.
///
/// # Errors
/// All diagnostics; they name the variables.
pub fn environment(environment: Environment<'_>) -> Result<Option<AuthentikEnvironment>, Diagnostics> {
    let given = |name: &str| environment(name).is_some_and(|value| !value.trim().is_empty());
    if !given(HOST) && !given(TOKEN) {
        return Ok(None);
    }
    let mut variables = Variables { environment, files: Vec::new(), faults: Vec::new(), warnings: Vec::new() };
    let host = variables.host();
    let token = variables.required(TOKEN, "set it to the token that authentik shows for the outpost");
    let insecure = variables.read("AUTHENTIK_INSECURE", switch, "write true or false").unwrap_or(false);
    if insecure {
        let problem = "the certificate of authentik is not verified, so anybody on the way can read the token and the client secrets";
        let help = "give authentik a certificate that can be verified, and set AUTHENTIK_INSECURE=false";
        variables.warn("AUTHENTIK_INSECURE", problem, help);
    }
    let host_browser = variables.host_browser();
    let log_level = variables.log_level();
    let [listen_http, listen_https, listen_metrics] =
        ["AUTHENTIK_LISTEN__HTTP", "AUTHENTIK_LISTEN__HTTPS", "AUTHENTIK_LISTEN__METRICS"].map(|name| {
            let help =
                "write an address and a port, such as [::]:9000 or 127.0.0.1:9000, or several with commas between them";
            variables.read(name, |text| list(text, address), help)
        });
    let trusted_proxies = variables.trusted_proxies();
    if variables.value("AUTHENTIK_LOG__HTTP_HEADERS").is_some() {
        let problem = "it has no effect: no setting copies request headers into the log";
        variables.warn("AUTHENTIK_LOG__HTTP_HEADERS", problem, "remove it");
    }
    let Variables { faults, warnings, files, .. } = variables;
    match (host, token) {
        (Some(host), Some(token)) if faults.is_empty() => Ok(Some(AuthentikEnvironment {
            host,
            token: token.into(),
            insecure,
            host_browser,
            log_level,
            listen_http,
            listen_https,
            listen_metrics,
            trusted_proxies,
            files,
            warnings,
        })),
        _ => Err(Diagnostics { faults, warnings, files }),
    }
}

impl AuthentikEnvironment {
    /// The configuration of an outpost that has only these variables.
    ///
    /// # Errors
    /// All diagnostics.
    pub(in crate::config) fn load(self, environment: Environment<'_>) -> Result<Loaded, Diagnostics> {
        let mut reader = Reader::new("environment", Path::new(""), environment);
        reader.files.clone_from(&self.files);
        for (name, addresses) in
            [("HTTP", &self.listen_http), ("HTTPS", &self.listen_https), ("METRICS", &self.listen_metrics)]
        {
            if addresses.as_ref().is_some_and(|addresses| addresses.len() > 1) {
                let location = Location::new(&format!("AUTHENTIK_LISTEN__{name}"), 0, 0);
                reader.fault(
                    &location,
                    "it names several addresses",
                    "write one; [::]:9000 accepts connections to all",
                );
            }
        }
        let mut loaded = understand(&self.root(), reader)?;
        loaded.warnings.retain(|warning| &*warning.key != "authentik.insecure");
        loaded.warnings.extend(self.warnings);
        Ok(loaded)
    }

    /// Adds to a configuration file without applications what these variables say, where the file says nothing.
    pub(in crate::config) fn complete(&self, root: &mut Node) {
        root.add_missing(self.root());
    }

    /// The tree of a file with the same meaning.
    fn root(&self) -> Node {
        let first =
            |addresses: &Option<Vec<SocketAddr>>| addresses.as_ref().and_then(|addresses| addresses.first().copied());
        let listen = [("http", &self.listen_http), ("https", &self.listen_https), ("metrics", &self.listen_metrics)];
        let listen = listen.into_iter().filter_map(|(name, addresses)| Some((name, first(addresses)?)));
        let listen = listen.map(|(name, address)| (name, Node::text(&address.to_string())));
        let networks = self.trusted_proxies.iter().map(|network| Node::text(&network.to_string()));
        let dialects = ["nginx", "traefik", "caddy", "envoy"].map(Node::word);
        let mut authentik = vec![
            ("host", Node::text(&self.host.to_string())),
            ("token", Node::text(self.token.expose_secret())),
            ("insecure", Node::word(if self.insecure { "true" } else { "false" })),
        ];
        authentik.extend(self.host_browser.as_ref().map(|host| ("host_browser", Node::text(&host.to_string()))));
        let mut root = vec![
            ("listen", Node::section(listen)),
            ("authentik", Node::section(authentik)),
            (
                "forward_auth",
                Node::section([("dialects", Node::list(dialects)), ("trusted_proxies", Node::list(networks))]),
            ),
        ];
        root.extend(self.log_level.map(|level| ("log", Node::section([("level", Node::word(level))]))));
        Node::section(root)
    }
}

struct Variables<'a> {
    environment: Environment<'a>,
    /// The files to which variables refer.
    files: Vec<PathBuf>,
    faults: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Variables<'_> {
    /// The value of a variable, or of what it refers to; an empty one counts as not set.
    fn value(&mut self, name: &str) -> Option<String> {
        let written =
            (self.environment)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())?;
        match resolve(&written, self.environment, &mut self.files) {
            Ok(value) => Some(value.trim().to_owned()).filter(|value| !value.is_empty()),
            Err(Unresolved { problem, help }) => {
                self.faults.push(diagnostic(name, &problem, &help));
                None
            }
        }
    }

    fn required(&mut self, name: &str, help: &str) -> Option<String> {
        let faults = self.faults.len();
        let value = self.value(name);
        if value.is_none() && self.faults.len() == faults {
            let problem = if (self.environment)(name).is_some() { "it is empty" } else { "it is not set" };
            self.faults.push(diagnostic(name, problem, help));
        }
        value
    }

    /// The value as `parse` reads it; if it cannot, `help` says how to write it.
    fn read<T>(&mut self, name: &str, parse: impl Fn(&str) -> Option<T>, help: &str) -> Option<T> {
        let value = self.value(name)?;
        let read = parse(&value);
        if read.is_none() {
            // The value is not repeated: it may be a secret that was written into the wrong variable.
            self.faults.push(diagnostic(name, "its value cannot be used", help));
        }
        read
    }

    fn host(&mut self) -> Option<ServerAddress> {
        let value =
            self.required(HOST, "set it to the address of authentik, such as https://authentik.example.com/")?;
        ServerAddress::parse(&value).map_err(|fault| self.address_fault(HOST, &fault)).ok()
    }

    fn host_browser(&mut self) -> Option<BrowserAddress> {
        const NAME: &str = "AUTHENTIK_HOST_BROWSER";
        let value = self.value(NAME)?;
        BrowserAddress::parse(&value).map_err(|fault| self.address_fault(NAME, &fault)).ok()
    }

    fn address_fault(&mut self, name: &str, fault: &AddressFault) {
        self.faults.push(diagnostic(name, &fault.to_string(), fault.help()));
    }

    fn log_level(&mut self) -> Option<&'static str> {
        const NAME: &str = "AUTHENTIK_LOG_LEVEL";
        let value = self.value(NAME)?;
        let level = log_level(&value);
        if level.is_none() {
            // No reason not to guard an application.
            let problem = "its value is no level, so the level is info";
            self.warn(NAME, problem, "write trace, debug, info, warning or error");
        }
        level
    }

    fn trusted_proxies(&mut self) -> Vec<IpNet> {
        let help = "write networks such as 10.0.0.0/8, with commas between them";
        let written = self.read("AUTHENTIK_LISTEN__TRUSTED_PROXY_CIDRS", |text| list(text, network), help);
        written.unwrap_or_else(|| DEFAULT_TRUSTED_PROXIES.iter().filter_map(|network| network.parse().ok()).collect())
    }

    fn warn(&mut self, name: &str, problem: &str, help: &str) {
        self.warnings.push(diagnostic(name, problem, help));
    }
}

fn diagnostic(name: &str, problem: &str, help: &str) -> Diagnostic {
    let (problem, help) = (problem.to_owned(), help.to_owned());
    Diagnostic { source: Arc::from("environment"), line: 0, column: 0, key: Arc::from(name), problem, help }
}

/// The spellings that authentik's own readers accept.
fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" | "yes" | "y" | "on" => Some(true),
        "false" | "f" | "0" | "no" | "n" | "off" => Some(false),
        _ => None,
    }
}

fn log_level(text: &str) -> Option<&'static str> {
    Some(match text.to_ascii_lowercase().as_str() {
        "trace" => "trace",
        "debug" => "debug",
        "info" => "info",
        "warning" | "warn" => "warn",
        "error" | "critical" | "fatal" | "panic" => "error",
        _ => return None,
    })
}

/// All items of a list, none of which may be wrong; it has at least one.
fn list<T>(text: &str, item: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let items = text.split(',').map(str::trim).filter(|text| !text.is_empty());
    items.map(item).collect::<Option<Vec<T>>>().filter(|items| !items.is_empty())
}

/// An address with a port; `:9000` is the port on all interfaces.
fn address(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix(':') {
        Some(port) => port.parse().ok().map(|port| SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port)),
        None => text.parse().ok(),
    }
}

/// A network, or a single address.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// The mapping of a configuration with authentik at `host`, and further lines of its section.
#[cfg(test)]
pub(super) fn test_loading(host: &str, lines: &str) -> std::sync::Arc<dyn crate::server::ApplicationMapping> {
    let text = format!("authentik:\n  host: {host}\n  token: x\n{lines}");
    let root = crate::config::document::parse(&text).expect("is YAML");
    let reader = Reader::new("gatepost.yaml", Path::new(""), &|_| None);
    understand(&root, reader).expect("is a configuration").config.authentik.expect("is the source").mapping
}

#[cfg(test)]
mod tests;
