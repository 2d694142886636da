//! The log line of a decision: complete, and a single line for every user name.

use std::sync::{Arc, Mutex};

use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::domain::decision::{AuditRecord, Page};
use crate::domain::slug::Slug;
use crate::telemetry::format::{Lines, LogFormat};

fn decision(user: &str) -> Decision {
    let page = Page::empty(http::StatusCode::UNAUTHORIZED);
    let audit = AuditRecord {
        id: "d-1".into(),
        application: Slug::parse("wiki").ok(),
        user: Some(user.to_owned()),
        reason: Reason::SignInRequired,
    };
    Decision { verdict: Verdict::Deny(page), audit }
}

#[test]
fn gn_06_one_line_says_everything_about_a_decision() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&kept);
    let layer = tracing_subscriber::fmt::layer().event_format(Lines(LogFormat::Json)).with_writer(move || {
        struct Sink(Arc<Mutex<Vec<u8>>>);
        impl std::io::Write for Sink {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().expect("is not poisoned").write(bytes)
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        Sink(Arc::clone(&sink))
    });
    let recorder = DecisionRecorder::new(["wiki"]);
    std::sync::LazyLock::force(&crate::telemetry::SECOND_DISPATCHER);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        recorder.record(
            Protocol::ExtAuthz,
            &decision("eve\n{\"forged\":1}"),
            Stopwatch::start(),
            Some("req-1\u{1b}[2K"),
        );
    });
    let text = String::from_utf8(kept.lock().expect("is not poisoned").clone()).expect("is text");
    assert_eq!(text.lines().count(), 1, "{text}");
    let line: serde_json::Value = serde_json::from_str(&text).expect("is JSON");
    for (name, expected) in [
        ("message", "decision"),
        ("request_id", "req-1\u{1b}[2K"),
        ("decision_id", "d-1"),
        ("application", "wiki"),
        ("user", "eve\n{\"forged\":1}"),
        ("decision", "deny"),
        ("reason", "sign_in_required"),
        ("protocol", "ext_authz"),
    ] {
        assert_eq!(line[name], expected, "{line}");
    }
    assert_eq!(line["status"], 401);
    assert!(line["duration_ms"].is_number());
}

#[test]
fn every_series_has_a_cell_of_its_own() {
    let mut seen = std::collections::HashSet::new();
    for protocol in Protocol::ALL {
        for kind in [Kind::Allow, Kind::Redirect, Kind::Page, Kind::Deny] {
            for reason in Reason::ALL {
                let index = cell_index(protocol, kind, *reason);
                assert!(seen.insert(index) && index < Cells::empty().0.len());
            }
        }
    }
}
