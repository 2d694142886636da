//! The chart as Helm renders it (`chart.py`), and the program that reads its configuration.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

/// The namespace of the rendered release, whose name is `gatepost`.
pub(crate) const NAMESPACE: &str = "auth";

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn chart(file: &str) -> PathBuf {
    root().join("deploy/helm/gatepost").join(file)
}

/// A release, or the message with which Helm refused the values.
pub(crate) type Rendered = Result<Release, String>;

/// What Helm made of a set of values.
#[derive(Clone, Debug)]
pub(crate) struct Release {
    pub(crate) resources: Vec<Value>,
    pub(crate) notes: String,
    /// Where a resource disagrees with the schema of its kind.
    pub(crate) faults: Vec<Value>,
}

impl Release {
    /// The only resource of this kind.
    pub(crate) fn the(&self, kind: &str) -> &Value {
        let found = self.all(kind);
        assert_eq!(found.len(), 1, "{kind} in {:?}", self.kinds());
        found[0]
    }

    pub(crate) fn all(&self, kind: &str) -> Vec<&Value> {
        self.resources.iter().filter(|resource| resource["kind"] == kind).collect()
    }

    pub(crate) fn kinds(&self) -> Vec<&str> {
        let mut kinds: Vec<_> = self.resources.iter().filter_map(|resource| resource["kind"].as_str()).collect();
        kinds.sort_unstable();
        kinds
    }

    /// The `Deployment` or `StatefulSet`.
    pub(crate) fn workload(&self) -> &Value {
        self.resources.iter().find(|resource| resource["spec"]["template"].is_object()).unwrap()
    }

    pub(crate) fn pod(&self) -> &Value {
        &self.workload()["spec"]["template"]["spec"]
    }

    pub(crate) fn container(&self) -> &Value {
        &self.pod()["containers"][0]
    }

    /// The annotation that changes where a change needs new pods.
    pub(crate) fn restart_settings(&self) -> &Value {
        &self.workload()["spec"]["template"]["metadata"]["annotations"]["gatepost/restart-settings"]
    }

    /// Gatepost's configuration in the `ConfigMap`.
    pub(crate) fn configuration(&self) -> &str {
        self.the("ConfigMap")["data"]["gatepost.yaml"].as_str().unwrap()
    }
}

fn ask(request: &Value) -> Value {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), request.to_string()).unwrap();
    let python = root().join(".tools/venv/bin/python");
    let output = Command::new(&python).arg(root().join("tests/deploy/chart.py")).arg(file.path()).output();
    let output = output.unwrap_or_else(|fault| panic!("{}: {fault}; run `make tools`", python.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Renders the chart once for each set of values.
pub(crate) fn render(values: &[Value]) -> Vec<Rendered> {
    let answer = ask(&json!({ "render": values }));
    let release = |found: &Value| match found["error"].as_str() {
        Some(error) => Err(error.to_owned()),
        None => Ok(Release {
            resources: found["resources"].as_array().unwrap().clone(),
            notes: found["notes"].as_str().unwrap().to_owned(),
            faults: found["faults"].as_array().unwrap().clone(),
        }),
    };
    answer["rendered"].as_array().unwrap().iter().map(release).collect()
}

pub(crate) fn render_one(values: Value) -> Release {
    render(&[values]).remove(0).unwrap()
}

/// What Helm's linter finds with these values.
pub(crate) fn lint(values: &[Value]) -> Vec<Value> {
    ask(&json!({ "lint": values }))["linted"].as_array().unwrap().clone()
}

/// The documents of each YAML text.
pub(crate) fn parse(texts: &[&str]) -> Vec<Vec<Value>> {
    serde_json::from_value(ask(&json!({ "parse": texts }))["parsed"].clone()).unwrap()
}

/// The values that each of these YAML texts describes.
pub(crate) fn values(texts: &[&str]) -> Vec<Value> {
    parse(texts).into_iter().map(|mut documents| documents.remove(0)).collect()
}

/// `base` with the members of `changes` in place of its own; sections are merged.
pub(crate) fn merged(base: &Value, changes: &Value) -> Value {
    let (Value::Object(base), Value::Object(changes)) = (base, changes) else { return changes.clone() };
    let mut result = base.clone();
    for (name, change) in changes {
        let value = result.get(name).map_or_else(|| change.clone(), |value| merged(value, change));
        result.insert(name.clone(), value);
    }
    Value::Object(result)
}

/// The least that an operator has to say.
pub(crate) fn smallest() -> Value {
    json!({
        "image": { "repository": "registry.example.com/gatepost" },
        "config": { "applications": [{
            "name": "Wiki",
            "external_host": "https://wiki.example.com",
            "issuer": "https://sso.example.com/application/o/wiki/",
            "client_id": "wiki",
            "client_secret": "${WIKI_CLIENT_SECRET}",
        }] },
        "secretEnv": [{ "name": "WIKI_CLIENT_SECRET", "secretName": "wiki-oidc", "key": "client-secret" }],
    })
}

/// Several replicas, whose sessions are in Redis.
pub(crate) fn replicated() -> Value {
    let changes = json!({
        "replicas": 3,
        "config": { "session": {
            "store": "redis",
            "redis": { "url": "rediss://redis.data.svc:6379", "password_file": "/run/secrets/gatepost/redis/password" },
        } },
        "secretFiles": [{ "secretName": "redis" }],
        "sealingKey": { "secretName": "gatepost-sealing-key" },
    });
    merged(&smallest(), &changes)
}

/// The program, without an environment of this machine.
pub(crate) fn gatepost(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
    command.args(arguments).env_clear().env("WIKI_CLIENT_SECRET", "x").env("STATE_DIRECTORY", "/var/lib/gatepost");
    command.output().unwrap()
}
