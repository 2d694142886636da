//! The alerts and the dashboard speak of metrics that exist, with the labels that they have; the alerts fire when they have to.
//!
//! `tests/e2e/monitoring.rs` evaluates the same files in a Prometheus that scrapes running Gateposts.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test says what it expects and fails where that does not hold"
)]

mod files;

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use files::{RULES, dashboard, documented, list, panel_expressions, path, pattern, read};

const ALERT_TESTS: &str = "tests/monitoring/alerts.yaml";
/// The labels that Prometheus sets.
const OF_TARGETS: [&str; 2] = ["job", "instance"];

/// Every expression, with the place where it stands.
fn expressions() -> Vec<(String, String)> {
    let of_panels = panel_expressions(&dashboard()).into_iter().map(|found| (found.panel, found.text));
    // An expression is on one line, or on the further indented lines after `|`.
    let (alert, text) = (pattern(r"- alert: (\w+)"), pattern(r"(?m)^ +expr: (?:\|\n((?: {10,}.*\n)+)|(.*)\n)"));
    let rules = read(RULES);
    let names: Vec<_> = alert.captures_iter(&rules).map(|found| found[1].to_owned()).collect();
    let texts: Vec<_> = text
        .captures_iter(&rules)
        .map(|found| found.get(1).or(found.get(2)).expect("one of them").as_str().to_owned())
        .collect();
    assert!(names.len() > 20 && names.len() == texts.len(), "{} alerts, {} expressions", names.len(), texts.len());
    of_panels.chain(names.into_iter().zip(texts)).collect()
}

