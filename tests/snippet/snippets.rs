//! Each snippet equals its file.

use std::fs;
use std::path::Path;

use super::snippet;

const AT: [&str; 2] = ["--gatepost", "http://gatepost.auth.svc.cluster.local:9000"];

/// The file, and the arguments that print it.
const SNIPPETS: [(&str, &[&str]); 11] = [
    ("nginx.conf", &["nginx"]),
    ("traefik.yaml", &["traefik"]),
    ("Caddyfile", &["caddy"]),
    ("haproxy.cfg", &["haproxy"]),
    ("envoy.yaml", &["envoy"]),
    ("wiki-envoy.yaml", &["envoy", "--app", "wiki", AT[0], AT[1]]),
    ("files-envoy.yaml", &["envoy", "--app", "files"]),
    ("local-nginx.conf", &["nginx", "--app", "local", "--gatepost", "http://10.0.0.7:9000"]),
    ("istio.yaml", &["istio"]),
    ("wiki-istio.yaml", &["istio", "--app", "wiki"]),
    ("envoy-gateway.yaml", &["envoy-gateway", AT[0], AT[1]]),
];

#[test]
fn every_snippet_is_as_its_file_says() {
    let folder = Path::new("tests/snippet/snippets");
    let mut different = Vec::new();
    for (name, arguments) in SNIPPETS {
        let output = snippet(arguments);
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(!said.contains("hunter2"), "a secret is told");
        if std::env::var_os("BLESS").is_some() {
            fs::write(folder.join(name), &said).unwrap();
        }
        if fs::read_to_string(folder.join(name)).unwrap_or_default() != said {
            different.push(format!("{name}:\n{said}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert_eq!(fs::read_dir(folder).unwrap().count(), SNIPPETS.len(), "a file without its snippet");
}

#[test]
fn the_script_is_the_shipped_one() {
    let shipped = fs::read("envoy/forward-auth/haproxy/gatepost.lua").unwrap();
    assert_eq!(snippet(&["haproxy-script"]).stdout, shipped);
}

/// Every value of the shipped files' example application is replaced.
#[test]
fn nothing_of_the_shipped_files_own_application_is_left() {
    for name in ["nginx", "traefik", "caddy", "haproxy", "envoy"] {
        let said = String::from_utf8(snippet(&[name, "--app", "wiki"]).stdout).unwrap();
        for left in ["10000 ", "/_gatepost ", "@sign_in;", "//app;", "cluster: app ", "server app ", "name: app\n"] {
            assert!(name == "envoy" && left == "10000 " || !said.contains(left), "{name}: {left}\n{said}");
        }
        for wanted in ["wiki", "x-authentik-meta-app"] {
            assert!(name == "envoy" || said.contains(wanted), "{name}: {wanted}\n{said}");
        }
    }
}
