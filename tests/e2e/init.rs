//! `gatepost init` with the real provider: the files that it writes are started as they are, apart from the ports, and a user signs in.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::json;

use crate::support::application::Application;
use crate::support::browser::{Browser, Protocol};
use crate::support::envoy::Envoy;
use crate::support::gatepost::{Gatepost, Launch};
use crate::support::ports::free_port;
use crate::support::provider::{Provider, ProviderSettings};

const SECRET: &str = "a-secret-of-the-client-with-enough-characters";

fn gatepost(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).env("GATEPOST_CLIENT_SECRET", SECRET);
    command.output().expect("gatepost")
}

/// What the command says is to be registered under this name.
fn registered<'a>(instructions: &'a str, name: &str) -> &'a str {
    let line = instructions.lines().find_map(|line| line.trim_start().strip_prefix(name));
    line.unwrap_or_else(|| panic!("{name} in {instructions}")).trim()
}

fn replace_in(file: &Path, changes: &[(&str, String)]) {
    let text = std::fs::read_to_string(file).expect("a written file");
    let written = changes.iter().fold(text, |text, (before, after)| {
        assert!(text.contains(before), "{before} in {text}");
        text.replace(before, after)
    });
    std::fs::write(file, written).expect("a written file");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_written_files_sign_a_user_in_through_envoy() {
    let [front, admin, grpc, http, provider_port] = [(); 5].map(|()| free_port());
    let host = format!("http://wiki.demo.localhost:{front}");
    let mut settings = ProviderSettings::on(provider_port);
    settings.refresh_tokens = true;
    settings.clients = vec![json!({
        "client_id": "wiki",
        "client_secret": SECRET,
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": [format!("{host}/outpost.goauthentik.io/callback?X-authentik-auth-callback=true")],
        "post_logout_redirect_uris": [format!("{host}/outpost.goauthentik.io/sign_out")],
    })];
    let _provider = Provider::start(&settings);
    let application = Application::start();
    let folder = tempfile::tempdir().expect("a folder");

    let issuer = settings.issuer();
    let arguments = ["init", "--front-proxy", "envoy", "--host", &host, "--issuer", &issuer, "--client-id", "wiki"];
    let output = gatepost(&arguments, folder.path());
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8(output.stdout).expect("text");
    // What was registered above.
    let client = &settings.clients[0];
    assert_eq!(registered(&told, "redirect URI"), client["redirect_uris"][0]);
    assert_eq!(registered(&told, "post-logout redirect URI"), client["post_logout_redirect_uris"][0]);
    assert_eq!(registered(&told, "grant types"), "authorization_code, refresh_token");
    assert_eq!(registered(&told, "scopes"), "openid profile email groups offline_access");
    let checked = gatepost(&["check-config", "--config", "gatepost.yaml"], folder.path());
    assert_eq!(checked.stdout, b"ok\n", "{checked:?}");

    let config = folder.path().join("gatepost.yaml");
    let listeners = [(":9001", grpc), (":9000", http), (":9300", 0)];
    replace_in(&config, &listeners.map(|(before, port)| (before, format!(":{port}"))));
    let envoy = folder.path().join("envoy.yaml");
    let ports = [(10000, front), (9901, admin), (9001, grpc), (8080, application.port)];
    let ports = ports.map(|(before, port)| (format!("port_value: {before} "), format!("port_value: {port} ")));
    let mut changes: Vec<(&str, String)> =
        ports.iter().map(|(before, after)| (before.as_str(), after.clone())).collect();
    changes.push(("address: 0.0.0.0", "address: 127.0.0.1".to_owned()));
    replace_in(&envoy, &changes);

    let environment = vec![("GATEPOST_CLIENT_SECRET".to_owned(), SECRET.to_owned())];
    let _gatepost = Gatepost::start(&Launch { folder: folder.path().to_owned(), config, environment });
    let text = std::fs::read_to_string(&envoy).expect("envoy.yaml");
    let _envoy = Envoy::start(&text, admin, folder.path()).await;

    let browser = Browser::new(Protocol::Http1);
    let page = browser.sign_in(&format!("{host}/page?a=1"), "alice").await;
    assert_eq!(page.url.as_str(), format!("{host}/page?a=1"));
    assert_eq!(page.seen().header("x-authentik-username"), Some("alice"));
    assert_eq!(page.seen().header("x-authentik-groups"), Some("admins|staff"));
    let diagnosed = gatepost(&["doctor", "--json", "--config", "gatepost.yaml"], folder.path());
    let report = String::from_utf8(diagnosed.stdout).expect("text");
    assert!(!report.contains("\"fail\""), "{report}");
}

#[test]
fn what_the_provider_does_not_support_is_not_asked_for() {
    let mut settings = ProviderSettings::on(free_port());
    settings.end_session = false;
    let _provider = Provider::start(&settings);
    let folder = tempfile::tempdir().expect("a folder");
    let issuer = settings.issuer();
    let arguments =
        ["init", "--front-proxy", "nginx", "--host", "wiki.example.com", "--issuer", &issuer, "--client-id", "wiki"];
    let output = gatepost(&arguments, folder.path());
    let told = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success() && !told.contains("post-logout"), "{told}");
    let written = std::fs::read_to_string(folder.path().join("gatepost.yaml")).expect("gatepost.yaml");
    assert!(written.contains("end_session:\n      enabled: false\n"), "{written}");
}

#[test]
fn another_issuer_than_the_metadata_names_is_told_and_nothing_is_written() {
    let settings = ProviderSettings::on(free_port());
    let _provider = Provider::start(&settings);
    let folder = tempfile::tempdir().expect("a folder");
    let issuer = format!("http://localhost:{}", settings.port);
    let arguments =
        ["init", "--front-proxy", "nginx", "--host", "wiki.example.com", "--issuer", &issuer, "--client-id", "wiki"];
    let output = gatepost(&arguments, folder.path());
    let told = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(&settings.issuer()) && told.contains("--issuer"), "{told}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0);
}
