//! The whole setup: Envoy before an application, Gatepost beside it, and a provider.

use std::path::Path;

use tempfile::TempDir;

use super::application::Application;
use super::browser::{Browser, Protocol};
use super::envoy::{
    Envoy, Guards, Ports, Scenario, asking_twice, shipped, with_replica, with_tls, with_tracing, with_trusted_ca,
    with_trusted_hops, without_guards,
};
use super::gatepost::{Gatepost, Launch};
use super::ports::free_port;
use super::process::Process;
use super::provider::{Provider, ProviderSettings};
use super::settings::{Mode, Settings};

/// The setup that a test needs.
pub(crate) struct Plan {
    pub(crate) scenario: Scenario,
    pub(crate) guards: Guards,
    pub(crate) settings: Settings,
    pub(crate) provider: ProviderSettings,
    /// Whether the provider runs from the beginning.
    pub(crate) provider_is_up: bool,
    /// The number of further Gateposts beside the first, each in a folder of its own.
    pub(crate) replicas: usize,
    /// Whether Envoy's listener uses TLS.
    pub(crate) tls: bool,
    /// The authority (PEM) that Envoy trusts for https backends.
    pub(crate) trusted_ca: Option<String>,
    /// The number of proxies in front of it that Envoy trusts; 0 as shipped.
    pub(crate) trusted_hops: usize,
    /// Whether a second filter of Envoy's checks after the first, as a workload's does behind a gateway's.
    pub(crate) asks_twice: bool,
    /// The port of the collector to which Envoy sends its spans.
    pub(crate) traced_to: Option<u16>,
    /// An issuer other than the main provider's.
    pub(crate) issuer: Option<String>,
    ports: Ports,
}

impl Plan {
    pub(crate) fn new(scenario: Scenario, mode: Mode) -> Self {
        let [front, admin, grpc, http, provider] = [(); 5].map(|()| free_port());
        Self {
            scenario,
            guards: Guards::AsShipped,
            settings: Settings::of(mode),
            provider: ProviderSettings::on(provider),
            provider_is_up: true,
            replicas: 0,
            tls: false,
            trusted_ca: None,
            trusted_hops: 0,
            asks_twice: false,
            traced_to: None,
            issuer: None,
            ports: Ports { front, admin, grpc, http, application: 0 },
        }
    }

    /// The port that browsers open.
    pub(crate) fn front(&self) -> u16 {
        self.ports.front
    }

    pub(crate) async fn start(mut self) -> Site {
        let application = Application::start();
        self.ports.application = application.port;
        self.provider.clients = self.settings.clients(self.ports.front);
        let folder = tempfile::tempdir().expect("a folder");

        let issuer = self.issuer.clone().unwrap_or_else(|| self.provider.issuer());
        let Ports { front, grpc, http, .. } = self.ports;
        let config = folder.path().join("gatepost.yaml");
        std::fs::write(&config, self.settings.as_yaml(front, grpc, http, &issuer)).expect("gatepost.yaml");
        let environment = self.settings.environment();
        let launch = Launch { folder: folder.path().to_owned(), config, environment };

        let provider = (self.provider_is_up && self.issuer.is_none()).then(|| Provider::start(&self.provider));
        let gatepost = Gatepost::start(&launch);
        let replicas: Vec<_> = (0..self.replicas).map(|number| self.start_replica(number, &launch, &issuer)).collect();
        let text = shipped(self.scenario, self.ports);
        let text = if self.guards == Guards::Removed { without_guards(&text) } else { text };
        let text = replicas.iter().fold(text, |text, replica| with_replica(&text, grpc, replica.port("grpc")));
        let text = match &self.trusted_ca {
            Some(ca) => {
                let file = folder.path().join("ca.pem");
                std::fs::write(&file, ca).expect("ca.pem");
                with_trusted_ca(&text, &file)
            }
            None => text,
        };
        let text = if self.trusted_hops > 0 { with_trusted_hops(&text, self.trusted_hops) } else { text };
        let text = if self.asks_twice { asking_twice(&text) } else { text };
        let text = self.traced_to.map_or(text.clone(), |collector| with_tracing(&text, collector));
        let text = if self.tls { with_certificate(&text, folder.path()) } else { text };
        let envoy = Envoy::start(&text, self.ports.admin, folder.path()).await;
        Site { envoy, gatepost, replicas, provider, application, launch, plan: self, _folder: folder }
    }
}

