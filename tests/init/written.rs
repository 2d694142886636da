//! What is written, and when nothing is.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const WIKI: [&str; 7] =
    ["--offline", "--host", "https://wiki.example.com", "--issuer", "https://sso.example.com", "--client-id", "wiki"];

/// The names of the expected files, the front proxy, further arguments, and the files that are written.
const RUNS: [(&str, &str, &[&str], &[&str]); 6] = [
    ("nginx", "nginx", &[], &["gatepost.yaml", "nginx.conf"]),
    (
        "caddy",
        "caddy",
        &["--trusted-proxy", "10.0.0.5", "--gatepost", "http://gatepost.internal:9000"],
        &["Caddyfile", "gatepost.yaml"],
    ),
    (
        "haproxy",
        "haproxy",
        &["--client-secret-file", "/run/secrets/wiki secret"],
        &["gatepost.lua", "gatepost.yaml", "haproxy.cfg"],
    ),
    ("traefik", "traefik", &["--name", "Team: Wiki"], &["gatepost.yaml", "traefik.yaml"]),
    (
        "envoy",
        "envoy",
        &["--trusted-proxy", "10.1.0.0/16", "--gatepost", "http://gatepost.internal"],
        &["envoy.yaml", "gatepost.yaml"],
    ),
    ("istio", "istio", &[], &["gatepost.yaml", "istio.yaml"]),
];

fn gatepost(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
    command.args(arguments).current_dir(folder).env_clear().stdin(Stdio::null());
    command.env("GATEPOST_CLIENT_SECRET", "hunter2-hunter2-hunter2-hunter2");
    command.output().unwrap()
}

fn init(arguments: &[&str], folder: &Path) -> Output {
    gatepost(&[&["init"], arguments].concat(), folder)
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn every_configuration_and_every_instruction_is_as_its_file_says() {
    let expected = Path::new("tests/init/expected");
    let mut different = Vec::new();
    for (name, front_proxy, further, files) in RUNS {
        let folder = tempfile::tempdir().unwrap();
        let output = init(&[&WIKI[..], &["--front-proxy", front_proxy], further].concat(), folder.path());
        assert!(output.status.success() && output.stderr.is_empty(), "{name}: {output:?}");
        assert_eq!(names(folder.path()), files, "{name}");
        let configuration = fs::read_to_string(folder.path().join("gatepost.yaml")).unwrap();
        for (kind, text) in [("yaml", configuration), ("txt", String::from_utf8(output.stdout).unwrap())] {
            let file = expected.join(format!("{name}.{kind}"));
            if std::env::var_os("BLESS").is_some() {
                fs::write(&file, &text).unwrap();
            }
            if fs::read_to_string(&file).unwrap_or_default() != text {
                different.push(format!("{}:\n{text}", file.display()));
            }
        }
        // A secret in a file is not there yet.
        if !further.contains(&"--client-secret-file") {
            let checked = gatepost(&["check-config", "--config", "gatepost.yaml"], folder.path());
            assert_eq!((checked.status.code(), &checked.stdout[..]), (Some(0), &b"ok\n"[..]), "{name}: {checked:?}");
        }
        // The written file of the front proxy is what `gatepost snippet` prints for the written configuration.
        if further.is_empty() {
            let printed = gatepost(&["snippet", front_proxy, "--config", "gatepost.yaml"], folder.path());
            let own = files.iter().find(|file| **file != "gatepost.yaml").unwrap();
            assert_eq!(fs::read(folder.path().join(own)).unwrap(), printed.stdout, "{name}");
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert_eq!(fs::read_dir(expected).unwrap().count(), 2 * RUNS.len(), "a file without its run");
}

#[test]
fn nothing_is_overwritten() {
    for existing in ["gatepost.yaml", "nginx.conf"] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(existing), "mine").unwrap();
        let output = init(&[&WIKI[..], &["--front-proxy", "nginx"]].concat(), folder.path());
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("nothing is overwritten"), "{output:?}");
        assert_eq!(
            (names(folder.path()), fs::read(folder.path().join(existing)).unwrap()),
            (vec![existing.to_owned()], b"mine".to_vec())
        );
    }
}

#[test]
fn a_run_that_fails_writes_nothing() {
    let asks = &WIKI[1..];
    let unreachable = [
        "--host",
        "wiki.example.com",
        "--issuer",
        "http://127.0.0.1:9",
        "--client-id",
        "wiki",
        "--front-proxy",
        "nginx",
    ];
    for (arguments, code, part) in [
        (vec!["--offline"], 1, "missing: --front-proxy, --host, --issuer, --client-id;"),
        (vec!["--front-proxy", "envoy", "--client-id", "wiki"], 1, "missing: --host, --issuer;"),
        ([&WIKI[..], &["--front-proxy", "haproxy-script"]].concat(), 1, "--front-proxy haproxy"),
        ([&WIKI[..], &["--front-proxy", "apache"]].concat(), 2, "known front proxies"),
        ([&WIKI[..], &["--front-proxy", "nginx", "--folder", "missing"]].concat(), 1, "--folder"),
        (
            [&WIKI[..], &["--front-proxy", "nginx", "--trusted-proxy", "x"]].concat(),
            2,
            "gatepost init: forward_auth.trusted_proxies",
        ),
        ([&WIKI[..], &["--front-proxy", "nginx", "--ca-file", "missing.pem"]].concat(), 2, "missing.pem"),
        (unreachable.to_vec(), 1, "--offline"),
        (
            [&["--host", "http://wiki.example.com", "--front-proxy", "nginx"], &asks[2..]].concat(),
            2,
            "applications[0].external_host",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = init(&arguments, folder.path());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(part), "{arguments:?}: {told}");
        assert!(names(folder.path()).is_empty() && output.stdout.is_empty(), "{arguments:?}: {output:?}");
    }
}
