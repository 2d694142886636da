//! A site behind a front proxy with forward auth over HTTP: the real nginx, Caddy, HAProxy or Envoy with the file under
//! `envoy/forward-auth/` as shipped; only port numbers are replaced.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::application::Application;
use super::browser::{Browser, Protocol};
use super::gatepost::{Gatepost, Launch};
use super::ports::free_port;
use super::process::{Process, eventually};
use super::provider::{Provider, ProviderSettings};
use super::settings::{Mode, Settings};
use super::{raw, tools};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrontProxy {
    Nginx,
    Caddy,
    Haproxy,
    Envoy,
}

/// The file with which a front proxy is started.
enum File {
    Shipped,
    Printed,
}

/// A port of the shipped file, and its replacement.
pub(crate) type Replaced = (u16, u16);

impl FrontProxy {
    /// The sections that gatepost.yaml needs for it.
    pub(crate) const fn sections(self) -> &'static str {
        match self {
            Self::Nginx => "forward_auth: { dialects: [nginx], trusted_proxies: [127.0.0.1] }\n",
            Self::Caddy => "forward_auth: { dialects: [caddy], trusted_proxies: [127.0.0.1] }\n",
            Self::Haproxy => "forward_auth: { dialects: [traefik], trusted_proxies: [127.0.0.1] }\n",
            Self::Envoy => "forward_auth: { dialects: [envoy], trusted_proxies: [127.0.0.1] }\n",
        }
    }

    pub(crate) fn ports(self, front: u16, gatepost: u16, application: u16) -> Vec<Replaced> {
        let mut ports = vec![(10000, front), (9000, gatepost), (8080, application)];
        if self == Self::Envoy {
            ports.push((9901, free_port()));
        }
        ports
    }

    /// The shipped file with these ports.
    pub(crate) fn shipped(self, ports: &[Replaced]) -> String {
        let (name, before) = match self {
            Self::Nginx => ("nginx/nginx.conf", ":"),
            Self::Caddy => ("caddy/Caddyfile", ":"),
            Self::Haproxy => ("haproxy/haproxy.cfg", ":"),
            Self::Envoy => ("envoy/envoy.yaml", "port_value: "),
        };
        let shipped = tools::root().join("envoy/forward-auth").join(name);
        let text = std::fs::read_to_string(shipped).expect("a shipped file");
        let text = ports.iter().fold(text, |text, (shipped, port)| {
            let shipped = format!("{before}{shipped}");
            assert!(text.contains(&shipped), "the shipped file says {shipped}");
            text.replace(&shipped, &format!("{before}{port}"))
        });
        // The limit of uploads that its README describes.
        let text = text.replace("error_page 401 = @sign_in;", "error_page 401 = @sign_in; client_max_body_size 100m;");
        text.replace("0.0.0.0", "127.0.0.1")
    }

    /// The output of `gatepost snippet` for this configuration, with each application at its port.
    fn printed(self, launch: &Launch, applications: &BTreeMap<String, Application>) -> String {
        let (name, head, listen) = match self {
            Self::Nginx => ("nginx", NGINX, "listen "),
            Self::Caddy => ("caddy", "{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}\n", ""),
            Self::Haproxy => ("haproxy", "", "bind "),
            Self::Envoy => panic!("Envoy's snippet asks over gRPC"),
        };
        let mut gatepost = Command::new(env!("CARGO_BIN_EXE_gatepost"));
        gatepost.args(["snippet", name, "--config"]).arg(&launch.config).env_clear();
        let output = gatepost.envs(launch.environment.iter().cloned()).output().expect("gatepost runs");
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).expect("text");
        let text = with_ports(&text, applications)
            .replace("/var/log/nginx/gatepost.log", "/dev/stdout")
            .replace("/etc/haproxy/", "");
        let text = match self {
            Self::Nginx => text.replace(listen, "listen 127.0.0.1:") + "}\n",
            Self::Haproxy => text.replace("bind :", "bind 127.0.0.1:"),
            Self::Caddy | Self::Envoy => text,
        };
        head.to_owned() + &text
    }

    /// The program that `make tools` installed.
    fn program(self) -> PathBuf {
        match self {
            Self::Nginx => tools::installed("nginx"),
            Self::Caddy => tools::installed("caddy"),
            Self::Haproxy => tools::installed("haproxy"),
            Self::Envoy => tools::fetched("venv/bin/envoy"),
        }
    }

    /// The command by which this program runs this file in a folder of its own.
    pub(crate) fn command(self, program: &Path, folder: &Path, text: &str) -> Command {
        if self == Self::Haproxy {
            let script = tools::root().join("envoy/forward-auth/haproxy/gatepost.lua");
            std::fs::copy(script, folder.join("gatepost.lua")).expect("a copy of the shipped script");
        }
        let name = if self == Self::Envoy { "front.yaml" } else { "front.conf" };
        let file = folder.join(name);
        std::fs::write(&file, text).expect("the front proxy's file");
        let mut command = Command::new(program);
        match self {
            Self::Nginx => command.arg("-p").arg(folder).args(["-e", "stderr", "-g", "daemon off;", "-c"]),
            Self::Caddy => command.args(["run", "--adapter", "caddyfile", "--config"]),
            Self::Haproxy => command.current_dir(folder).args(["-db", "-f"]),
            Self::Envoy => {
                command.args(["--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning", "-c"])
            }
        };
        command.arg(&file).env("HOME", folder);
        command
    }
}

