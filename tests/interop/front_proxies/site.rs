//! A front proxy before an application, Gatepost beside it, and a provider.

use std::net::SocketAddr;
use std::time::Duration;

use tempfile::TempDir;
use url::Url;

use super::program::Program;
use super::tls::Certificate;
use crate::support::application::Application;
use crate::support::browser::{Browser, Protocol};
use crate::support::gatepost::{Gatepost, Launch};
use crate::support::ports::free_port;
use crate::support::process::{Process, eventually};
use crate::support::provider::{Provider, ProviderSettings};
use crate::support::settings::{Mode, Settings};

/// The ports that replace those of the shipped file.
#[derive(Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) front: u16,
    pub(crate) admin: u16,
    pub(crate) grpc: u16,
    pub(crate) http: u16,
    pub(crate) application: u16,
}

/// What the front proxy's listener speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listener {
    Plain,
    /// TLS with HTTP/2, and HTTP/3 where the program can.
    Tls,
}

impl Listener {
    const fn scheme(self) -> &'static str {
        match self {
            Self::Plain => "http",
            Self::Tls => "https",
        }
    }
}

pub(crate) struct Site {
    // In the order in which they should end.
    proxy: Process,
    pub(crate) gatepost: Gatepost,
    _provider: Provider,
    pub(crate) application: Application,
    pub(crate) front: u16,
    listener: Listener,
    _folder: TempDir,
}

impl Site {
    pub(crate) async fn start(program: &Program, listener: Listener) -> Self {
        let application = Application::start();
        let [front, admin, grpc, http, provider] = [(); 5].map(|()| free_port());
        let ports = Ports { front, admin, grpc, http, application: application.port };
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = Settings::of(Mode::Single);
        settings.sections = program.sections();
        let mut provider = ProviderSettings::on(provider);

        // The addresses of the applications, behind this listener.
        let addressed = |text: String| text.replace("http://wiki.", &format!("{}://wiki.", listener.scheme()));
        let clients = settings.clients(front).into_iter();
        let clients = clients.map(|client| addressed(client.to_string()));
        provider.clients = clients.map(|client| serde_json::from_str(&client).expect("a client")).collect();
        let config = folder.path().join("gatepost.yaml");
        let yaml = addressed(settings.as_yaml(front, grpc, http, &provider.issuer()));
        std::fs::write(&config, yaml).expect("gatepost.yaml");

        let launch = Launch { folder: folder.path().to_owned(), config, environment: settings.environment() };
        let provider = Provider::start(&provider);
        let gatepost = Gatepost::start(&launch);
        let certificate = (listener == Listener::Tls).then(|| Certificate::make(folder.path()));
        let mut command = program.prepare(folder.path(), &ports, certificate.as_ref());
        let proxy = Process::start("front proxy", command.env("HOME", folder.path()));
        let mut site = Self { proxy, gatepost, _provider: provider, application, front, listener, _folder: folder };
        site.wait().await;
        site
    }

    /// Waits until the front proxy passes requests on to Gatepost.
    async fn wait(&mut self) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .resolve("wiki.demo.localhost", SocketAddr::from(([127, 0, 0, 1], self.front)))
            .tls_danger_accept_invalid_certs(true)
            .timeout(Duration::from_secs(5))
            .no_proxy()
            .build()
            .expect("a client");
        let ping = self.wiki("/outpost.goauthentik.io/ping");
        eventually("the front proxy answers", async || {
            assert!(self.proxy.is_running(), "it ended\n{}", self.proxy.last_words());
            client.get(&ping).send().await.ok().filter(|answer| answer.status() == http::StatusCode::NO_CONTENT)
        })
        .await;
    }

    pub(crate) fn host(&self) -> String {
        format!("wiki.demo.localhost:{}", self.front)
    }

    /// An address at the application.
    pub(crate) fn wiki(&self, path: &str) -> String {
        format!("{}://{}{path}", self.listener.scheme(), self.host())
    }

    /// A browser in which alice is signed in.
    pub(crate) async fn signed_in(&self, protocol: Protocol) -> Browser {
        let browser = Browser::new(protocol);
        let page = browser.sign_in(&self.wiki("/"), "alice").await;
        assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));
        browser
    }

    /// The `Cookie` header of this browser for the application.
    pub(crate) fn cookies(&self, browser: &Browser) -> String {
        browser.cookie_header(&Url::parse(&self.wiki("/")).expect("an address")).expect("a session")
    }

    /// The output of the front proxy.
    pub(crate) fn said(&self) -> String {
        self.proxy.out.text() + &self.proxy.err.text()
    }
}

impl Drop for Site {
    /// nginx' workers end with their master only when it is asked to stop.
    fn drop(&mut self) {
        if self.proxy.is_running() {
            self.proxy.ask_to_stop();
            self.proxy.wait();
        }
    }
}
