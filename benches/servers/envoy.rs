//! The real Envoy with one worker and three listeners: without a check, with the bare server's, with Gatepost's. Each
//! listener answers the request itself, and includes the user that the check reported.

use std::error::Error;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use super::{Server, free_addresses};
use crate::machine::{Cores, now};

const TIMEOUT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);
/// The answer's header with the user that the check reported.
pub(crate) const SEEN_USER: &str = "x-seen-user";

/// The protocols of [`cluster`], by Envoy's names.
pub(crate) const HTTP_1: &str = "http_protocol_options";
pub(crate) const HTTP_2: &str = "http2_protocol_options";

/// A running Envoy.
pub(crate) struct Envoy {
    pub(crate) server: Server,
    /// The addresses of its listeners, in the order of the checks that it was started with.
    pub(crate) fronts: [SocketAddr; 3],
}

impl Envoy {
    /// Starts Envoy with a listener for each of `checks`; `None` is a listener without a check.
    ///
    /// # Errors
    /// When it does not get ready.
    pub(crate) fn start(folder: &Path, checks: &[Option<SocketAddr>; 3], cores: Cores) -> Result<Self, Box<dyn Error>> {
        let [admin, fronts @ ..]: [SocketAddr; 4] = free_addresses()?;
        let server = run(folder, &configuration(admin, &fronts, checks), admin, cores)?;
        Ok(Self { server, fronts })
    }
}

/// Starts Envoy with this configuration and one worker, and waits until it is ready.
///
/// # Errors
/// When it does not get ready.
pub(crate) fn run(
    folder: &Path,
    configuration: &str,
    admin: SocketAddr,
    cores: Cores,
) -> Result<Server, Box<dyn Error>> {
    let config = folder.join("envoy.yaml");
    fs::write(&config, configuration)?;
    let log = fs::File::create(folder.join("envoy.log"))?;
    let mut command = cores.on_server(&program()?.to_string_lossy());
    command.arg("-c").arg(&config).args(["--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning"]);
    let mut server = Server::start(command.stdout(Stdio::null()).stderr(log))?;
    let began = now();
    while !get(admin, "GET /ready HTTP/1.1\nhost: localhost\n\n").is_ok_and(|answer| answer.contains(" 200 ")) {
        if server.process.try_wait()?.is_some() || began.elapsed() > TIMEOUT {
            return Err(format!("Envoy is not ready:\n{}", fs::read_to_string(folder.join("envoy.log"))?).into());
        }
        std::thread::sleep(POLL);
    }
    Ok(server)
}

/// The path to which `tests/tools/install` installs Envoy.
fn program() -> Result<PathBuf, Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/venv/bin/envoy");
    if path.exists() { Ok(path) } else { Err(format!("{} is missing: `make bench` fetches it", path.display()).into()) }
}

/// A server's answer, at least its head. The lines of `request` end with `\n`.
///
/// # Errors
/// When the server cannot be reached.
pub(crate) fn get(address: SocketAddr, request: &str) -> Result<String, Box<dyn Error>> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    socket.write_all(request.replace('\n', "\r\n").as_bytes())?;
    let (mut answer, mut buffer) = (String::new(), [0; 4096]);
    while !answer.contains("\r\n\r\n") {
        let count = socket.read(&mut buffer)?;
        if count == 0 {
            return Err("the answer ended too early".into());
        }
        answer += &String::from_utf8_lossy(buffer.get(..count).unwrap_or_default());
    }
    Ok(answer.to_ascii_lowercase())
}

fn configuration(admin: SocketAddr, fronts: &[SocketAddr], checks: &[Option<SocketAddr>; 3]) -> String {
    let mut text = format!("admin: {{ address: {} }}\nstatic_resources:\n  listeners:\n", socket(admin));
    for (number, (front, check)) in fronts.iter().zip(checks).enumerate() {
        text += &listener(number, *front, check.is_some());
    }
    text += "  clusters:\n";
    for (number, check) in checks.iter().enumerate() {
        let of_check = |address| cluster(&format!("check{number}"), address, HTTP_2);
        text += &check.map(of_check).unwrap_or_default();
    }
    text
}

/// An address in Envoy's configuration.
pub(crate) fn socket(address: SocketAddr) -> String {
    format!("{{ socket_address: {{ address: {}, port_value: {} }} }}", address.ip(), address.port())
}

/// The filter for Checks by the server of this cluster, configured as in the shipped files.
pub(crate) fn ext_authz(cluster: &str, timeout: &str) -> String {
    format!(
        "          - name: envoy.filters.http.ext_authz
            typed_config:
              \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              transport_api_version: V3
              grpc_service: {{ envoy_grpc: {{ cluster_name: {cluster} }}, timeout: {timeout} }}
              failure_mode_allow: false
              status_on_error: {{ code: 503 }}
              encode_raw_headers: true
              validate_mutations: true
"
    )
}

fn listener(number: usize, front: SocketAddr, has_check: bool) -> String {
    let address = socket(front);
    let check = if has_check { ext_authz(&format!("check{number}"), "2s") } else { String::new() };
    format!(
        "  - name: front{number}
    address: {address}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: front{number}
          # Behind something that ends TLS and says so.
          use_remote_address: false
          normalize_path: true
          merge_slashes: true
          route_config:
            virtual_hosts:
            - name: all
              domains: [\"*\"]
              routes:
              - match: {{ prefix: / }}
                direct_response: {{ status: 200, body: {{ inline_string: hello }} }}
                response_headers_to_add:
                - header: {{ key: {SEEN_USER}, value: \"%REQ(x-authentik-username)%\" }}
          http_filters:
{check}          - name: envoy.filters.http.router
            typed_config:
              \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
"
    )
}

/// A cluster of one server, which is spoken to over [`HTTP_1`] or [`HTTP_2`].
pub(crate) fn cluster(name: &str, address: SocketAddr, protocol: &str) -> String {
    let address = socket(address);
    format!(
        "  - name: {name}
    type: STATIC
    connect_timeout: 1s
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        \"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{ {protocol}: {{}} }}
    load_assignment:
      cluster_name: {name}
      endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {address} }} }}] }}]
"
    )
}