/// The text around a part of nginx' `http` block.
const NGINX: &str = "pid nginx.pid;\nerror_log stderr;\nevents {}\nhttp {\nclient_body_temp_path a;\nproxy_temp_path b;\n\
                     fastcgi_temp_path c;\nuwsgi_temp_path d;\nscgi_temp_path e;\n";

/// A printed file with the port of each application in place of 8080. Its slug stands nearest before its address.
fn with_ports(text: &str, applications: &BTreeMap<String, Application>) -> String {
    const ADDRESS: &str = "127.0.0.1:8080";
    let parts: Vec<&str> = text.split(ADDRESS).collect();
    let (last, before) = parts.split_last().expect("a part");
    let mut filled = String::new();
    for part in before {
        let nearest = applications.iter().max_by_key(|(slug, _)| part.rfind(slug.as_str()));
        let (_, application) = nearest.expect("an application");
        let _ = write!(filled, "{part}127.0.0.1:{}", application.port);
    }
    filled + last
}

/// A front proxy that answers at `path` with `status`.
async fn running(command: &mut Command, front: u16, path: &str, status: &str) -> Process {
    let mut proxy = Process::start("front proxy", command);
    let request = format!("GET {path} HTTP/1.1\r\nhost: wiki.demo.localhost:{front}\r\nconnection: close\r\n\r\n");
    eventually("the front proxy answers", async || {
        assert!(proxy.is_running(), "it ended\n{}", proxy.last_words());
        raw::exchange(front, request.as_bytes()).await.filter(|answer| answer.contains(status))
    })
    .await;
    proxy
}

/// A front proxy before an application, without a Gatepost.
pub(crate) struct LonelyFront {
    proxy: Process,
    pub(crate) application: Application,
    pub(crate) front: u16,
    _folder: TempDir,
}

impl LonelyFront {
    /// Starts the shipped file after `change` has modified the files in its folder.
    pub(crate) async fn start(front_proxy: FrontProxy, change: impl Fn(&Path)) -> Self {
        let application = Application::start();
        let [front, nobody] = [(); 2].map(|()| free_port());
        let folder = tempfile::tempdir().expect("a folder");
        let text = front_proxy.shipped(&front_proxy.ports(front, nobody, application.port));
        let mut command = front_proxy.command(&front_proxy.program(), folder.path(), &text);
        change(folder.path());
        let proxy = running(&mut command, front, "/outpost.goauthentik.io/auth", " 404 ").await;
        Self { proxy, application, front, _folder: folder }
    }
}

impl Drop for LonelyFront {
    fn drop(&mut self) {
        stop(&mut self.proxy);
    }
}

/// nginx' workers end with their master only when it is asked to stop.
fn stop(proxy: &mut Process) {
    if proxy.is_running() {
        proxy.ask_to_stop();
        proxy.wait();
    }
}

