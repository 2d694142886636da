//! The real Envoy, run with the files under `envoy/` as shipped; only port numbers are replaced.

use std::path::Path;
use std::process::Command;

use super::json::Json;
use super::process::{Process, eventually};
use super::{raw, tools};

/// One of the shipped files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    InsideTheCheck,
    SideListener,
    ProxyMode,
}

impl Scenario {
    /// The files for one application of the operator's, with different routes for the browser's direct requests.
    pub(crate) const BOTH: [Self; 2] = [Self::InsideTheCheck, Self::SideListener];

    fn folder(self) -> &'static str {
        match self {
            Self::InsideTheCheck => "inside-the-check",
            Self::SideListener => "side-listener",
            Self::ProxyMode => "proxy-mode",
        }
    }
}

/// Whether Envoy keeps the blocks of the shipped file that drop spoofed headers before Gatepost sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guards {
    AsShipped,
    Removed,
}

/// The ports that replace the defaults in the file.
#[derive(Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) front: u16,
    pub(crate) admin: u16,
    pub(crate) grpc: u16,
    pub(crate) http: u16,
    pub(crate) application: u16,
}

pub(crate) struct Envoy {
    process: Process,
    admin: u16,
}

impl Envoy {
    pub(crate) async fn start(text: &str, admin: u16, folder: &Path) -> Self {
        let file = folder.join("envoy.yaml");
        std::fs::write(&file, text).expect("the copy of envoy.yaml");
        let mut command = Command::new(tools::fetched("venv/bin/envoy"));
        command.arg("-c").arg(&file).args(["--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning"]);
        // The access log is read by tests, so it must not stay in a buffer.
        command.args(["--file-flush-interval-msec", "50", "--drain-time-s", "1"]);
        let mut envoy = Self { process: Process::start("envoy", &mut command), admin };
        eventually("Envoy is ready", async || {
            assert!(envoy.process.is_running(), "Envoy ended\n{}", envoy.process.last_words());
            raw::get(admin, "/ready").await.filter(|answer| answer.starts_with("HTTP/1.1 200"))
        })
        .await;
        envoy
    }

    /// The entry of the access log for this path, the first after line `mark`.
    pub(crate) fn logged(&self, mark: usize, path: &str) -> Json {
        let entry =
            self.process.out.after(mark, |line| Json::parse(line).filter(|entry| entry.text("path") == Some(path)));
        entry.unwrap_or_else(|| panic!("no request for {path} in the access log:\n{}", self.access_log()))
    }

    pub(crate) fn log_mark(&self) -> usize {
        self.process.out.count()
    }

    pub(crate) fn access_log(&self) -> String {
        self.process.out.text()
    }

    /// Whether Envoy's own health checking finds the endpoint at this port healthy, so that it receives requests.
    pub(crate) async fn finds_healthy(&self, port: u16) -> Option<bool> {
        let answer = raw::get(self.admin, "/clusters").await?;
        let wanted = format!("127.0.0.1:{port}::health_flags::");
        let flags = answer.lines().find_map(|line| line.split_once(&wanted).map(|(_, flags)| flags.trim()))?;
        Some(flags == "healthy")
    }
}

/// The shipped file of a scenario with these ports.
pub(crate) fn shipped(scenario: Scenario, ports: Ports) -> String {
    let path = tools::root().join("envoy").join(scenario.folder()).join("envoy.yaml");
    let text = std::fs::read_to_string(&path).expect("a shipped Envoy file");
    let replaced =
        [(10000, ports.front), (9901, ports.admin), (9001, ports.grpc), (9000, ports.http), (8080, ports.application)]
            .iter()
            .fold(text, |text, (default, port)| {
                text.replace(&format!("port_value: {default} "), &format!("port_value: {port} "))
            });
    // A Check may take long on a machine that is busy with other work.
    let timeout = "cluster_name: gatepost }, timeout: 2s }";
    assert!(replaced.contains(timeout), "the shipped file says {timeout}");
    replaced.replace(timeout, &timeout.replace("2s", "30s")).replace("address: 0.0.0.0", "address: 127.0.0.1")
}

