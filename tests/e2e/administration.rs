//! Operators: `gatepost sessions` lists and ends the sessions of users behind the real Envoy.

use std::process::{Command, Output};

use http::StatusCode;
use serde_json::Value;

use crate::secrecy::secrets_of;
use crate::support::browser::{Browser, Protocol};
use crate::support::envoy::Scenario;
use crate::support::process::eventually;
use crate::support::settings::Mode;
use crate::support::site::{Plan, Site};

/// Runs `gatepost sessions` and collects everything that it printed.
struct Operator {
    address: String,
    printed: String,
}

impl Operator {
    fn of(site: &Site) -> Self {
        Self { address: format!("127.0.0.1:{}", site.gatepost.port("admin")), printed: String::new() }
    }

    /// Exit code, standard output and standard error.
    fn run(&mut self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
        command.arg("sessions").args(arguments).args(["--address", &self.address]).env_clear();
        let Output { status, stdout, stderr } = command.output().expect("runs");
        let [out, err] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).expect("is text"));
        self.printed += &out;
        self.printed += &err;
        (status.code().expect("ends by itself"), out, err)
    }

    /// Every session that the conditions match.
    fn list(&mut self, conditions: &[&str]) -> Vec<Value> {
        let (code, out, err) = self.run(&[&["list", "--json"], conditions].concat());
        assert_eq!((code, err.as_str()), (0, ""));
        out.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sm_4_operators_list_sessions_and_end_them() {
    let mut plan = Plan::new(Scenario::InsideTheCheck, Mode::Single);
    plan.settings.log_level = "trace";
    plan.provider.print_tokens = true;
    let mut site = plan.start().await;
    let mut operator = Operator::of(&site);
    assert_eq!(operator.run(&["list"]), (0, "no sessions\n".to_owned(), String::new()));

    let alice = [site.signed_in(Protocol::Http1).await, site.signed_in(Protocol::Http2).await];
    let bob = Browser::new(Protocol::Http1);
    bob.sign_in(&site.wiki("/"), "bob").await;
    let (code, table, err) = operator.run(&["list"]);
    assert_eq!((code, err.as_str(), table.lines().count()), (0, "", 4), "{table}");
    assert!(table.starts_with("USER   APPLICATION  SIGNED IN "), "{table}");
    assert_eq!(operator.list(&["--user", "alice", "--app", "wiki"]).len(), 2);
    assert!(operator.list(&["--app", "board"]).is_empty() && operator.list(&["--older-than", "1h"]).is_empty());
    let found = operator.list(&["--user", "bob"]);
    let [of_bob] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(of_bob["issuer"], site.plan.provider.issuer());

    let handle = of_bob["handle"].as_str().expect("a handle").to_owned();
    let (code, out, _) = operator.run(&["end", &handle]);
    assert_eq!((code, out.as_str()), (0, "ended the session of bob at wiki\n"));
    let left = bob.open(&site.wiki("/check")).await;
    assert_eq!(left.status, StatusCode::FOUND, "{left:#?}");
    assert!(site.is_signed_in(&alice[0]).await && site.is_signed_in(&alice[1]).await);
    let (code, out, err) = operator.run(&["end", &handle]);
    let unknown = format!("gatepost: {handle}: there is no session under this handle\n");
    assert_eq!((code, out.as_str(), err.as_str()), (1, "", unknown.as_str()));

    let (code, out, _) = operator.run(&["end", "--user", "alice"]);
    assert!(code == 0 && out.starts_with("ended 2 sessions of alice (subject "), "{out}");
    assert!(!site.is_signed_in(&alice[0]).await && !site.is_signed_in(&alice[1]).await);
    let (code, _, err) = operator.run(&["end", "--user", "alice"]);
    assert_eq!((code, err.as_str()), (1, "gatepost: no user matches; no session ended\n"));

    site.gatepost.stop();
    let log = site.gatepost.log().text();
    for line in ["session ended by an operator", "sessions of a user ended by an operator"] {
        assert!(log.contains(line), "{line} is missing");
    }
    for browser in [&alice[0], &alice[1], &bob] {
        for secret in secrets_of(browser, &site).iter().filter(|secret| secret.len() >= 8) {
            assert!(!operator.printed.contains(secret.as_str()), "{secret} was shown to an operator");
            assert!(!log.contains(secret.as_str()), "{secret} stands in the log");
        }
    }
    site.start_gatepost();
    let nobody = Browser::new(Protocol::Http1);
    eventually("Envoy reaches Gatepost again", async || {
        nobody.open(&site.wiki("/public/")).await.status.is_success().then_some(())
    })
    .await;
    assert!(!site.is_signed_in(&alice[0]).await && !site.is_signed_in(&bob).await, "still, after a restart");
}
