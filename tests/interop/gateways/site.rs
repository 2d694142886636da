//! One gateway's Envoy before an application, Gatepost beside it, and a provider.

use std::sync::Arc;

use tempfile::TempDir;
use url::Url;

use super::cluster::{Ports, host};
use super::load;
use super::translate::Translated;
use crate::support::application::Application;
use crate::support::browser::{Browser, Protocol};
use crate::support::envoy::Envoy;
use crate::support::gatepost::{Gatepost, Launch};
use crate::support::ports::free_port;
use crate::support::provider::{Provider, ProviderSettings};
use crate::support::settings::{Mode, Settings};

/// Everything but the gateway: what the operator has before the gateway is set up.
pub(crate) struct Plan {
    pub(crate) ports: Ports,
    pub(crate) launch: Launch,
    application: Application,
    admin: u16,
    provider: ProviderSettings,
    folder: TempDir,
}

impl Plan {
    pub(crate) fn new() -> Self {
        let application = Application::start();
        let [front, grpc, http, admin, provider] = [(); 5].map(|()| free_port());
        let ports = Ports { front, grpc, http, application: application.port };
        let mut settings = Settings::of(Mode::Single);
        settings.backchannel_logout = true;
        let mut provider = ProviderSettings::on(provider);
        provider.clients = settings.clients(front);
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("gatepost.yaml");
        std::fs::write(&config, settings.as_yaml(front, grpc, http, &provider.issuer())).expect("gatepost.yaml");
        let launch = Launch { folder: folder.path().to_owned(), config, environment: settings.environment() };
        Self { ports, launch, application, admin, provider, folder }
    }

    /// Starts all programs, Envoy with the gateway's configuration.
    pub(crate) async fn start(self, translated: Arc<Translated>) -> Site {
        let Self { ports, launch, application, admin, provider, folder } = self;
        let issuer = provider.issuer();
        let provider = Provider::start(&provider);
        let gatepost = Gatepost::start(&launch);
        let envoy = Envoy::start(&load::bootstrap(&translated, admin, folder.path()), admin, folder.path()).await;
        Site {
            _envoy: envoy,
            gatepost,
            _provider: provider,
            application,
            front: ports.front,
            admin,
            issuer,
            _folder: folder,
        }
    }
}

pub(crate) struct Site {
    // In the order in which they should end.
    _envoy: Envoy,
    pub(crate) gatepost: Gatepost,
    _provider: Provider,
    pub(crate) application: Application,
    pub(crate) front: u16,
    pub(crate) admin: u16,
    pub(crate) issuer: String,
    _folder: TempDir,
}

impl Site {
    /// `wiki.demo.localhost` with the port of the gateway.
    pub(crate) fn host(&self) -> String {
        format!("{}:{}", host("wiki"), self.front)
    }

    pub(crate) fn wiki(&self, path: &str) -> String {
        format!("http://{}{path}", self.host())
    }

    /// A browser in which alice is signed in at the wiki.
    pub(crate) async fn signed_in(&self, protocol: Protocol) -> Browser {
        let browser = Browser::new(protocol);
        let page = browser.sign_in(&self.wiki("/page?a=1&b=2"), "alice").await;
        assert_eq!(page.seen().path, "/page?a=1&b=2");
        assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));
        browser
    }

    /// Whether this browser's user is signed in at the wiki.
    pub(crate) async fn is_signed_in(&self, browser: &Browser) -> bool {
        browser.is_signed_in_at(&self.wiki("/check")).await
    }

    /// The `cookie` header of this browser at the wiki.
    pub(crate) fn cookies(&self, browser: &Browser) -> String {
        let wiki = Url::parse(&self.wiki("/")).expect("an address");
        browser.cookie_header(&wiki).expect("a session")
    }
}
