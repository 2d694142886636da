//! The audit stream: what users, operators and the provider do becomes lines of JSON that fit the published schema.

use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use boon::{Compiler, SchemaIndex, Schemas};
use http::StatusCode;
use serde_json::{Value, json};

use crate::secrecy::secrets_of;
use crate::support::browser::{Ask, Browser, Protocol};
use crate::support::envoy::Scenario;
use crate::support::process::eventually;
use crate::support::raw;
use crate::support::settings::Mode;
use crate::support::site::{Plan, Site};

const SIGHUP: u32 = 1;
const TO_FILE: &str = "audit: { file: audit.jsonl }\n";

/// Every user may come, and only admins below `/admin`.
const RULES: &str = "    allow:\n      - anyone: true\n      - groups: [admins]\n        paths: [/admin]\n";
const OTHER_RULES: &str =
    "    allow:\n      - anyone: true\n      - groups: [admins]\n        paths: [/admin, /reports]\n";
const NO_RULES: &str = "    allow: everyone\n";

/// The published schema of the lines.
struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    fn published() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        let text = include_str!("../../docs/audit.schema.json");
        compiler.add_resource("audit.json", serde_json::from_str(text).expect("is JSON")).expect("is a schema");
        let index = compiler.compile("audit.json", &mut schemas).expect("is a schema");
        Self { schemas, index }
    }

    /// The lines of `text`, each of which fits.
    fn read(&self, text: &str) -> Vec<Value> {
        assert!(text.is_empty() || text.ends_with('\n'), "the last line is whole: {text}");
        text.lines().map(|line| self.line(line)).collect()
    }

    fn line(&self, line: &str) -> Value {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|fault| panic!("{fault}: {line}"));
        if let Err(fault) = self.schemas.validate(&value, self.index) {
            panic!("{fault:#}: {line}");
        }
        value
    }
}

fn plan(sections: &'static str) -> Plan {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.for_entries = RULES;
    plan.settings.sections = sections;
    plan
}

fn text(site: &Site, name: &str) -> String {
    std::fs::read_to_string(site.folder().join(name)).expect("the file of the stream")
}

