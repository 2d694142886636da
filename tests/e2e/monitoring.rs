//! The alerts and the dashboard in a real Prometheus that scrapes two Gateposts: one with applications of its own, one with
//! those of an authentik.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::authentik;
use crate::monitoring_files::{PanelExpression, RULES, dashboard, list, panel_expressions, path};
use crate::support::browser::{Browser, Protocol};
use crate::support::envoy::Scenario;
use crate::support::ports::free_port;
use crate::support::process::{Process, eventually};
use crate::support::settings::Mode;
use crate::support::site::{Plan, Site};
use crate::support::{raw, tools};

struct Prometheus {
    process: Process,
    port: u16,
}

impl Prometheus {
    /// A Prometheus with the shipped rules that scrapes these ports.
    async fn start(folder: &Path, targets: &[u16]) -> Self {
        let targets: Vec<_> = targets.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let config = folder.join("prometheus.yml");
        let text = format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }}\nrule_files: ['{}']\n\
             scrape_configs:\n  - job_name: gatepost\n    static_configs: [{{ targets: {targets:?} }}]\n",
            path(RULES).display()
        );
        std::fs::write(&config, text).expect("prometheus.yml");
        let port = free_port();
        let mut command = Command::new(tools::installed("prometheus"));
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let prometheus = Self { process: Process::start("prometheus", &mut command), port };
        eventually("Prometheus is ready", async || {
            let answer = raw::get(port, "/-/ready").await?;
            answer.contains(" 200 OK").then_some(())
        })
        .await;
        prometheus
    }

    /// The `data` of an answer of its API.
    async fn ask(&self, path: &str) -> Value {
        // In HTTP/1.0 the body is not chunked.
        let answer = raw::exchange(self.port, format!("GET /api/v1/{path} HTTP/1.0\r\n\r\n").as_bytes()).await;
        let answer = answer.unwrap_or_else(|| panic!("{path}: no answer\n{}", self.process.last_words()));
        let body: Value = serde_json::from_str(raw::body(&answer)).unwrap_or_else(|_| panic!("{path}: {answer}"));
        assert_eq!(body["status"], "success", "{path}: {body}");
        body["data"].clone()
    }

    /// How many series an expression has now.
    async fn series(&self, expression: &str) -> usize {
        let query: String = url::form_urlencoded::byte_serialize(expression.as_bytes()).collect();
        list(&self.ask(&format!("query?query={query}")).await["result"]).count()
    }
}

/// The expression as Grafana sends it, with every job and instance selected.
fn selected(found: &PanelExpression) -> String {
    let text = found.text.replace("$job", ".*").replace("$instance", ".*").replace("$__rate_interval", "5m");
    assert!(!text.contains('$'), "{text}: an unknown variable");
    text
}

/// Traffic of many kinds at a site.
async fn visit(site: &Site) {
    let browser = site.signed_in(Protocol::Http2).await;
    for path in ["/", "/page", "/public/page"] {
        browser.visit(&site.wiki(path)).await.seen();
    }
    Browser::new(Protocol::Http1).open(&site.wiki("/")).await;
    Browser::new(Protocol::Http1).open(&site.at("unknown", "/")).await;
    browser.open(&site.wiki("/outpost.goauthentik.io/sign_out")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_expression_of_alerts_and_panels_has_series() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.sections = "audit: { file: audit.jsonl }\n";
    let site = plan.start().await;
    let (_fake, with_authentik) = authentik::started(Scenario::InsideTheCheck).await;
    visit(&site).await;
    Browser::new(Protocol::Http2).visit(&with_authentik.wiki("/page")).await.seen();
    // A client that does not finish its request is cut off.
    let mut slow = TcpStream::connect(("127.0.0.1", site.gatepost.port("http"))).await.expect("connects");
    slow.write_all(b"GET / HTTP/1.1\r\n").await.expect("is sent");

    let folder = tempfile::tempdir().expect("a folder");
    let targets = [&site, &with_authentik].map(|site| site.gatepost.port("metrics"));
    let prometheus = Prometheus::start(folder.path(), &targets).await;
    let dashboard = dashboard();
    for found in panel_expressions(&dashboard) {
        let expression = selected(&found);
        // It has series only while a configuration was read within the last minute.
        let expression = expression.strip_suffix(" > 0").unwrap_or(&expression);
        let what = format!("{}: {expression}", found.panel);
        eventually(&what, async || (prometheus.series(expression).await > 0).then_some(())).await;
    }
    drop(slow);

    let rules = eventually("every rule has been evaluated, and no alert is pending", async || {
        let groups = prometheus.ask("rules").await["groups"].clone();
        let rules: Vec<_> = list(&groups).flat_map(|group| list(&group["rules"])).cloned().collect();
        // A scrape that takes longer than a second on a busy machine makes `up` 0, and an alert `pending` until the next one.
        let are_settled = rules.iter().all(|rule| rule["health"] != "unknown" && rule["state"] != "pending");
        are_settled.then_some(rules)
    })
    .await;
    assert!(rules.len() > 20, "{rules:?}");
    for rule in rules {
        let [name, health, state] = ["name", "health", "state"].map(|member| rule[member].as_str().unwrap_or_default());
        assert_eq!((name, health, state), (name, "ok", "inactive"), "{rule}");
    }
}
