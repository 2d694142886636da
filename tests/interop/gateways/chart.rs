//! The chart as Helm 3 renders it.

use std::collections::BTreeMap;
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

use super::helm::{Release, chart, parse};
use crate::support::tools;

/// What Helm made of one set of values.
#[derive(Debug, Deserialize)]
struct Rendered {
    error: Option<String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
}

/// Renders the chart once for each set of values; a refusal is a message.
pub(crate) fn render(values: &[Value]) -> Vec<Result<Release, String>> {
    let folder = tempfile::tempdir().expect("a folder");
    let (request, answer) = (folder.path().join("request.json"), folder.path().join("answer.json"));
    std::fs::write(&request, Value::from(values).to_string()).expect("the request");
    let mut command = Command::new(tools::fetched("interop/bin/gateways-helm"));
    let output = command.arg(chart("")).args([&request, &answer]).output().expect("Helm");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer = std::fs::read(&answer).expect("the answer");
    let rendered: Vec<Rendered> = serde_json::from_slice(&answer).expect("one answer for each set of values");
    rendered.into_iter().map(release).collect()
}

fn release(rendered: Rendered) -> Result<Release, String> {
    let Rendered { error, mut files } = rendered;
    if let Some(error) = error {
        return Err(error);
    }
    let notes = files.remove("gatepost/templates/NOTES.txt").expect("notes");
    // Partials render to nothing.
    let texts: Vec<_> = files.values().map(String::as_str).filter(|text| !text.trim().is_empty()).collect();
    let resources = parse(&texts).into_iter().flatten().filter(|resource| !resource.is_null()).collect();
    Ok(Release { resources, notes, faults: Vec::new() })
}

pub(crate) fn rendered_by_helm_3(values: Value) -> Release {
    render(&[values]).remove(0).unwrap_or_else(|error| panic!("Helm refuses the values: {error}"))
}
