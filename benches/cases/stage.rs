//! All servers, started and filled with sessions.

use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::verify;
use crate::load::Question;
use crate::machine::Cores;
use crate::op::{CLIENT_SECRET, HostileOp};
use crate::servers::bare::{self, BareServer};
use crate::servers::envoy::Envoy;
use crate::servers::gatepost::{Application, Gatepost, Recipe};
use crate::servers::redis::Redis;
use crate::servers::sessions::{self, SystemClock};
use crate::servers::{Server, judges, request};

/// No line for each decision, but still the lines with the listening addresses.
const WARN: &str = "warn,gatepost::server=info";

/// An assertion that the application receives with each request.
const ASSERTION: &str = "    assertion: { claims: [email] }\n";

/// All running programs.
pub(crate) struct Stage {
    pub(super) folder: TempDir,
    pub(super) runtime: Runtime,
    _provider: HostileOp,
    /// The cookies of all signed-in users, in the order of the users' numbers.
    pub(super) ids: Arc<[String]>,
    pub(super) hyper: (Server, SocketAddr),
    pub(super) tonic: (Server, SocketAddr),
    pub(crate) gatepost: Gatepost,
    pub(super) quiet: Gatepost,
    pub(super) asserting: Gatepost,
    _redis: Redis,
    pub(super) on_redis: Gatepost,
    /// The cookies of all users whose sessions are in Redis.
    pub(super) ids_on_redis: Arc<[String]>,
    pub(super) envoy: Envoy,
    /// The recipe to start one more Gatepost with as many sessions.
    pub(crate) another: Recipe,
}

impl Stage {
    /// Starts all servers.
    ///
    /// # Errors
    /// When a server does not start, or answers wrongly.
    pub(crate) fn set(cores: Cores, count: usize) -> Result<Self, Box<dyn Error>> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let provider = runtime.block_on(HostileOp::start(Arc::new(SystemClock)));
        let place = Place {
            folder: tempfile::tempdir()?,
            issuer: provider.issuer().to_owned(),
            sealing_key: sessions::sealing_key()?,
        };
        let filled = place.with_file("filled", "info")?;
        let ids = runtime.block_on(sessions::fill(filled.config()?, count, &place.issuer, "wiki"))?;
        let gatepost = Gatepost::start(&place.with_copy("info", "info")?, cores)?;
        let quiet = Gatepost::start(&place.with_copy("warn", WARN)?, cores)?;
        let mut asserting = place.with_copy("assertion", "info")?;
        asserting.applications = vec![Application { lines: ASSERTION, ..place.application() }];
        let asserting = Gatepost::start(&asserting, cores)?;
        // The servers' core shows only Gatepost's own load.
        let redis = Redis::start(cores.on_load("redis-server"), place.folder.path())?;
        let on_redis = place.with_store("redis", "info", redis.section())?;
        let ids_on_redis = runtime.block_on(sessions::fill(on_redis.config()?, count, &place.issuer, "wiki"))?;
        let on_redis = Gatepost::start(&on_redis, cores)?;
        let another = place.with_copy("another", "info")?;

        let question = Question::of(&ids, request::PAGE, judges::signed_in)?;
        let answer = runtime.block_on(verify::checks(gatepost.grpc, &question))?;
        let folder = place.folder;
        let [hyper, tonic] =
            [BareServer::Hyper, BareServer::Tonic].map(|kind| bare::start(kind, &answer, folder.path(), cores));
        let (hyper, tonic) = (hyper?, tonic?);
        let envoy = Envoy::start(folder.path(), &[None, Some(tonic.1), Some(gatepost.grpc)], cores)?;
        Ok(Self {
            folder,
            runtime,
            _provider: provider,
            ids,
            hyper,
            tonic,
            gatepost,
            quiet,
            asserting,
            _redis: redis,
            on_redis,
            ids_on_redis,
            envoy,
            another,
        })
    }

    /// The path of a file of this name in the common folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// The settings that all Gateposts share.
struct Place {
    folder: TempDir,
    issuer: String,
    sealing_key: String,
}

impl Place {
    /// A Gatepost in a folder of this name, with a file store for its sessions.
    fn with_file(&self, name: &str, log_level: &'static str) -> Result<Recipe, Box<dyn Error>> {
        let file = self.sessions(name);
        self.with_store(name, log_level, format!("store: file, path: \"{}\"", file.display()))
    }

    /// The same with a copy of all sessions of `filled`.
    fn with_copy(&self, name: &str, log_level: &'static str) -> Result<Recipe, Box<dyn Error>> {
        let recipe = self.with_file(name, log_level)?;
        fs::copy(self.sessions("filled"), self.sessions(name))?;
        Ok(recipe)
    }

    fn with_store(&self, name: &str, log_level: &'static str, store: String) -> Result<Recipe, Box<dyn Error>> {
        let folder = self.folder.path().join(name);
        fs::create_dir(&folder)?;
        let (applications, sealing_key) = (vec![self.application()], self.sealing_key.clone());
        Ok(Recipe { folder, applications, sealing_key, store, log_level })
    }

    fn application(&self) -> Application {
        Application {
            name: "Wiki",
            external_host: format!("https://{}", request::HOST),
            issuer: self.issuer.clone(),
            client_secret: CLIENT_SECRET.to_owned(),
            lines: "",
        }
    }

    fn sessions(&self, name: &str) -> PathBuf {
        self.folder.path().join(name).join("sessions.db")
    }
}
