//! All running programs: providers, checks with their stores, front proxies.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::addresses::Addresses;
use crate::check::Check;
use crate::machine::Cores;
use crate::memory;
use crate::plan::{Front, Plan, SECRET, clients, local};
use crate::servers::gatepost::{Application, Gatepost, Recipe};
use crate::servers::redis::Redis;
use crate::servers::{Server, sessions};
use crate::support::ports::free_port;
use crate::support::provider::{Provider, ProviderSettings};
use crate::{apache, envoy, nginx, oauth2_proxy};

/// Lifetime of the providers' tokens: longer than a run, so that no program has to renew one.
const TOKEN_SECONDS: u64 = 7200;
/// The audience of the access tokens for Envoy's filters.
pub(crate) const AUDIENCE: &str = "https://wiki.example.com";

pub(crate) struct Programs {
    folder: TempDir,
    pub(crate) cores: Cores,
    pub(crate) runtime: Runtime,
    _providers: [Provider; 2],
    pub(crate) gatepost: Gatepost,
    pub(crate) gatepost_on_redis: Gatepost,
    pub(crate) oauth2_proxy: Server,
    pub(crate) oauth2_proxy_on_redis: Server,
    pub(crate) apache: Server,
    envoy: Server,
    nginx: Server,
    pub(crate) stores: Stores,
    /// The cookies of the users who are signed in at Gatepost from the beginning.
    pub(crate) ids: Arc<[String]>,
    /// Bytes of their sessions in Gatepost's Redis.
    pub(crate) bytes_of_gatepost: f64,
}

/// A Redis for each program that uses one, so that each one's time and memory are counted by themselves.
pub(crate) struct Stores {
    pub(crate) gatepost: Redis,
    pub(crate) oauth2_proxy: Redis,
    pub(crate) mod_auth_openidc: Redis,
}

impl Programs {
    /// Starts all programs, Gatepost with `count` sessions in each of its stores.
    ///
    /// # Errors
    /// When a program does not start.
    pub(crate) fn start(plans: &[Plan], cores: Cores, count: usize) -> Result<Self, Box<dyn Error>> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let folder = tempfile::tempdir()?;
        // Apache's worker runs as another user, and reads a page below.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
        let under = |name: &str| -> Result<PathBuf, Box<dyn Error>> {
            let folder = folder.path().join(name);
            fs::create_dir(&folder)?;
            Ok(folder)
        };
        let redis = |name: &str| Redis::start(cores.on_server("redis-server"), &under(name)?);
        let stores = Stores {
            gatepost: redis("redis-of-gatepost")?,
            oauth2_proxy: redis("redis-of-oauth2-proxy")?,
            mod_auth_openidc: redis("redis-of-mod-auth-openidc")?,
        };
        let ((provider, issuer), (provider_of_filters, issuer_of_filters)) =
            (provider(plans, false), provider(plans, true));

        let (file, on_redis) = (under("gatepost")?, under("gatepost-on-redis")?);
        let kinds: [&[Check]; 2] = [&[Check::Gatepost, Check::GatepostWithAllSessions], &[Check::GatepostOnRedis]];
        let section = format!("store: file, path: \"{}\"", file.join("sessions.db").display());
        let recipe = recipe(plans, kinds[0], file, section, &issuer)?;
        let ids = runtime.block_on(sessions::fill(recipe.config()?, count, &issuer, drawn_at(plans)?))?;
        let gatepost = Gatepost::start(&recipe, cores)?;
        let recipe = self::recipe(plans, kinds[1], on_redis, stores.gatepost.section(), &issuer)?;
        let before = memory::of_redis(&stores.gatepost)?;
        runtime.block_on(sessions::fill(recipe.config()?, count, &issuer, drawn_at(plans)?))?;
        let bytes_of_gatepost = memory::of_redis(&stores.gatepost)? - before;
        let gatepost_on_redis = Gatepost::start(&recipe, cores)?;

