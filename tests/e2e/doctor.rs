//! `gatepost doctor` beside the running service: with the real Envoy, the real provider and the real Redis, and with parts of the
//! setup that are wrong.

use std::process::Command;

use serde_json::Value;

use crate::fake_authentik::answers::provider;
use crate::fake_authentik::{FakeAuthentik, TOKEN};
use crate::support::envoy::Scenario;
use crate::support::process::eventually;
use crate::support::redis::{Make, Redis};
use crate::support::settings::{Entry, Mode};
use crate::support::site::{Plan, Site};

/// What the command found.
struct Report {
    code: Option<i32>,
    json: Value,
}

impl Report {
    /// The findings of this check below the subjects that begin with `subject`, as level and text.
    fn of<'a>(&'a self, subject: &str, check: &str) -> Vec<(&'a str, &'a str)> {
        let sections = self.json["sections"].as_array().expect("sections").iter();
        let sections =
            sections.filter(|section| section["subject"].as_str().is_some_and(|name| name.starts_with(subject)));
        let findings = sections.flat_map(|section| section["findings"].as_array().expect("findings"));
        let text = |finding: &'a Value, name| finding[name].as_str().unwrap_or_else(|| panic!("{name} of {finding}"));
        let findings = findings.filter(|finding| finding["check"] == check);
        findings.map(|finding| (text(finding, "level"), text(finding, "text"))).collect()
    }

    /// Asserts the level of the only finding of a check, and a part of its text.
    fn says(&self, subject: &str, check: &str, level: &str, part: &str) {
        let found = self.of(subject, check);
        let [(found_level, text)] = found[..] else { panic!("{subject}, {check}: {found:?}\n{:#}", self.json) };
        assert!(
            found_level == level && text.contains(part),
            "{subject}, {check}: {found_level}: {text}\n{:#}",
            self.json
        );
    }

    /// The failures and warnings: the names of their checks.
    fn troubles(&self) -> Vec<&str> {
        let sections = self.json["sections"].as_array().expect("sections").iter();
        let findings = sections.flat_map(|section| section["findings"].as_array().expect("findings"));
        let bad = findings.filter(|finding| matches!(finding["level"].as_str(), Some("warn" | "fail")));
        bad.filter_map(|finding| finding["check"].as_str()).collect()
    }
}

/// Runs the command with the configuration of the service; `change` edits it first.
fn doctor(site: &Site, change: impl FnOnce(String) -> String) -> Report {
    let text = std::fs::read_to_string(site.folder().join("gatepost.yaml")).expect("gatepost.yaml");
    // The service took any free port.
    let text = text.replace("metrics: 127.0.0.1:0", &format!("metrics: 127.0.0.1:{}", site.gatepost.port("metrics")));
    let file = site.folder().join("doctor.yaml");
    std::fs::write(&file, change(text)).expect("doctor.yaml");
    let settings = &site.plan.settings;
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
    command.args(["doctor", "--json", "--config"]).arg(&file).envs(settings.environment()).current_dir(site.folder());
    let output = command.output().expect("gatepost doctor");
    let out = String::from_utf8(output.stdout).expect("text");
    for secret in settings.secrets().iter().map(String::as_str).chain([TOKEN]) {
        assert!(!out.contains(secret), "a secret is told: {out}");
    }
    let json = serde_json::from_str(&out).unwrap_or_else(|fault| panic!("{fault}: {out}{:?}", output.stderr));
    Report { code: output.status.code(), json }
}