/// The file with another replica of Gatepost at this port beside the first.
pub(crate) fn with_replica(text: &str, grpc: u16, replica: u16) -> String {
    let endpoint = |port: u16| {
        format!(
            "        - endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }} }}\n"
        )
    };
    let first = endpoint(grpc);
    assert!(text.contains(&first), "the shipped file has one Gatepost");
    text.replace(&first, &(first.clone() + &endpoint(replica)))
}

/// The file with TLS at the listener, as its README describes.
pub(crate) fn with_tls(text: &str, certificate: &Path, key: &Path) -> String {
    let before = "    filter_chains:\n    - filters:\n";
    assert!(text.contains(before), "the shipped file has one filter chain");
    let (certificate, key) = (certificate.display(), key.display());
    let after = format!(
        r#"    filter_chains:
    - transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            alpn_protocols: [h2, http/1.1]
            tls_certificates:
            - certificate_chain: {{ filename: {certificate} }}
              private_key: {{ filename: {key} }}
      filters:
"#
    );
    text.replace(before, &after)
}

/// The file for an Envoy that trusts this many proxies in front of it.
pub(crate) fn with_trusted_hops(text: &str, hops: usize) -> String {
    let shipped = "          use_remote_address: true\n";
    assert!(text.contains(shipped), "the shipped file trusts nobody in front");
    text.replace(shipped, &format!("{shipped}          xff_num_trusted_hops: {hops}\n"))
}

/// The file with a second check behind the first: what passes a gateway is checked again at the workload.
pub(crate) fn asking_twice(text: &str) -> String {
    let (before, rest) = text.split_once("          http_filters:\n").expect("the filters");
    let (check, after) = rest.split_once("          - name: envoy.filters.http.router\n").expect("the router");
    let second = check.replace("name: envoy.filters.http.ext_authz\n", "name: workload.ext_authz\n");
    assert_ne!(check, second, "the shipped file has one check");
    format!("{before}          http_filters:\n{check}{second}          - name: envoy.filters.http.router\n{after}")
}

/// The file with Envoy's tracer, which sends its spans to the collector at this port.
pub(crate) fn with_tracing(text: &str, collector: u16) -> String {
    let (manager, clusters) = ("          stat_prefix: front\n", "  clusters:\n");
    assert!(text.contains(manager) && text.contains(clusters), "the shipped file has one connection manager");
    let tracer = r#"          tracing:
            provider:
              name: envoy.tracers.opentelemetry
              typed_config:
                "@type": type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig
                grpc_service: { envoy_grpc: { cluster_name: collector }, timeout: 1s }
                service_name: envoy
"#;
    let cluster = format!(
        r#"  - name: collector
    type: STATIC
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{ http2_protocol_options: {{}} }}
    load_assignment:
      cluster_name: collector
      endpoints:
      - lb_endpoints:
        - endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {collector} }} }} }}
"#
    );
    text.replace(manager, &format!("{manager}{tracer}")).replace(clusters, &format!("{clusters}{cluster}"))
}

/// The file with an authority of the operator's own for https backends.
pub(crate) fn with_trusted_ca(text: &str, ca: &Path) -> String {
    let shipped = "trusted_ca: { filename: /etc/ssl/certs/ca-certificates.crt }";
    assert!(text.contains(shipped), "the shipped file trusts the public authorities");
    text.replace(shipped, &format!("trusted_ca: {{ filename: {} }}", ca.display()))
}

/// The file without the two blocks that stop spoofed headers at Envoy.
pub(crate) fn without_guards(text: &str) -> String {
    let (before, rest) =
        text.split_once("          early_header_mutation_extensions:\n").expect("the early mutation block");
    let (_, after) = rest.split_once("          access_log:\n").expect("what follows the block");
    let drop = "            headers_with_underscores_action: DROP_HEADER\n";
    assert!(before.contains(drop), "the shipped file drops headers with underscores");
    format!("{}          access_log:\n{after}", before.replace(drop, ""))
}
