//! Gatepost's own configuration in a release: the program accepts it, and the pods restart where the program would need it.

use std::path::Path;

use serde_json::{Value, json};

use super::helm::{Release, gatepost, merged, render, render_one, replicated, smallest};
use super::resources::everything;

const SEALING_KEY: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\n";

/// Writes the configuration of a release into `folder`, together with the Secrets that it names.
fn written(release: &Release, folder: &Path, name: &str) -> String {
    let secrets = folder.join("secrets");
    for (file, content) in [
        ("gatepost-sealing-key/sealing-key", SEALING_KEY),
        ("gatepost-authentik/token", "token"),
        ("gatepost/redis/password", "password"),
        ("gatepost/redis/other-password", "password"),
    ] {
        let file = secrets.join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }
    let file = folder.join(name);
    let text = release.configuration().replace("/run/secrets", secrets.to_str().unwrap());
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn the_program_accepts_the_configuration() {
    let authentik = json!({
        "image": { "repository": "registry.example.com/gatepost" },
        "authentik": { "host": "https://authentik.example.com", "token": { "secretName": "api" } },
        "config": { "authentik": { "applications": { "wiki": { "external_host": "https://wiki.company", "pass_preflight": true } } }, "session": { "store": "memory" } },
    });
    let numbers = json!({ "config": { "limits": { "requests": { "max_headers": 1_000_000 } }, "session": { "idle_lifetime": "90m" } } });
    for values in [smallest(), replicated(), everything(), authentik, merged(&smallest(), &numbers)] {
        let folder = tempfile::tempdir().unwrap();
        let file = written(&render_one(values), folder.path(), "gatepost.yaml");
        let output = gatepost(&["check-config", "--config", &file]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// What Helm adds are the keys that its values name, and nothing else.
#[test]
fn the_configuration_is_passed_on_as_it_is() {
    let release = render_one(replicated());
    let documents = super::helm::parse(&[release.configuration()]).remove(0);
    let added = json!({ "session": { "sealing_key_file": "/run/secrets/gatepost-sealing-key/sealing-key" } });
    assert_eq!(documents, [merged(&replicated()["config"], &added)]);
}

/// A changed setting, as a change of the value `config`.
fn changes() -> Vec<Value> {
    let application = |name: &str, value: Value| {
        let mut application = smallest()["config"]["applications"][0].clone();
        application[name] = value;
        json!({ "applications": [application] })
    };
    let redis = |name: &str, value: &str| json!({ "session": { "redis": { name: value } } });
    vec![
        application("name", json!("Other")),
        application("allow", json!([{ "groups": ["staff"] }])),
        json!({ "provider": { "timeout": "7s" } }),
        json!({ "session": { "refresh": false } }),
        json!({ "session": { "idle_lifetime": "1h" } }),
        json!({ "session": { "absolute_lifetime": "12h" } }),
        redis("username", "gatepost"),
        redis("password_file", "/run/secrets/gatepost/redis/other-password"),
        redis("url", "rediss://other.data.svc:6379"),
        redis("key_prefix", "other:"),
        json!({ "limits": { "identity_headers": { "max_size": "16 KiB" } } }),
        json!({ "limits": { "requests": { "max_headers": 500 } } }),
        json!({ "listen": { "http": 9005 } }),
        json!({ "log": { "level": "warn" } }),
        json!({ "outpost": { "name": "other" } }),
        json!({ "shutdown": { "grace": "1m" } }),
        json!({ "forward_auth": { "dialects": ["nginx"], "trusted_proxies": ["10.0.0.5"] } }),
    ]
}

#[test]
fn pods_restart_exactly_where_the_program_needs_it() {
    let base = replicated();
    let changes = changes();
    let values: Vec<_> = changes.iter().map(|change| merged(&base, &json!({ "config": change }))).collect();
    let folder = tempfile::tempdir().unwrap();
    let before = render_one(base);
    let earlier = written(&before, folder.path(), "earlier.yaml");
    let mut restarts = 0;
    for (change, release) in changes.iter().zip(render(&values)) {
        let release = release.unwrap_or_else(|error| panic!("{change}: {error}"));
        let file = written(&release, folder.path(), "gatepost.yaml");
        let output = gatepost(&["check-config", "--config", &file, "--diff", &earlier]);
        let said = String::from_utf8(output.stdout.clone()).unwrap();
        let needs_restart = said.contains("needs a restart: ");
        assert!(needs_restart || said.contains("applies on reload: "), "{change}: {said}{output:?}");
        assert_eq!(release.restart_settings() != before.restart_settings(), needs_restart, "{change}: {said}");
        restarts += usize::from(needs_restart);
    }
    assert!(restarts > 5 && restarts + 5 < changes.len(), "{restarts} of {}", changes.len());
}