/// The label names of a list such as `job="a", le="1"`.
fn label_names(matchers: &str) -> Vec<String> {
    pattern(r#"(\w+)\s*(?:=~|!~|!=|=)\s*"[^"]*""#).captures_iter(matchers).map(|found| found[1].to_owned()).collect()
}

#[test]
fn every_metric_and_label_is_documented() {
    let documented = documented();
    let (metric, grouping) = (
        pattern(r"\b((?:gatepost|authentik_outpost)_\w+)(?:\{([^}]*)\})?"),
        pattern(r"\b(?:by|on|group_left) \(([^)]*)\)"),
    );
    let (mut named, mut unknown) = (0, Vec::new());
    for (place, text) in expressions() {
        let mut known: BTreeSet<&str> = OF_TARGETS.into();
        for found in metric.captures_iter(&text) {
            named += 1;
            let Some(labels) = documented.get(&found[1]) else {
                unknown.push(format!("{place}: {}", &found[1]));
                continue;
            };
            let matchers = found.get(2).map_or("", |matchers| matchers.as_str());
            for label in label_names(matchers) {
                if !labels.contains(&label) && !OF_TARGETS.contains(&label.as_str()) {
                    unknown.push(format!("{place}: {}{{{label}}}", &found[1]));
                }
            }
            known.extend(labels.iter().map(String::as_str));
        }
        for found in grouping.captures_iter(&text) {
            let labels = found[1].split(',').map(str::trim).filter(|label| !label.is_empty());
            unknown.extend(labels.filter(|label| !known.contains(label)).map(|label| format!("{place}: by {label}")));
        }
    }
    assert!(named > 80, "only {named} metrics were recognised");
    assert_eq!(unknown, Vec::<String>::new());
}

/// A made-up label would let a test pass whose alert never fires.
#[test]
fn the_series_of_the_alert_tests_have_the_documented_labels() {
    let documented = documented();
    let series = pattern(r"(?m)- series: '(\w+)\{([^}]*)\}'$");
    let text = read(ALERT_TESTS);
    let mut read_series = 0;
    for found in series.captures_iter(&text).filter(|found| &found[1] != "up") {
        read_series += 1;
        let mut labels: BTreeSet<_> = label_names(&found[2]).into_iter().collect();
        for label in OF_TARGETS {
            assert!(labels.remove(label), "{}: no {label}", &found[0]);
        }
        assert_eq!(documented.get(&found[1]), Some(&labels), "{}", &found[0]);
    }
    let all = text.matches("- series:").count();
    assert!(read_series > 80 && read_series + text.matches("- series: 'up{").count() == all, "{read_series} of {all}");
}

/// Prometheus' own tool, which checks syntax and templates, and evaluates the alerts over the series of the tests.
#[test]
fn promtool_accepts_the_rules_and_their_tests() {
    for arguments in [["check", "rules", RULES], ["test", "rules", ALERT_TESTS]] {
        let output = Command::new("promtool").args(arguments).current_dir(path("")).output();
        let output = output.expect("promtool is missing: run `make tools`");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
    }
}

#[test]
fn every_alert_is_tested_and_explained() {
    let rules = read(RULES);
    let (tests, operations) = (read(ALERT_TESTS), read("docs/operations.md"));
    let mut explained = 0;
    for rule in rules.split("- alert: ").skip(1) {
        let name = rule.lines().next().expect("a name");
        let fires = [format!("alertname=\"{name}\""), format!("alertname: {name}\n")];
        assert!(fires.iter().any(|text| tests.contains(text)), "{name}: no test in which it fires");
        for annotation in ["summary: ", "description: ", "runbook_url: docs/operations.md#"] {
            assert!(rule.contains(annotation), "{name}: no {annotation}");
        }
        assert!(["critical", "warning"].iter().any(|level| rule.contains(&format!("severity: {level}"))), "{name}");
        let (_, anchor) = rule.split_once("runbook_url: docs/operations.md#").expect("an address");
        let anchor = anchor.lines().next().expect("an anchor");
        let section = operations.split("\n### ").find(|section| {
            let title = section.lines().next().unwrap_or_default();
            title.to_lowercase().replace(' ', "-") == anchor
        });
        let section = section.unwrap_or_else(|| panic!("{name}: docs/operations.md has no section {anchor}"));
        assert!(section.contains(&format!("`{name}`")), "{name} is not explained under {anchor}");
        explained += 1;
    }
    assert!(explained > 20, "only {explained} alerts were recognised");
    let named: BTreeSet<_> =
        pattern(r"`(Gatepost[A-Z]\w+)`").captures_iter(&operations).map(|found| found[1].to_owned()).collect();
    assert_eq!(named.len(), explained, "docs/operations.md names other alerts: {named:?}");
}

/// Every `uid` of a data source below a value.
fn data_sources(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if let Some(uid) = members.get("datasource").and_then(|source| source.get("uid")) {
                found.push(uid.as_str().expect("a text").to_owned());
            }
            members.values().for_each(|member| data_sources(member, found));
        }
        Value::Array(elements) => elements.iter().for_each(|element| data_sources(element, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_dashboard_fits_every_grafana() {
    let dashboard = dashboard();
    let mut sources = Vec::new();
    data_sources(&dashboard, &mut sources);
    assert!(sources.len() > 80, "{}", sources.len());
    assert!(sources.iter().all(|uid| uid == "${datasource}"), "{sources:?}");
    let variables: Vec<_> = list(&dashboard["templating"]["list"]).map(|variable| &variable["name"]).collect();
    assert_eq!(variables, ["datasource", "job", "instance"]);
    for found in panel_expressions(&dashboard) {
        let selectors = pattern(r"(?:gatepost|authentik_outpost)_\w+").find_iter(&found.text).count();
        let filtered = found.text.matches(r#"{job=~"$job", instance=~"$instance""#).count();
        assert!(selectors > 0 && selectors == filtered, "{}: {}", found.panel, found.text);
    }
}

#[test]
fn no_panel_of_the_dashboard_covers_another() {
    let dashboard = dashboard();
    let (mut ids, mut covered) = (BTreeSet::new(), BTreeSet::new());
    for panel in list(&dashboard["panels"]) {
        let title = &panel["title"];
        assert!(ids.insert(panel["id"].as_u64()), "{title}: its id stands twice");
        let is_row = panel["type"] == "row";
        assert!(is_row || panel["description"].as_str().is_some_and(|text| !text.is_empty()), "{title}");
        let [x, y, width, height] = ["x", "y", "w", "h"].map(|name| panel["gridPos"][name].as_u64().expect("a number"));
        assert!(x + width <= 24, "{title} is beyond the edge");
        for column in x..x + width {
            for line in y..y + height {
                assert!(covered.insert((column, line)), "{title} covers another panel at {column}, {line}");
            }
        }
    }
}
