//! The table of metrics is complete, and the documents agree with it.

use std::collections::HashSet;
use std::path::Path;

use super::*;
use crate::domain::decision::Reason;
use crate::telemetry::names::{ALL, reference};

/// `docs/metrics.md`: the metrics, and the reasons of decisions.
fn document() -> String {
    let rows = Reason::ALL.iter().map(|reason| format!("| `{}` | {} |\n", reason.as_str(), reason.meaning()));
    format!(
        "{}\n## Reasons\n\nThe label `reason` of `gatepost_decisions_total`. The same words stand in `reason` of the log line of a \
         decision, of its span,\nand of what Envoy's access log can show ([envoy.md](envoy.md)).\n\n| reason | meaning |\n| --- | --- |\n{}",
        reference(),
        rows.collect::<String>()
    )
}

#[test]
fn the_tables_in_the_document_are_fresh() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&file, document()).expect("can be written");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap_or_default(), document(), "BLESS=1 writes docs/metrics.md anew");
}

#[test]
fn names_follow_the_conventions_of_prometheus() {
    let names: HashSet<&str> = ALL.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), ALL.len(), "a name stands twice");
    for metric in ALL {
        let name = metric.name;
        // Those of authentik's outpost are read by dashboards that exist.
        let is_known = ["gatepost_", "authentik_outpost_"].iter().any(|prefix| name.starts_with(prefix));
        assert!(is_known && !metric.help.is_empty(), "{name}");
        match metric.kind {
            MetricType::Counter => assert!(name.ends_with("_total"), "{name}"),
            MetricType::Gauge => assert!(!name.ends_with("_total"), "{name}"),
            MetricType::Histogram(bounds) => {
                assert!(name.ends_with("_seconds") || name.ends_with("_bytes"), "{name}: no base unit");
                assert!(!bounds.is_empty() && bounds.is_sorted_by(|one, next| one < next), "{name}");
            }
        }
    }
}

/// Each histogram has buckets; one without would be a summary.
#[test]
fn every_metric_is_on_the_page_with_its_type_and_meaning() {
    let recorder = with_bounds().expect("has bounds").build_recorder();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        names::describe();
        for metric in ALL {
            match metric.kind {
                MetricType::Counter => metrics::counter!(metric.name).increment(1),
                MetricType::Gauge => metrics::gauge!(metric.name).set(1.0),
                MetricType::Histogram(_) => metrics::histogram!(metric.name).record(0.003),
            }
        }
    });
    let page = handle.render();
    for metric in ALL {
        for line in [
            format!("# HELP {} {}\n", metric.name, metric.help),
            format!("# TYPE {} {}\n", metric.name, metric.kind.as_str()),
        ] {
            assert!(page.contains(&line), "{line} is missing in {page}");
        }
    }
}

/// A metric named anywhere else would have neither a meaning nor an entry in the documents.
#[test]
fn no_metric_is_named_outside_the_table() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let (mut read, mut uses) = (0, 0);
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // This file contains the calls that it searches for.
            if path.ends_with("telemetry/metrics/tests.rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            read += 1;
            for call in ["counter!(", "gauge!(", "histogram!("].iter().flat_map(|call| text.split(call).skip(1)) {
                uses += usize::from(call.trim_start().starts_with("names::"));
                assert!(!call.trim_start().starts_with('"'), "{}: {:.60}", path.display(), call);
            }
            let is_table = path.ends_with("telemetry/names.rs");
            assert!(is_table || !text.contains("&str = \"gatepost_"), "{} names a metric", path.display());
        }
    }
    assert!(read > 100 && uses > 10, "{read} files, {uses} uses");
}