fn unchanged(text: String) -> String {
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_setup_is_found_good_through_envoy() {
    for (scenario, mode) in [(Scenario::InsideTheCheck, Mode::Single), (Scenario::SideListener, Mode::Domain)] {
        let site = Site::start(scenario, mode).await;
        let report = doctor(&site, unchanged);
        // The demo is on plain http.
        let expected = mode.entries().iter().map(|_| "address").collect::<Vec<_>>();
        assert_eq!((report.code, report.troubles()), (Some(0), expected), "{:#}", report.json);
        assert_eq!(report.json["result"], "warn");
        report.says("service", "running", "ok", "Gatepost answers at 127.0.0.1:");
        report.says("issuer", "reachable", "ok", "answers 200");
        report.says("issuer", "metadata", "ok", &site.plan.provider.issuer());
        report.says("issuer", "clock", "ok", "less than 5 s");
        report.says("issuer", "pkce", "ok", "S256");
        report.says("session store", "sealing_key", "ok", "sessions.db.key is used by its owner only");
        for application in report.json["sections"].as_array().expect("sections") {
            let Some(subject) = application["subject"].as_str().filter(|name| name.starts_with("application ")) else {
                continue;
            };
            report.says(subject, "redirect_uri", "ok", "asks for a sign-in");
            report.says(subject, "client_credentials", "ok", "accepts the client");
            report.says(subject, "algorithm", "ok", "RS256");
            report.says(subject, "ping", "ok", "arrives at Gatepost");
            report.says(subject, "start", "ok", "begins a sign-in");
            report.says(subject, "cookies", "ok", "comes back to Gatepost");
            report.says(subject, "forwarded_headers", "ok", "change nothing");
        }
        // It has left nothing behind: no session, and nothing that keeps users from signing in.
        assert!(site.application.seen().is_empty(), "nothing reached the application");
        site.signed_in(crate::support::browser::Protocol::Http1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_settings_of_a_client_are_found() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.entries = vec![Entry::single("Wiki", "wiki"), Entry::single("Board", "board")];
    let site = plan.start().await;
    // Another secret, and another address, of which the provider knows nothing.
    let report = doctor(&site, |text| {
        let text = text.replace("${WIKI_CLIENT_SECRET}", "another-secret");
        text.replace("http://board.demo.localhost", "http://pinboard.demo.localhost")
    });
    assert_eq!(report.code, Some(1), "{:#}", report.json);
    report.says("application wiki", "client_credentials", "fail", "invalid_client");
    report.says("application wiki", "redirect_uri", "ok", "asks for a sign-in");
    report.says("application board", "client_credentials", "ok", "accepts the client");
    report.says("application board", "redirect_uri", "fail", "pinboard.demo.localhost");
    // Another client of that provider, of which it knows nothing either.
    let report = doctor(&site, |text| text.replace("client_id: wiki", "client_id: nobody"));
    report.says("application wiki", "redirect_uri", "fail", "client");
    report.says("application wiki", "client_credentials", "fail", "invalid_client");
    // The running service has the earlier configuration.
    report.says("application wiki", "start", "warn", "\"wiki\"");
    assert_eq!(report.code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_that_hides_https_is_found() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.entries = vec![Entry::single("Wiki", "wiki")];
    let site = plan.start().await;
    let front = site.front();
    // TLS ends at a proxy in front of Envoy that adds no `x-forwarded-proto`.
    let authority = crate::support::certificates::Authority::new();
    let port = crate::support::tls_proxy::start(authority.vouch_for("wiki.demo.localhost"), front).await;
    let ca = site.folder().join("authority.pem");
    std::fs::write(&ca, authority.pem()).expect("authority.pem");
    let mut site = site;
    site.edit(|settings| {
        settings.sections = "provider: { ca_file: authority.pem }\n";
    });
    let to_https = |text: String| {
        text.replace(&format!("http://wiki.demo.localhost:{front}"), &format!("https://wiki.demo.localhost:{port}"))
    };
    let config = site.folder().join("gatepost.yaml");
    let text = to_https(std::fs::read_to_string(&config).expect("gatepost.yaml"));
    site.gatepost.stop();
    std::fs::write(&config, text).expect("gatepost.yaml");
    site.start_gatepost();
    let report = doctor(&site, unchanged);
    report.says("application wiki", "ping", "ok", "arrives at Gatepost");
    report.says("application wiki", "scheme", "fail", "as plain http");
    assert_eq!(report.code, Some(1));
    // The certificate is for another name than this host's.
    let report = doctor(&site, |text| text.replace("https://wiki.demo.localhost", "https://board.demo.localhost"));
    report.says("application wiki", "ping", "warn", "the certificate is for wiki.demo.localhost, issued by");
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_checked_with_the_services_own_commands() {
    let redis = Redis::start(Make::Redis).await;
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.session = redis.as_session();
    let site = plan.start().await;
    let report = doctor(&site, unchanged);
    report.says("session store", "reachable", "ok", "connected to 127.0.0.1:");
    report.says("session store", "tracking", "ok", "allowed");
    report.says("session store", "memory_policy", "ok", "noeviction");
    report.says("session store", "rights", "ok", "below the key prefix");
    report.says("session store", "latency", "ok", "median");
    assert_eq!(report.code, Some(0), "{:#}", report.json);
    let is_empty = async || redis.ask("DBSIZE").await.filter(|answer| answer == ":0");
    eventually("nothing stays in Redis", is_empty).await;

    // The rights of docs/sessions.md are enough.
    let rights = "~gatepost:* resetchannels +@read +@write +@connection +@scripting -@dangerous +role";
    assert!(std::fs::read_to_string("docs/sessions.md").expect("a document").contains(rights));
    redis.ask(&format!("ACL SETUSER documented on nopass {rights}")).await;
    let report = doctor(&site, |text| text.replace("redis://127", "redis://documented:x@127"));
    report.says("session store", "tracking", "ok", "allowed");
    report.says("session store", "rights", "ok", "below");
    report.says("session store", "memory_policy", "note", "with `+info`");
    assert_eq!(report.code, Some(0), "{:#}", report.json);

    redis.ask("CONFIG SET maxmemory-policy allkeys-lru").await;
    redis.ask("ACL SETUSER reader on nopass ~* &* +@read +@connection +info +hello +role -client|tracking").await;
    let report = doctor(&site, |text| text.replace("redis://127", "redis://reader:x@127"));
    report.says("session store", "memory_policy", "warn", "allkeys-lru");
    report.says("session store", "tracking", "warn", "refuses CLIENT TRACKING");
    report.says("session store", "rights", "fail", "NOPERM");
    assert_eq!(report.code, Some(1));
    let report = doctor(&site, |text| text.replace("redis://127", "redis://nobody:x@127"));
    report.says("session store", "reachable", "fail", "it rejects user name and password");
}

#[tokio::test(flavor = "multi_thread")]
async fn authentik_is_asked_for_its_outpost_and_applications() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    let fake = FakeAuthentik::start().await;
    let front = plan.front();
    fake.change(|state| state.providers = vec![provider(7, "wiki", &format!("http://wiki.demo.localhost:{front}"))]);
    plan.settings.authentik = vec![("HOST", fake.url()), ("TOKEN", TOKEN.to_owned())];
    plan.provider_is_up = false;
    let mut site = plan.start().await;
    let report = doctor(&site, unchanged);
    report.says("authentik", "outpost", "ok", "\"edge\"");
    report.says("authentik", "applications", "ok", "1 applications");
    report.says("application wiki", "algorithm", "ok", "");
    fake.log(|log| assert!(log.requests_to("/view_private_key/").is_empty(), "no private key is looked at"));

    site.plan.settings.authentik = vec![("HOST", fake.url()), ("TOKEN", "another-token".to_owned())];
    let report = doctor(&site, unchanged);
    report.says("authentik", "outpost", "fail", "refuses the token");
    assert_eq!(report.code, Some(1));
}