impl Plan {
    /// Another Gatepost with the same settings, in a folder and on ports of its own.
    fn start_replica(&self, number: usize, first: &Launch, issuer: &str) -> Gatepost {
        let folder = first.folder.join(format!("replica-{number}"));
        std::fs::create_dir(&folder).expect("a folder");
        let config = folder.join("gatepost.yaml");
        std::fs::write(&config, self.settings.as_yaml(self.ports.front, 0, 0, issuer)).expect("gatepost.yaml");
        Gatepost::start(&Launch { folder, config, environment: first.environment.clone() })
    }
}

/// The file with TLS and a self-signed certificate, which the browsers of these tests accept without verification.
fn with_certificate(text: &str, folder: &Path) -> String {
    let made = rcgen::generate_simple_self_signed(["*.example.com".to_owned()]).expect("a certificate");
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).expect("certificate.pem");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("key.pem");
    with_tls(text, &certificate, &key)
}

pub(crate) struct Site {
    // In the order in which they should end.
    pub(crate) envoy: Envoy,
    pub(crate) gatepost: Gatepost,
    pub(crate) replicas: Vec<Gatepost>,
    pub(crate) provider: Option<Provider>,
    pub(crate) application: Application,
    launch: Launch,
    pub(crate) plan: Plan,
    _folder: TempDir,
}

impl Site {
    pub(crate) async fn start(scenario: Scenario, mode: Mode) -> Self {
        Plan::new(scenario, mode).start().await
    }

    /// An address at the application of this name: wiki or board.
    pub(crate) fn at(&self, application: &str, path: &str) -> String {
        format!("http://{}{path}", self.host(application))
    }

    pub(crate) fn wiki(&self, path: &str) -> String {
        self.at("wiki", path)
    }

    pub(crate) fn host(&self, application: &str) -> String {
        format!("{application}.demo.localhost:{}", self.plan.ports.front)
    }

    /// The port that browsers open.
    pub(crate) fn front(&self) -> u16 {
        self.plan.ports.front
    }

    /// A browser in which alice is signed in at the wiki.
    pub(crate) async fn signed_in(&self, protocol: Protocol) -> Browser {
        let browser = Browser::new(protocol);
        let page = browser.sign_in(&self.wiki("/"), "alice").await;
        assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));
        browser
    }

    /// Whether this browser's user is signed in at the wiki.
    pub(crate) async fn is_signed_in(&self, browser: &Browser) -> bool {
        browser.is_signed_in_at(&self.wiki("/check")).await
    }

    /// The folder of Gatepost's files.
    pub(crate) fn folder(&self) -> &Path {
        &self.launch.folder
    }

    /// Starts Gatepost again, on the same ports and files, after it stopped or was killed.
    pub(crate) fn start_gatepost(&mut self) {
        assert!(!self.gatepost.is_running(), "the first one still runs");
        self.gatepost = Gatepost::start(&self.launch);
    }

    /// Starts the process again, without waiting for its readiness.
    pub(crate) fn spawn_gatepost(&mut self) -> Process {
        assert!(!self.gatepost.is_running(), "the first one still runs");
        self.launch.spawn()
    }

    /// Starts Gatepost again with one more environment variable.
    pub(crate) fn restart_with(&mut self, name: &str, value: &str) {
        self.gatepost.stop();
        self.launch.environment.push((name.to_owned(), value.to_owned()));
        self.start_gatepost();
    }

    /// Rewrites gatepost.yaml, as an operator edits it.
    pub(crate) fn edit(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.plan.settings);
        let Ports { front, grpc, http, .. } = self.plan.ports;
        let text = self.plan.settings.as_yaml(front, grpc, http, &self.plan.provider.issuer());
        std::fs::write(&self.launch.config, text).expect("gatepost.yaml");
        self.launch.environment = self.plan.settings.environment();
    }

    /// Starts the provider (again).
    pub(crate) fn start_provider(&mut self) {
        self.provider = Some(Provider::start(&self.plan.provider));
    }

    pub(crate) fn stop_provider(&mut self) {
        self.provider = None;
    }
}