        let addresses = Addresses {
            issuer,
            issuer_of_filters,
            gatepost: [gatepost.grpc, gatepost_on_redis.grpc],
            gatepost_http: [gatepost.http, gatepost_on_redis.http],
            oauth2_proxy: [local(free_port()), local(free_port())],
            apache: [local(free_port()), local(free_port())],
        };
        let oauth2_proxy = oauth2_proxy::start(&under("oauth2-proxy")?, &addresses, None, cores)?;
        let redis_of_oauth2_proxy = Some(stores.oauth2_proxy.address);
        let oauth2_proxy_on_redis =
            oauth2_proxy::start(&under("oauth2-proxy-on-redis")?, &addresses, redis_of_oauth2_proxy, cores)?;
        let page = page(&under("www")?)?;
        let apache =
            apache::start(&under("apache")?, plans, &addresses, stores.mod_auth_openidc.address, &page, cores)?;
        let envoy = envoy::start(&under("envoy")?, plans, &addresses, cores)?;
        let nginx = nginx::start(&under("nginx")?, plans, &addresses, &page, cores)?;
        Ok(Self {
            folder,
            cores,
            runtime,
            _providers: [provider, provider_of_filters],
            gatepost,
            gatepost_on_redis,
            oauth2_proxy,
            oauth2_proxy_on_redis,
            apache,
            envoy,
            nginx,
            stores,
            ids,
            bytes_of_gatepost,
        })
    }

    pub(crate) fn front(&self, front: Front) -> &Server {
        match front {
            Front::Envoy => &self.envoy,
            Front::Nginx => &self.nginx,
            Front::Apache => &self.apache,
        }
    }

    /// The check's own processes, its Redis included; none when the front proxy checks by itself.
    pub(crate) fn processes(&self, plan: &Plan) -> Vec<&Server> {
        let Stores { gatepost, oauth2_proxy, mod_auth_openidc } = &self.stores;
        match (plan.check, plan.front) {
            (Check::Gatepost | Check::GatepostWithAllSessions, _) => vec![&self.gatepost.server],
            (Check::GatepostOnRedis, _) => vec![&self.gatepost_on_redis.server, &gatepost.server],
            (Check::Oauth2Proxy, _) => vec![&self.oauth2_proxy],
            (Check::Oauth2ProxyOnRedis, _) => vec![&self.oauth2_proxy_on_redis, &oauth2_proxy.server],
            (Check::ModAuthOpenidcOnRedis, Front::Apache) => vec![&mod_auth_openidc.server],
            (Check::ModAuthOpenidc, Front::Nginx) => vec![&self.apache],
            (Check::ModAuthOpenidcOnRedis, Front::Nginx) => vec![&self.apache, &mod_auth_openidc.server],
            _ => Vec::new(),
        }
    }

    /// The path of a file of this name in the common folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Truncates the logs, which grow fast under load.
    pub(crate) fn forget_logs(&self) -> Result<(), Box<dyn Error>> {
        self.gatepost.forget_log()?;
        self.gatepost_on_redis.forget_log()?;
        for log in ["oauth2-proxy/log", "oauth2-proxy-on-redis/log", "apache/access.log"] {
            OpenOptions::new().write(true).open(self.file(log))?.set_len(0)?;
        }
        Ok(())
    }
}

/// A provider and its issuer: that of Envoy's filters, or that of all other checks.
fn provider(plans: &[Plan], of_filters: bool) -> (Provider, String) {
    let plans = plans.iter().filter(|plan| plan.check != Check::Nothing && plan.check.is_filter() == of_filters);
    let settings = ProviderSettings {
        clients: clients(plans),
        audience: of_filters.then_some(AUDIENCE),
        token_seconds: Some(TOKEN_SECONDS),
        ..ProviderSettings::on(free_port())
    };
    (Provider::start(&settings), settings.issuer())
}

/// The application whose users are signed in from the beginning.
fn drawn_at(plans: &[Plan]) -> Result<&'static str, &'static str> {
    let plan = plans.iter().find(|plan| plan.check == Check::GatepostWithAllSessions);
    plan.map(|plan| plan.label).ok_or("no case with all sessions")
}

/// A Gatepost with one application for each of its cases.
fn recipe(
    plans: &[Plan],
    checks: &[Check],
    folder: PathBuf,
    store: String,
    issuer: &str,
) -> Result<Recipe, Box<dyn Error>> {
    let applications = plans.iter().filter(|plan| checks.contains(&plan.check)).map(|plan| Application {
        name: plan.label,
        external_host: plan.origin(),
        issuer: issuer.to_owned(),
        client_secret: SECRET.to_owned(),
        lines: "",
    });
    let (applications, sealing_key) = (applications.collect(), sessions::sealing_key()?);
    Ok(Recipe { folder, applications, sealing_key, store, log_level: "info" })
}

/// The page that nginx and Apache serve.
fn page(folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let page = folder.join("page.txt");
    fs::write(&page, "hello")?;
    Ok(page)
}
