//! The front proxies: where each is installed, which version it is, and how it is started with the shipped file.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::site::Ports;
use super::tls::{self, Certificate};
use crate::support::envoy::{self, Scenario};
use crate::support::front_proxy::FrontProxy;
use crate::support::tools;
use crate::version::{self, interop};

/// One row of the table.
#[derive(Clone)]
pub(crate) struct Program {
    pub(super) name: &'static str,
    pub(super) version: String,
    kind: Kind,
    executable: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Envoy with its checks over gRPC: `envoy/inside-the-check/`.
    ExtAuthz,
    /// A file that the end-to-end tests start as well.
    ForwardAuth(FrontProxy),
    /// `envoy/forward-auth/traefik/`.
    Traefik,
}

/// The Envoy of `make test`, with its checks over gRPC.
pub(crate) fn newest_envoy() -> Program {
    Program::new("Envoy 1.40:", Kind::ExtAuthz, tools::fetched("venv/bin/envoy"))
}

/// All rows, in their order.
pub(super) fn all() -> Vec<Program> {
    use Kind::{ExtAuthz, ForwardAuth, Traefik};
    let debian = tools::installed;
    vec![
        Program::new("Envoy 1.36:", ExtAuthz, interop("envoy-1.36/bin/envoy")),
        Program::new("Envoy 1.37:", ExtAuthz, interop("envoy-1.37/bin/envoy")),
        Program::new("Envoy 1.38:", ExtAuthz, interop("envoy-1.38/bin/envoy")),
        Program::new("Envoy 1.39:", ExtAuthz, interop("envoy-1.39/bin/envoy")),
        newest_envoy(),
        Program::new("Envoy over HTTP", ForwardAuth(FrontProxy::Envoy), tools::fetched("venv/bin/envoy")),
        Program::new("nginx of Debian", ForwardAuth(FrontProxy::Nginx), debian("nginx")),
        Program::new("nginx", ForwardAuth(FrontProxy::Nginx), interop("bin/nginx")),
        Program::new("Caddy of Debian", ForwardAuth(FrontProxy::Caddy), debian("caddy")),
        Program::new("Caddy", ForwardAuth(FrontProxy::Caddy), interop("bin/caddy")),
        Program::new("HAProxy", ForwardAuth(FrontProxy::Haproxy), debian("haproxy")),
        Program::new("Traefik", Traefik, interop("venv/bin/traefik")),
    ]
}

impl Program {
    fn new(name: &'static str, kind: Kind, executable: PathBuf) -> Self {
        let version = version_of(kind, &executable);
        Self { name, version, kind, executable }
    }

    pub(super) fn row_name(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    /// Why it does not speak HTTP/3, if so.
    pub(super) fn without_http3(&self) -> Option<&'static str> {
        match self.kind {
            Kind::ForwardAuth(FrontProxy::Nginx | FrontProxy::Haproxy) => Some("built without"),
            _ => None,
        }
    }

    /// Whether it passes a header of ours on that its file does not list, so that Gatepost refuses the request.
    pub(super) fn passes_unlisted_names(&self) -> bool {
        self.kind == Kind::ForwardAuth(FrontProxy::Nginx)
    }

    /// The section that gatepost.yaml needs for it.
    pub(super) fn sections(&self) -> &'static str {
        match self.kind {
            Kind::ExtAuthz => "",
            Kind::ForwardAuth(front_proxy) => front_proxy.sections(),
            Kind::Traefik => "forward_auth: { dialects: [traefik], trusted_proxies: [127.0.0.1] }\n",
        }
    }

    /// Writes its files into the folder, with TLS and HTTP/3 if there is a certificate, and returns the command that starts it.
    pub(super) fn prepare(&self, folder: &Path, ports: &Ports, certificate: Option<&Certificate>) -> Command {
        match self.kind {
            Kind::ExtAuthz => self.prepare_envoy(folder, ports, certificate),
            Kind::ForwardAuth(front_proxy) => {
                let text = front_proxy.shipped(&front_proxy.ports(ports.front, ports.http, ports.application));
                let text = certificate.map_or(text.clone(), |certificate| match front_proxy {
                    FrontProxy::Nginx => tls::in_nginx(&text, certificate),
                    FrontProxy::Caddy => tls::in_caddy(&text, certificate),
                    FrontProxy::Haproxy => tls::in_haproxy(&text, certificate),
                    FrontProxy::Envoy => tls::in_envoy(&text, certificate),
                });
                front_proxy.command(&self.executable, folder, &text)
            }
            Kind::Traefik => self.prepare_traefik(folder, ports, certificate),
        }
    }

    fn prepare_envoy(&self, folder: &Path, ports: &Ports, certificate: Option<&Certificate>) -> Command {
        let Ports { front, admin, grpc, http, application } = *ports;
        let text = envoy::shipped(Scenario::InsideTheCheck, envoy::Ports { front, admin, grpc, http, application });
        let text = certificate.map_or(text.clone(), |certificate| tls::in_envoy(&text, certificate));
        FrontProxy::Envoy.command(&self.executable, folder, &text)
    }

    fn prepare_traefik(&self, folder: &Path, ports: &Ports, certificate: Option<&Certificate>) -> Command {
        let shipped = |name: &str| {
            let path = tools::root().join("envoy/forward-auth/traefik").join(name);
            std::fs::read_to_string(path).expect("a shipped file")
        };
        let fixed = shipped("traefik.yaml").replace("0.0.0.0:10000", &format!("127.0.0.1:{}", ports.front));
        let dynamic = shipped("dynamic.yaml")
            .replace("127.0.0.1:9000", &format!("127.0.0.1:{}", ports.http))
            .replace("127.0.0.1:8080", &format!("127.0.0.1:{}", ports.application));
        let (fixed, dynamic) = match certificate {
            Some(certificate) => tls::in_traefik(&fixed, &dynamic, certificate),
            None => (fixed, dynamic),
        };
        std::fs::write(folder.join("traefik.yaml"), fixed).expect("traefik.yaml");
        std::fs::write(folder.join("dynamic.yaml"), dynamic).expect("dynamic.yaml");
        let mut command = Command::new(&self.executable);
        command.current_dir(folder).args(["--configFile=traefik.yaml"]);
        command
    }
}

/// The version that the program says it is.
fn version_of(kind: Kind, executable: &Path) -> String {
    let argument = match kind {
        Kind::ExtAuthz | Kind::ForwardAuth(FrontProxy::Envoy) => "--version",
        Kind::ForwardAuth(FrontProxy::Nginx | FrontProxy::Haproxy) => "-v",
        Kind::ForwardAuth(FrontProxy::Caddy) | Kind::Traefik => "version",
    };
    version::said_by(Command::new(executable).arg(argument))
}
