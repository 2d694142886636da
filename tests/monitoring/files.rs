//! The files for Prometheus and Grafana, and the metrics that docs/metrics.md lists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::Value;

/// The alerts.
pub(crate) const RULES: &str = "deploy/prometheus/gatepost.rules.yaml";
const DASHBOARD: &str = "deploy/grafana/gatepost.json";

/// A file of this package.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

pub(crate) fn read(name: &str) -> String {
    fs::read_to_string(path(name)).expect("a text")
}

pub(crate) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

/// The dashboard.
pub(crate) fn dashboard() -> Value {
    serde_json::from_str(&read(DASHBOARD)).expect("is JSON")
}

/// An expression of a panel.
pub(crate) struct PanelExpression {
    pub(crate) panel: String,
    pub(crate) text: String,
}

/// All expressions of the dashboard, those of annotations too.
pub(crate) fn panel_expressions(dashboard: &Value) -> Vec<PanelExpression> {
    let of = |title: &Value, query: &Value| PanelExpression {
        panel: title.as_str().expect("a title").to_owned(),
        text: query["expr"].as_str().expect("an expression").to_owned(),
    };
    let mut found: Vec<_> = list(&dashboard["annotations"]["list"]).map(|query| of(&query["name"], query)).collect();
    for panel in list(&dashboard["panels"]).filter(|panel| panel["type"] != "row") {
        found.extend(list(&panel["targets"]).map(|target| of(&panel["title"], target)));
    }
    found
}

/// The elements of a list.
pub(crate) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().expect("a list").iter()
}

/// The labels of each metric of docs/metrics.md, by the names under which Prometheus stores it: a histogram has three.
pub(crate) fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let (row, label) = (pattern(r"(?m)^\| `(\w+)` \| (\w+) \| ([^|]*) \|"), pattern(r"`(\w+)`"));
    let mut found = BTreeMap::new();
    for line in row.captures_iter(&read("docs/metrics.md")) {
        let labels: BTreeSet<String> = label.captures_iter(&line[3]).map(|name| name[1].to_owned()).collect();
        if &line[2] == "histogram" {
            let with_bound = labels.iter().cloned().chain(["le".to_owned()]).collect();
            found.insert(format!("{}_bucket", &line[1]), with_bound);
            found.insert(format!("{}_sum", &line[1]), labels.clone());
            found.insert(format!("{}_count", &line[1]), labels);
        } else {
            found.insert(line[1].to_owned(), labels);
        }
    }
    found
}
