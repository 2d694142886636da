//! authentik as the source of the applications: in the file, in the environment, in both.

use std::path::Path;

use gatepost::config::{Diagnostics, Loaded, load, load_environment};
use secrecy::ExposeSecret as _;

use super::support::Folder;

const HOST: (&str, &str) = ("AUTHENTIK_HOST", "https://auth.example.com");
const TOKEN: (&str, &str) = ("AUTHENTIK_TOKEN", "outpost-token");

fn read(text: Option<&str>, variables: &[(&str, &str)]) -> Result<Loaded, Diagnostics> {
    let environment =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    match text {
        Some(text) => load(text, Path::new("gatepost.yaml"), &environment),
        None => load_environment(&environment),
    }
}

#[test]
fn two_variables_are_enough() {
    for text in [None, Some(""), Some("log: { level: debug }")] {
        let Loaded { config, warnings, .. } = read(text, &[HOST, TOKEN]).expect("is a configuration");
        let authentik = config.authentik.expect("is the source");
        assert_eq!(authentik.connection.host.to_string(), "https://auth.example.com/");
        assert_eq!(authentik.connection.token.expose_secret(), "outpost-token");
        assert!(!authentik.connection.insecure && !config.provider.insecure);
        assert_eq!(config.applications.iter().count(), 0);
        assert!(warnings.is_empty(), "{warnings:?}");
        // As authentik's outpost does it: front proxies in private networks are trusted.
        let forward_auth = config.forward_auth.expect("is on");
        let trusts = |address: &str| forward_auth.trusted.contain(address.parse().unwrap());
        assert!(trusts("10.1.2.3") && trusts("127.0.0.1") && !trusts("8.8.8.8"));
        assert!(!format!("{authentik:?}").contains("outpost-token"));
    }
}

#[test]
fn the_variables_of_a_single_application_are_warned_of() {
    let own = [("GATEPOST_EXTERNAL_HOST", "https://wiki.example.com"), ("GATEPOST_ISSUER", "")];
    let Loaded { config, warnings, .. } = read(None, &[&[HOST, TOKEN][..], &own].concat()).expect("is a configuration");
    assert_eq!(config.applications.iter().count(), 0);
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    let expected = "environment: GATEPOST_EXTERNAL_HOST: it has no effect beside AUTHENTIK_HOST, with which authentik lists the applications; remove one of the two";
    assert_eq!(warnings, [expected]);
}

#[test]
fn variables_of_the_outpost_have_their_effect_and_the_file_comes_first() {
    let variables = [
        HOST,
        TOKEN,
        ("AUTHENTIK_INSECURE", "true"),
        ("AUTHENTIK_LISTEN__HTTP", "127.0.0.1:9100"),
        ("AUTHENTIK_LISTEN__METRICS", "127.0.0.1:9101"),
        ("AUTHENTIK_LISTEN__TRUSTED_PROXY_CIDRS", "192.0.2.0/24"),
        ("AUTHENTIK_LOG_LEVEL", "warning"),
    ];
    let config = read(Some("listen: { http: 127.0.0.1:9200 }"), &variables).unwrap().config;
    assert_eq!(config.listen.http.unwrap().port(), 9200);
    assert_eq!(config.listen.metrics.port(), 9101);
    assert_eq!(config.log.level, "warn");
    assert!(config.provider.insecure, "tokens and keys come from the same server");
    let warnings = read(None, &variables).unwrap().warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].to_string().contains("AUTHENTIK_INSECURE"), "{}", warnings[0]);

    let several = [HOST, TOKEN, ("AUTHENTIK_LISTEN__HTTP", "127.0.0.1:1,127.0.0.1:2")];
    let fault = read(None, &several).unwrap_err().to_string();
    assert!(fault.contains("AUTHENTIK_LISTEN__HTTP: it names several addresses"), "{fault}");
    let fault = read(None, &[HOST]).unwrap_err().to_string();
    assert!(fault.contains("AUTHENTIK_TOKEN: it is not set"), "{fault}");
}

