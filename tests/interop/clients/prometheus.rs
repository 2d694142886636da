//! Prometheus scrapes Gatepost, and sees when it is gone.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::{Cells, OTHER};
use crate::support::browser::Protocol;
use crate::support::envoy::Scenario;
use crate::support::ports::free_port;
use crate::support::process::{Process, eventually};
use crate::support::settings::Mode;
use crate::support::site::Site;
use crate::support::{raw, tools};
use crate::table::Cell;
use crate::version::said_by;

struct Prometheus {
    _process: Process,
    port: u16,
    _folder: TempDir,
}

impl Prometheus {
    fn scraping(target: u16) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("prometheus.yml");
        let text = format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\nscrape_configs:\n- job_name: gatepost\n  \
             static_configs: [{{ targets: ['127.0.0.1:{target}'] }}]\n"
        );
        std::fs::write(&config, text).expect("prometheus.yml");
        let port = free_port();
        let mut command = Command::new(tools::installed("prometheus"));
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        Self { _process: Process::start("prometheus", &mut command), port, _folder: folder }
    }

    /// The value of the first series of this expression.
    async fn value(&self, expression: &str) -> Option<f64> {
        let query = url::form_urlencoded::byte_serialize(expression.as_bytes()).collect::<String>();
        // In HTTP/1.0 the body is not chunked.
        let request = format!("GET /api/v1/query?query={query} HTTP/1.0\r\n\r\n");
        let answer = raw::exchange(self.port, request.as_bytes()).await?;
        let answer: Value = serde_json::from_str(raw::body(&answer)).ok()?;
        answer["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    }

    async fn reaches(&self, expression: &str, value: f64) {
        let is_there = async || self.value(expression).await.filter(|found| (found - value).abs() < f64::EPSILON);
        eventually(&format!("{expression} is {value}"), is_there).await;
    }
}

async fn scrapes() {
    let site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    site.signed_in(Protocol::Http1).await;
    let prometheus = Prometheus::scraping(site.gatepost.port("metrics"));
    prometheus.reaches("up", 1.0).await;
    prometheus.reaches("count(count by (__name__) ({__name__=~\"gatepost_.+\"})) > bool 20", 1.0).await;
    prometheus.reaches("sum(gatepost_decisions_total{decision=\"allow\"}) > bool 0", 1.0).await;
}

async fn sees_the_stop() {
    let mut site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let prometheus = Prometheus::scraping(site.gatepost.port("metrics"));
    prometheus.reaches("up", 1.0).await;
    site.gatepost.stop();
    prometheus.reaches("up", 0.0).await;
}

pub(super) async fn prometheus() -> (String, Cells) {
    let [stop, metrics] = [Cell::of(sees_the_stop()).await, Cell::of(scrapes()).await];
    let version = said_by(Command::new(tools::installed("prometheus")).arg("--version"));
    (version, [OTHER, OTHER, stop, OTHER, metrics, OTHER, OTHER, OTHER])
}
