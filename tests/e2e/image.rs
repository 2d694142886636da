//! The image: run as a container engine runs it, with a root that cannot be written, as a user without privileges.

use std::fs;
use std::process::Command;

use crate::support::browser::Protocol;
use crate::support::envoy::Scenario;
use crate::support::gatepost::LogLine;
use crate::support::ports::free_port;
use crate::support::process::Process;
use crate::support::settings::Mode;
use crate::support::site::Site;
use crate::unpacked::{STATE, USER, Unpacked, is_root};

/// The variable that names the configuration.
const CONFIG: &str = "GATEPOST_CONFIG";

/// A running container.
struct Container(Process);

impl Container {
    /// Starts a command that is the service, and waits until it is ready.
    fn start(image: &Unpacked, words: &[&str], variables: &[(String, String)]) -> Self {
        let variables = variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let process = Process::start("image", &mut image.command(words, variables));
        let is_ready = |line: &str| (LogLine::parse(line)?.message() == Some("ready")).then_some(());
        assert!(process.err.find(is_ready).is_some(), "it is not ready\n{}", process.last_words());
        Self(process)
    }

    /// The process of the service, which is the only child of the program that made the namespaces.
    fn service(&self) -> String {
        let id = self.0.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).expect("its children");
        let [service] = children.split_whitespace().collect::<Vec<_>>()[..] else { panic!("one, not {children:?}") };
        service.to_owned()
    }

    /// A line of /proc/…/status of the service.
    fn status(&self, name: &str) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.service())).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix(&format!("{name}:"))).expect("a line");
        line.split_whitespace().next().expect("a value").to_owned()
    }

    fn stop(mut self) {
        let sent = Command::new("kill").args(["-TERM", &self.service()]).status().expect("kill");
        assert!(sent.success());
        assert_eq!(self.0.wait().code(), Some(0), "{}", self.0.last_words());
    }
}

/// The exit code of a command in a container with these variables, as a health check has them.
fn code(image: &Unpacked, words: &[&str], variables: &[(String, String)]) -> Option<i32> {
    let variables = variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    image.command(words, variables).output().expect("bwrap").status.code()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_image_signs_users_in_behind_envoy() {
    let mut site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    site.gatepost.stop();
    let image = Unpacked::new();
    let text = fs::read_to_string(site.folder().join("gatepost.yaml")).expect("a file");
    let metrics = free_port();
    let text = text.replace("metrics: 127.0.0.1:0", &format!("metrics: 127.0.0.1:{metrics}"));
    assert!(text.contains(&metrics.to_string()), "{text}");
    let config = image.configure("gatepost.yaml", &text);
    let mut variables = site.plan.settings.environment();
    variables.push((CONFIG.to_owned(), config));

    let container = Container::start(&image, &image.service(), &variables);
    for capabilities in ["CapPrm", "CapEff", "CapBnd"] {
        assert_eq!(container.status(capabilities), "0".repeat(16), "{capabilities}");
    }
    assert_eq!(container.status("NoNewPrivs"), "1");
    if is_root() {
        assert_eq!(container.status("Uid"), USER);
    }
    let browser = site.signed_in(Protocol::Http1).await;
    assert_eq!(code(&image, &image.health_check(), &variables), Some(0));
    container.stop();
    assert_eq!(code(&image, &image.health_check(), &variables), Some(1), "nothing listens");

    // The session is on the volume, and the names of authentik's outpost do the same.
    for (service, healthcheck) in [
        (vec!["/authentik", "proxy"], vec!["/authentik", "healthcheck", "proxy"]),
        (vec!["/proxy"], vec!["/proxy", "healthcheck"]),
    ] {
        let container = Container::start(&image, &service, &variables);
        let page = browser.open(&site.wiki("/again")).await;
        assert_eq!(page.seen().header("x-authentik-username"), Some("alice"), "{service:?}: {page:#?}");
        assert_eq!(code(&image, &healthcheck, &variables), Some(0), "{healthcheck:?}");
        container.stop();
    }
    let files = fs::read_dir(image.root().join(STATE.trim_start_matches('/'))).expect("a folder");
    let mut files: Vec<_> = files.map(|file| file.expect("a file").file_name()).collect();
    files.sort();
    assert_eq!(files, ["sessions.db", "sessions.db.key"]);
}