const FILE: &str = "\
authentik:
  host: https://auth.example.com/sso
  token: ${AUTHENTIK_TOKEN}
  host_browser: https://login.example.com
  applications:
    wiki:
      external_host: https://wiki.example.com
      allow: [{ groups: ['${STAFF}'] }]
      claim_headers: [{ header: X-Motto, text: semper }]
    board: { external_host: https://board.example.com, pass_preflight: true, backend_allow: [.internal] }
";

#[test]
fn the_section_of_the_file_is_read() {
    let variables = [TOKEN, ("STAFF", "staff")];
    let authentik = read(Some(FILE), &variables).unwrap().config.authentik.unwrap();
    assert_eq!(authentik.connection.host.to_string(), "https://auth.example.com/sso/");
    let beside = FILE.replace("token: ${AUTHENTIK_TOKEN}", "token_file: Cargo.toml");
    assert!(read(Some(&beside), &variables).is_err(), "the text of that file is no token");
    let refers = [("AUTHENTIK_TOKEN", "env://OTHER"), ("OTHER", "the-token"), ("STAFF", "staff")];
    let token = read(Some(FILE), &refers).unwrap().config.authentik.unwrap().connection.token;
    assert_eq!(token.expose_secret(), "the-token");
    for token in ["file:///nowhere", "two words", "TOKEN\u{1}", "TÖKEN"] {
        let fault = read(Some(FILE), &[("AUTHENTIK_TOKEN", token), ("STAFF", "staff")]).unwrap_err().to_string();
        assert!(fault.contains("authentik.token: ") && !fault.contains("words"), "{fault}");
    }
}

#[test]
fn a_file_that_settings_beside_authentik_name_is_watched_and_lies_in_the_folder_of_the_file() {
    let folder = Folder::new();
    let text = "\
authentik:
  host: https://auth.example.com
  token: outpost-token
  applications:
    wiki:
      external_host: https://wiki.example.com
      bearer:
        verify: introspection
        issuers: [{ issuer: ci, jwks_file: jwks.json, audiences: [wiki] }]
      allow: [{ issuers: [ci], anyone: true }]
";
    let first = folder.load(text).unwrap();
    let jwks = folder.0.path().join("jwks.json");
    assert!(first.files.contains(&jwks), "{:?}", first.files);
    let rotated = std::fs::read_to_string(&jwks).unwrap().replace("\"a\"", "\"b\"");
    std::fs::write(&jwks, rotated).unwrap();
    let changed = folder.load(text).unwrap().digests.changed_since(&first.digests);
    assert_eq!(changed.reloaded, ["authentik.applications.wiki.bearer.issuers[0].jwks_file (content)"]);
    assert!(changed.need_restart.is_empty());
}

#[test]
fn faults_are_named_with_their_place() {
    let variables = [TOKEN, ("STAFF", "staff")];
    for (from, to, diagnostic) in [
        ("host: https", "host: ftp", "authentik.host: the scheme is `ftp`"),
        (
            "host_browser: https://login.example.com",
            "host_browser: login",
            "authentik.host_browser: it is not an address",
        ),
        ("  token: ${AUTHENTIK_TOKEN}\n", "", "authentik.token: there is no token"),
        (
            "claim_headers:",
            "issuer: x\n      claim_headers:",
            "authentik.applications.wiki.issuer: there is no such key here",
        ),
        ("groups: [", "group: [", "gatepost.yaml:8:17: allow[0].group: there is no such key"),
        ("pass_preflight: true", "pass_preflight: 1", "pass_preflight: true or false is needed here"),
        ("authentik:\n", "applications: []\nauthentik:\n", "authentik: the applications of this file would be ignored"),
        ("${STAFF}", "${UNSET}", "the environment variable UNSET is not set"),
        ("    board: {", "    wiki: {", "authentik.applications.wiki: the application occurs twice"),
        (
            "      external_host: https://wiki.example.com\n",
            "",
            "authentik.applications.wiki.allow: `allow` decides who gets in",
        ),
        (
            "external_host: https://board.example.com, ",
            "",
            "authentik.applications.board.pass_preflight: `pass_preflight` decides",
        ),
        ("https://board.example.com", "'https://wiki.example.com/'", "`wiki` has the same `external_host`"),
        ("https://wiki.example.com", "http://wiki.example.com", "authentik.applications.wiki.external_host: "),
        ("https://wiki.example.com", "[]", "authentik.applications.wiki.external_host: "),
        (
            "      claim_headers:",
            "      cookie: { path: /docs }\n      claim_headers:",
            "the session cookie would not be sent",
        ),
    ] {
        let text = FILE.replacen(from, to, 1);
        assert_ne!(text, FILE);
        let found = read(Some(&text), &variables).expect_err(diagnostic).to_string();
        assert!(found.contains(diagnostic), "{diagnostic}\n{found}");
    }
}

/// What authentik does not know about an application stands beside it.
#[test]
fn settings_of_the_sign_in_may_stand_beside_authentik() {
    let variables = [TOKEN, ("STAFF", "staff")];
    let beside = "      authorization_parameters: { prompt: login }
      forward_parameters: [login_hint]
      response_mode: form_post
      cors_origins: [https://app.example.com]
      cookie: { same_site: strict, path: /wiki }
      claim_headers:";
    let text =
        FILE.replacen("      claim_headers:", beside, 1).replacen("wiki.example.com", "wiki.example.com/wiki", 1);
    read(Some(&text), &variables).unwrap_or_else(|faults| panic!("{faults}"));
    for (from, to, diagnostic) in [
        ("prompt: login", "scope: x", "Gatepost decides about this parameter itself"),
        (
            "wiki.example.com/wiki\n",
            "wiki.example.com/docs\n",
            "the session cookie would not be sent to every address of the application",
        ),
        ("path: /wiki", "path: wiki", "the session cookie would not be sent to every address of the application"),
        ("path: /wiki", "path: /a/../b", "the session cookie would not be sent to every address of the application"),
        ("https://app.example.com", "'*'", "with a wildcard"),
    ] {
        let found = read(Some(&text.replacen(from, to, 1)), &variables).expect_err(diagnostic).to_string();
        assert!(found.contains(diagnostic), "{diagnostic}\n{found}");
    }
}
