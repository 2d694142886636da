//! All servers, started and filled, and the cases that are asked of them.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gatepost::outbound::store::StoreSettings;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{Case, Load, verify};
use crate::load::{Judge, Question, wrk};
use crate::machine::Cores;
use crate::op::HostileOp;
use crate::servers::bare::{self, Kind};
use crate::servers::envoy::{Envoy, SEEN_USER};
use crate::servers::gatepost::{Gatepost, Settings};
use crate::servers::sessions::{self, Filling, SystemClock, user_name};
use crate::servers::{Server, judges, request};

/// Stands for a session in a request over HTTP/1.1.
const GAP: &str = "SESSION";
/// How many of the sessions are in use where not all of them are.
const FEW: usize = 1000;

/// Everything that runs.
pub(crate) struct Stage {
    pub(crate) cores: Cores,
    pub(crate) folder: TempDir,
    runtime: Runtime,
    _provider: HostileOp,
    issuer: String,
    filling: Filling,
    /// The file with all sessions, as no Gatepost has touched it.
    filled: PathBuf,
    hyper: (Server, std::net::SocketAddr),
    pub(crate) tonic: (Server, std::net::SocketAddr),
    pub(crate) gatepost: Gatepost,
    quiet: Gatepost,
    envoy: Envoy,
}

impl Stage {
    /// Starts all of it.
    ///
    /// # Errors
    /// When something does not start, or answers wrongly.
    pub(crate) fn set(cores: Cores, sessions: usize) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let provider = runtime.block_on(HostileOp::start(Arc::new(SystemClock)));
        let issuer = provider.issuer().to_owned();
        let filled = folder.path().join("filled.redb");
        let filling =
            runtime.block_on(sessions::fill(&StoreSettings::File { path: filled.clone() }, sessions, &issuer))?;
        let start = |name, level| start_copy(folder.path(), name, level, &filled, &filling, &issuer, cores);
        let (gatepost, quiet) = (start("info", "info")?, start("warn", "warn,gatepost::app=info")?);