/// The whole setup: a front proxy before an application, Gatepost beside it, and a provider.
pub(crate) struct FrontSite {
    // In the order in which they should end.
    proxy: Process,
    pub(crate) gatepost: Gatepost,
    _provider: Option<Provider>,
    issuer: String,
    pub(crate) application: Application,
    /// With a printed file, the application of each slug, in place of the one of all.
    pub(crate) applications: BTreeMap<String, Application>,
    pub(crate) front: u16,
    _folder: TempDir,
}

impl FrontSite {
    pub(crate) async fn start(front_proxy: FrontProxy) -> Self {
        Self::start_with(front_proxy, Mode::Single, |_, _| {}).await
    }

    /// The same with a change of the configuration and of the provider.
    pub(crate) async fn start_with(
        front_proxy: FrontProxy,
        mode: Mode,
        change: impl FnOnce(&mut Settings, &mut ProviderSettings),
    ) -> Self {
        Self::build(front_proxy, mode, File::Shipped, change).await
    }

    /// With the file that `gatepost snippet` prints.
    pub(crate) async fn start_printed(front_proxy: FrontProxy, mode: Mode) -> Self {
        Self::start_printed_with(front_proxy, mode, |_| {}).await
    }

    /// The same with a change of the configuration.
    pub(crate) async fn start_printed_with(
        front_proxy: FrontProxy,
        mode: Mode,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        Self::build(front_proxy, mode, File::Printed, |settings, _| change(settings)).await
    }

    async fn build(
        front_proxy: FrontProxy,
        mode: Mode,
        file: File,
        change: impl FnOnce(&mut Settings, &mut ProviderSettings),
    ) -> Self {
        let application = Application::start();
        let [front, http, provider] = [(); 3].map(|()| free_port());
        let mut provider_settings = ProviderSettings::on(provider);
        let mut settings = Settings::of(mode);
        settings.sections = front_proxy.sections();
        change(&mut settings, &mut provider_settings);
        provider_settings.clients = settings.clients(front);

        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("gatepost.yaml");
        let yaml = settings.as_yaml(front, 0, http, &provider_settings.issuer());
        std::fs::write(&config, yaml).expect("gatepost.yaml");
        let environment = settings.environment();
        let provider = provider_settings.is_up.then(|| Provider::start(&provider_settings));
        let launch = Launch { folder: folder.path().to_owned(), config, environment };
        let gatepost = Gatepost::start(&launch);

        let mut applications = BTreeMap::new();
        let text = match file {
            File::Shipped => front_proxy.shipped(&front_proxy.ports(front, http, application.port)),
            File::Printed => {
                let started = settings.entries.iter().map(|entry| (entry.slug(), Application::start()));
                applications = started.collect();
                front_proxy.printed(&launch, &applications)
            }
        };
        let mut command = front_proxy.command(&front_proxy.program(), folder.path(), &text);
        let proxy = running(&mut command, front, "/outpost.goauthentik.io/ping", " 204 ").await;
        let issuer = provider_settings.issuer();
        Self { proxy, gatepost, _provider: provider, issuer, application, applications, front, _folder: folder }
    }

    pub(crate) fn host(&self, application: &str) -> String {
        format!("{application}.demo.localhost:{}", self.front)
    }

    /// An address at the application of this name: wiki or board.
    pub(crate) fn at(&self, application: &str, path: &str) -> String {
        format!("http://{}{path}", self.host(application))
    }

    pub(crate) fn wiki(&self, path: &str) -> String {
        self.at("wiki", path)
    }

    /// The address at which the provider asks whether to end its own session.
    pub(crate) fn end_session(&self) -> String {
        format!("{}/session/end", self.issuer)
    }

    /// A browser in which alice is signed in at the wiki.
    pub(crate) async fn signed_in(&self) -> Browser {
        let browser = Browser::new(Protocol::Http1);
        let page = browser.sign_in(&self.wiki("/"), "alice").await;
        assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));
        browser
    }

    /// The output of the front proxy.
    pub(crate) fn said(&self) -> String {
        self.proxy.out.text() + &self.proxy.err.text()
    }
}

impl Drop for FrontSite {
    fn drop(&mut self) {
        stop(&mut self.proxy);
    }
}
