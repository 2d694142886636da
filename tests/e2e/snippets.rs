//! The output of `gatepost snippet` is accepted by the real programs, and works in them. `tests/snippet` contains the
//! expected output.

use std::path::Path;
use std::process::Command;

use http::{Method, StatusCode};
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;
use url::Url;

use crate::forward_auth::{SPOOFED, ask_raw};
use crate::support::browser::{Ask, Browser, Protocol};
use crate::support::front_proxy::{FrontProxy, FrontSite};
use crate::support::settings::Mode;
use crate::support::tools;

/// A folder with a certificate, its key, and this snippet with these two paths in place of the operator's.
fn folder_with(snippet: &str, paths: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["wiki.example.com".to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate").pem();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    write("certificate", &certificate);
    write("key", &key.serialize_pem());
    write("both.pem", &(certificate + &key.serialize_pem()));
    let printed = tools::root().join("tests/snippet/snippets").join(snippet);
    let text = std::fs::read_to_string(printed).expect("a snippet");
    let text = text.lines().map(|line| {
        let found = paths.iter().find(|(before, _)| line.trim_start().starts_with(before));
        found.map_or_else(|| line.to_owned(), |(before, after)| format!("{before} {}{after}", folder.path().display()))
    });
    write(snippet, &text.fold(String::new(), |text, line| text + &line + "\n"));
    folder
}

fn accepts(command: &mut Command, folder: &Path) {
    let output = command.current_dir(folder).env("HOME", folder).output().expect("a program");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("[warn]") && !said.contains("[WARNING]"), "{said}");
}

#[test]
fn nginx_takes_its_snippets() {
    let paths = [
        ("ssl_certificate ", "/certificate;"),
        ("ssl_certificate_key ", "/key;"),
        ("access_log ", "/access.log no_query;"),
    ];
    for snippet in ["nginx.conf", "local-nginx.conf"] {
        let folder = folder_with(snippet, &paths);
        let whole = format!("pid nginx.pid;\nevents {{}}\nhttp {{\n  include {snippet};\n}}\n");
        std::fs::write(folder.path().join("whole.conf"), whole).expect("a file");
        let mut nginx = Command::new(tools::installed("nginx"));
        accepts(nginx.args(["-t", "-e", "stderr", "-c", "whole.conf", "-p"]).arg(folder.path()), folder.path());
    }
}

#[test]
fn caddy_takes_its_snippet() {
    let folder = folder_with("Caddyfile", &[]);
    let mut caddy = Command::new(tools::installed("caddy"));
    accepts(caddy.args(["validate", "--adapter", "caddyfile", "--config", "Caddyfile"]), folder.path());
}

#[test]
fn haproxy_takes_its_snippet() {
    let paths =
        [("bind :443 ssl crt", "/both.pem"), ("bind :8443 ssl crt", "/both.pem"), ("lua-load", "/gatepost.lua")];
    let folder = folder_with("haproxy.cfg", &paths);
    let script = tools::root().join("envoy/forward-auth/haproxy/gatepost.lua");
    std::fs::copy(script, folder.path().join("gatepost.lua")).expect("the script");
    accepts(Command::new(tools::installed("haproxy")).args(["-c", "-f", "haproxy.cfg"]), folder.path());
}

#[test]
fn envoy_takes_its_snippets() {
    for snippet in ["envoy.yaml", "wiki-envoy.yaml", "files-envoy.yaml"] {
        let folder = folder_with(snippet, &[]);
        let mut envoy = Command::new(tools::fetched("venv/bin/envoy"));
        let output = envoy.args(["--mode", "validate", "--use-dynamic-base-id", "--log-level", "error", "-c", snippet]);
        accepts(output, folder.path());
    }
}

async fn signs_in(front_proxy: FrontProxy) {
    for mode in Mode::BOTH {
        let site = FrontSite::start_printed(front_proxy, mode).await;
        let browser = Browser::new(Protocol::Http1);
        let page = browser.sign_in(&site.wiki("/page?a=1&b=2"), "alice").await;
        assert_eq!(
            (page.url.as_str(), page.seen().path.as_str()),
            (site.wiki("/page?a=1&b=2").as_str(), "/page?a=1&b=2")
        );
        let public = ask_raw(&site, "/public/page", &SPOOFED).await;
        assert!(public.identity().iter().all(|(_, value)| value.is_empty()), "nobody is signed in: {public:?}");
        let cookies = browser.cookie_header(&Url::parse(&site.wiki("/")).expect("an address")).expect("a session");
        let mut headers = SPOOFED.to_vec();
        headers.push(("Cookie", cookies.as_str()));
        let seen = ask_raw(&site, "/private", &headers).await;
        assert_eq!(seen.header("x-authentik-username"), Some("alice"));
        assert_eq!(seen.header("x-authentik-groups"), Some("admins|staff"));
        let asked = Browser::new(Protocol::Http1).ask(Ask::script(Method::GET, &site.wiki("/api"))).await;
        assert_eq!(asked.status, StatusCode::UNAUTHORIZED, "{asked:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_signs_in_with_its_snippet() {
    signs_in(FrontProxy::Nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_signs_in_with_its_snippet() {
    signs_in(FrontProxy::Caddy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_signs_in_with_its_snippet() {
    signs_in(FrontProxy::Haproxy).await;
}