        let question = Question::of(&filling.ids, request::PAGE, judges::signed_in)?;
        let answer = runtime.block_on(verify::checks(gatepost.grpc, &question))?;
        let hyper = bare::start(Kind::Hyper, &answer, folder.path(), cores)?;
        let tonic = bare::start(Kind::Tonic, &answer, folder.path(), cores)?;
        let checks = [None, Some(tonic.1), Some(gatepost.grpc)];
        let envoy = Envoy::start(folder.path(), &checks, cores)?;
        Ok(Self {
            cores,
            folder,
            runtime,
            _provider: provider,
            issuer,
            filling,
            filled,
            hyper,
            tonic,
            gatepost,
            quiet,
            envoy,
        })
    }

    /// A Gatepost of its own on a copy of the filled store, for its start.
    pub(crate) fn another(&self) -> Result<Gatepost, Box<dyn Error>> {
        start_copy(self.folder.path(), "again", "info", &self.filled, &self.filling, &self.issuer, self.cores)
    }

    /// The same on the store that the last one left.
    pub(crate) fn once_more(&self) -> Result<Gatepost, Box<dyn Error>> {
        let settings = settings(&self.filling, &self.issuer, "info");
        Gatepost::start(&self.folder.path().join("again"), settings, self.cores)
    }

    /// Checks, one after the other, the reference first among those that decode.
    ///
    /// # Errors
    /// When an answer is wrong.
    pub(crate) fn checks(&self) -> Result<Vec<Case<'_>>, Box<dyn Error>> {
        let few: Arc<[String]> = self.filling.ids.iter().take(FEW).cloned().collect();
        let all = |judge: Judge| Question::of(&self.filling.ids, request::PAGE, judge);
        let ours = (&self.gatepost.server, self.gatepost.grpc, Some(&self.gatepost));
        let quiet = (&self.quiet.server, self.quiet.grpc, Some(&self.quiet));
        let count = self.filling.ids.len();
        let cases = [
            (
                "a",
                "hyper, a fixed frame".to_owned(),
                (&self.hyper.0, self.hyper.1, None),
                all(judges::allowed_with_headers)?,
            ),
            (
                "b",
                "tonic + envoy-types, allows all".to_owned(),
                (&self.tonic.0, self.tonic.1, None),
                all(judges::allowed_with_headers)?,
            ),
            ("c", format!("Gatepost, signed in, {count} sessions in use"), ours, all(judges::signed_in)?),
            (
                "c2",
                format!("the same, {FEW} of them in use"),
                ours,
                Question::of(&few, request::PAGE, judges::signed_in)?,
            ),
            (
                "c3",
                "the same, `log.level: warn`".to_owned(),
                quiet,
                Question::of(&few, request::PAGE, judges::signed_in)?,
            ),
            (
                "e",
                "Gatepost, not signed in: redirect".to_owned(),
                ours,
                Question::fixed(request::PAGE, judges::redirect),
            ),
            ("f", "Gatepost, public path".to_owned(), ours, Question::fixed("/public/style.css", judges::public)),
        ];
        let cases = cases.into_iter().map(|(label, name, (server, address, logs), question)| {
            self.runtime.block_on(verify::checks(address, &question)).map_err(|fault| format!("({label}): {fault}"))?;
            let load = Load::Checks(address, question);
            Ok(Case { label, name, server, beside: None, logs, load, fast: Vec::new(), paced: Vec::new() })
        });
        cases.collect()
    }

    /// nginx' questions to Gatepost.
    pub(crate) fn nginx(&self) -> Result<Case<'_>, Box<dyn Error>> {
        let address = self.gatepost.http;
        let asked = self.some().map(|(number, id)| {
            let expected = format!("x-authentik-username: {}", user_name(number));
            (request::of_nginx(&request::cookies(id)), expected)
        });
        verify::requests(address, asked)?;
        let script = self.script("nginx", &request::of_nginx(&request::cookies(GAP)))?;
        Ok(Case {
            label: "g",
            name: "Gatepost, signed in, asked by nginx' dialect".to_owned(),
            server: &self.gatepost.server,
            beside: None,
            logs: Some(&self.gatepost),
            load: Load::Requests(address, script),
            fast: Vec::new(),
            paced: Vec::new(),
        })
    }

    /// Requests through Envoy.
    ///
    /// # Errors
    /// When an answer is wrong.
    pub(crate) fn through_envoy(&self) -> Result<Vec<Case<'_>>, Box<dyn Error>> {
        let ways = [
            ("x", "no check", None, None),
            ("y", "(b) as the check", Some(&self.tonic.0), None),
            ("z", "Gatepost as the check", Some(&self.gatepost.server), Some(&self.gatepost)),
        ];
        let cases = ways.into_iter().zip(&self.envoy.fronts).map(|((label, name, beside, logs), front)| {
            let asked = self.some().map(|(number, id)| {
                let user = match label {
                    "x" => String::new(),
                    "y" => format!("{SEEN_USER}: {}", user_name(0)),
                    _ => format!("{SEEN_USER}: {}", user_name(number)),
                };
                (request::to_envoy(&request::cookies(id)), user)
            });
            verify::requests(*front, asked)?;
            let script = self.script(label, &request::to_envoy(&request::cookies(GAP)))?;
            let load = Load::Requests(*front, script);
            let (name, server) = (name.to_owned(), &self.envoy.server);
            Ok(Case { label, name, server, beside, logs, load, fast: Vec::new(), paced: Vec::new() })
        });
        cases.collect()
    }

    /// Some users' numbers and sessions.
    fn some(&self) -> impl Iterator<Item = (usize, &String)> {
        self.filling.ids.iter().enumerate().step_by(self.filling.ids.len().div_ceil(10))
    }

    fn script(&self, name: &str, request: &str) -> Result<wrk::Script, Box<dyn Error>> {
        let ids = self.folder.path().join("sessions.txt");
        sessions::write_ids(&self.filling.ids, &ids)?;
        wrk::Script::write(self.folder.path().join(name).with_extension("lua"), request, GAP, &ids)
    }
}

/// A Gatepost in the folder `name`, with sessions of its own.
fn start_copy(
    folder: &Path,
    name: &str,
    level: &str,
    filled: &Path,
    filling: &Filling,
    issuer: &str,
    cores: Cores,
) -> Result<Gatepost, Box<dyn Error>> {
    let folder = folder.join(name);
    fs::create_dir_all(&folder)?;
    fs::copy(filled, folder.join("sessions.redb"))?;
    Gatepost::start(&folder, settings(filling, issuer, level), cores)
}

fn settings<'a>(filling: &'a Filling, issuer: &'a str, log_level: &'a str) -> Settings<'a> {
    let store = "store: file, path: sessions.redb";
    Settings { issuer, sealing_key: &filling.sealing_key, store, log_level }
}