/// Runs `gatepost sessions`; returns whether it ended well.
fn operate(site: &Site, arguments: &[&str]) -> bool {
    let address = format!("127.0.0.1:{}", site.gatepost.port("admin"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
    command.arg("sessions").args(arguments).args(["--address", &address]).env_clear();
    command.output().expect("runs").status.success()
}

async fn signed_in(site: &Site, user: &str) -> Browser {
    let browser = Browser::new(Protocol::Http1);
    let page = browser.sign_in(&site.wiki("/?private=query"), user).await;
    assert_eq!(page.seen().header("x-authentik-username"), Some(user));
    browser
}

/// The members of an event that a table compares.
fn outline(event: &Value) -> Vec<&str> {
    ["event", "cause", "reason", "action", "outcome"].iter().filter_map(|name| event[name].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_says_who_did_what() {
    let mut plan = plan(TO_FILE);
    plan.settings.log_level = "trace";
    plan.provider.print_tokens = true;
    let mut site = plan.start().await;
    let alice = signed_in(&site, "alice").await;
    let bob = signed_in(&site, "bob").await;
    let nobody = Browser::new(Protocol::Http1);
    assert_eq!(nobody.open(&site.wiki("/admin")).await.status, StatusCode::FOUND, "makes no event");
    assert_eq!(bob.open(&site.wiki("/admin/x?private=query")).await.status, StatusCode::FORBIDDEN);

    for (rules, message) in [
        (OTHER_RULES, "configuration reloaded"),
        (NO_RULES, "the changed configuration cannot be used; the earlier one stays in service"),
    ] {
        let mark = site.gatepost.log().count();
        site.edit(|settings| settings.for_entries = rules);
        site.gatepost.logs_after(mark, message);
    }
    assert!(operate(&site, &["list", "--user", "bob"]));
    assert!(operate(&site, &["end", "--user", "bob"]));
    assert!(!operate(&site, &["end", "--user", "bob"]));
    let left = alice.ask(Ask::navigation(&site.wiki("/outpost.goauthentik.io/sign_out"))).await;
    assert!(left.status.is_redirection(), "{left:#?}");
    site.gatepost.stop();

    let written = text(&site, "audit.jsonl");
    let events = Schema::published().read(&written);
    let outlines: Vec<_> = events.iter().map(outline).collect();
    let [of_alice, of_bob, denied, accepted, refused, list, ended, end, again, signed_out] = events.as_slice() else {
        panic!("{outlines:#?}")
    };
    assert_eq!((outline(of_alice), outline(of_bob)), (vec!["sign_in"], vec!["sign_in"]));
    assert_eq!((&of_alice["user"]["name"], &of_bob["user"]["name"]), (&json!("alice"), &json!("bob")));
    assert_eq!(of_alice["user"]["issuer"], site.plan.provider.issuer());
    assert_eq!(of_alice["request"]["client"], "127.0.0.1");
    assert_eq!(of_alice["request"]["path"], "/outpost.goauthentik.io/callback");

    assert_eq!((outline(denied)[0], &denied["reason"]), ("denied", &json!("forbidden")));
    assert!(denied["cause"].as_str().is_some_and(|cause| cause.starts_with("rule 2: `groups`")), "{denied}");
    assert_eq!((&denied["session"], &denied["user"]), (&of_bob["session"], &of_bob["user"]));
    let request = &denied["request"];
    assert_eq!((&request["method"], &request["path"]), (&json!("GET"), &json!("/admin/x")));
    assert_eq!(request["host"], site.host("wiki"));
    let decision = request["decision_id"].as_str().expect("an id");
    assert!(site.gatepost.log().says(decision), "{decision} stands in the log, too");

    assert_eq!(outline(accepted), ["configuration_changed", "accepted"]);
    let settings = accepted["settings"].to_string();
    assert!(settings.contains("applications[Wiki].allow"), "{settings}");
    assert_eq!(outline(refused), ["configuration_changed", "refused"]);
    assert!(refused["faults"].to_string().contains("gatepost.yaml:"), "{refused}");

    assert_eq!(outline(list), ["administration", "list_sessions", "done"]);
    assert_eq!((&list["target"], &list["operator"]["address"]), (&json!("user=bob"), &json!("127.0.0.1")));
    assert_eq!(outline(ended), ["session_ended", "administration"]);
    assert_eq!((&ended["session"], &ended["user"]), (&of_bob["session"], &of_bob["user"]));
    assert_eq!(outline(end), ["administration", "end_sessions_of_user", "done"]);
    assert_eq!((&end["ended"], &end["target"]), (&json!(1), &json!("user=bob")));
    assert_eq!(outline(again), ["administration", "end_sessions_of_user", "not_found"]);
    assert_eq!(outline(signed_out), ["session_ended", "sign_out"]);
    assert_eq!(signed_out["session"], of_alice["session"]);

    assert!(!written.contains("private"), "no query: {written}");
    for secret in [&alice, &bob].iter().flat_map(|browser| secrets_of(browser, &site)).filter(|it| it.len() >= 8) {
        assert!(!written.contains(&secret), "{secret} stands in the audit stream");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_only_a_restart_applies_is_an_event() {
    let mut site = plan(TO_FILE).start().await;
    for (shutdown, message) in [
        ("{ delay: 1s, grace: 5s }", "changed settings that apply after a restart only"),
        ("{ delay: 0s, grace: 5s }", "no changed setting needs a restart any more"),
    ] {
        let mark = site.gatepost.log().count();
        site.edit(|settings| settings.shutdown = shutdown);
        site.gatepost.logs_after(mark, message);
    }
    site.gatepost.stop();
    let events = Schema::published().read(&text(&site, "audit.jsonl"));
    let outlines: Vec<_> =
        events.iter().map(|event| (outline(event), &event["settings"], &event["need_restart"])).collect();
    let (none, delay) = (json!([]), json!(["shutdown.delay"]));
    let change = || vec!["configuration_changed", "accepted"];
    assert_eq!(outlines, [(change(), &none, &delay), (change(), &none, &none)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_can_be_rotated() {
    let mut site = plan(TO_FILE).start().await;
    let bob = signed_in(&site, "bob").await;
    eventually("the sign-in is written", async || text(&site, "audit.jsonl").contains("sign_in").then_some(())).await;
    std::fs::rename(site.folder().join("audit.jsonl"), site.folder().join("audit.jsonl.1")).expect("is renamed");
    let mark = site.gatepost.log().count();
    site.gatepost.signal(SIGHUP);
    site.gatepost.logs_after(mark, "the file of the audit stream was opened again");
    bob.open(&site.wiki("/admin")).await;
    site.gatepost.stop();
    let schema = Schema::published();
    for (name, event) in [("audit.jsonl.1", "sign_in"), ("audit.jsonl", "denied")] {
        let events = schema.read(&text(&site, name));
        assert_eq!(events.iter().map(|line| &line["event"]).collect::<Vec<_>>(), [event], "{name}");
    }
    site.start_gatepost();
}

/// A limit on the size of files has the effect of a full disk: the write fails.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_no_request_and_what_waits_is_written_later() {
    let mut plan = plan(TO_FILE);
    plan.settings.session = "{ store: memory }".to_owned();
    let mut site = plan.start().await;
    let bob = signed_in(&site, "bob").await;
    eventually("the sign-in is written", async || text(&site, "audit.jsonl").contains("sign_in").then_some(())).await;

    let mark = site.gatepost.log().count();
    site.gatepost.limit_file_size("0");
    assert_eq!(bob.open(&site.wiki("/admin/1")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(bob.open(&site.wiki("/")).await.status, StatusCode::OK, "the service goes on");
    site.gatepost
        .logs_after(mark, "the audit stream cannot be written; events wait in its queue, and are lost when it is full");
    site.gatepost.limit_file_size("unlimited");
    eventually("it is written later", async || text(&site, "audit.jsonl").contains("/admin/1").then_some(())).await;

    // What cannot be written to the end is counted.
    site.gatepost.limit_file_size("0");
    assert_eq!(bob.open(&site.wiki("/admin/2")).await.status, StatusCode::FORBIDDEN);
    let metrics = raw::get(site.gatepost.port("metrics"), "/metrics").await.expect("metrics");
    for cause in ["queue_full", "shutdown"] {
        let line = format!("gatepost_audit_events_lost_total{{cause=\"{cause}\"}} 0");
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }
    let mark = site.gatepost.log().count();
    site.gatepost.stop();
    let lost = site
        .gatepost
        .logs_after(mark, "events are missing in the audit stream: it could not be written before the end");
    drop(lost);
    let events = Schema::published().read(&text(&site, "audit.jsonl"));
    assert_eq!(events.iter().map(|line| &line["event"]).collect::<Vec<_>>(), ["sign_in", "denied"]);
}

/// The lines of one connection until `enough`.
fn collect(listener: &UnixListener, schema: &Schema, enough: impl Fn(&Value) -> bool) -> Vec<Value> {
    let (stream, _) = listener.accept().expect("Gatepost connects");
    let mut events = Vec::new();
    for line in BufReader::new(stream).lines() {
        events.push(schema.line(&line.expect("a line")));
        if events.last().is_some_and(&enough) {
            break;
        }
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_at_a_socket_may_come_late_and_go() {
    let mut site = plan("audit: { socket: collector }\n").start().await;
    let (schema, path) = (Schema::published(), site.folder().join("collector"));
    let bob = signed_in(&site, "bob").await;
    let listener = UnixListener::bind(&path).expect("a socket");
    let first = collect(&listener, &schema, |event| event["event"] == "sign_in");
    assert_eq!(first.len(), 1);
    // The collector closed the connection.
    bob.open(&site.wiki("/admin/1")).await;
    let later = collect(&listener, &schema, |event| event["event"] == "denied");
    assert_eq!(later.iter().map(|event| &event["request"]["path"]).collect::<Vec<_>>(), ["/admin/1"]);
    site.gatepost.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_used_is_a_fault_of_the_start() {
    let mut site = plan(TO_FILE).start().await;
    site.gatepost.stop();
    let path = site.folder().join("audit.jsonl");
    allow_others(&path);
    let mut process = site.spawn_gatepost();
    assert_eq!(process.wait().code(), Some(1), "{}", process.last_words());
    let said = process.err.text();
    assert!(said.contains("audit: ") && said.contains("has mode 0644") && said.contains("chmod 600"), "{said}");
}

fn allow_others(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).expect("its mode");
}
