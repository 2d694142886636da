//! Each translation, and each list of what does not translate, equals its file.

use std::fs;
use std::path::Path;

use super::import;
use super::translated::Translated;

const INGRESS: [&str; 4] = ["--issuer", "https://sso.example.com/realms/acme", "--client-id", "gatepost"];

/// The name, the arguments, and the exit code.
const TRANSLATIONS: [(&str, &[&str], i32); 7] = [
    ("oauth2-proxy", &["oauth2-proxy", "oauth2-proxy.cfg"], 3),
    ("oauth2-proxy-keycloak", &["oauth2-proxy", "oauth2-proxy-keycloak.cfg", "oauth2-proxy.env"], 3),
    ("oauth2-proxy-alpha", &["oauth2-proxy", "oauth2-proxy-core.cfg", "oauth2-proxy-alpha.yaml"], 3),
    ("oauth2-proxy-all", &["oauth2-proxy", "oauth2-proxy-all.cfg"], 0),
    ("authelia", &["authelia", "authelia.yml", "--client-id", "gatepost"], 3),
    ("ingress-nginx", &["ingress-nginx", "ingress.yaml", INGRESS[0], INGRESS[1], INGRESS[2], INGRESS[3]], 3),
    (
        "ingress-nginx-anyone",
        &["ingress-nginx", "ingress.yaml", "--allow-anyone", INGRESS[0], INGRESS[1], INGRESS[2], INGRESS[3]],
        3,
    ),
];

#[test]
fn every_translation_is_as_its_files_say() {
    let folder = Path::new("tests/import/expected");
    let mut different = Vec::new();
    for (name, arguments, code) in TRANSLATIONS {
        let output = import(arguments);
        assert_eq!(output.status.code(), Some(code), "{name}: {output:?}");
        for (kind, bytes) in [("yaml", output.stdout), ("report", output.stderr)] {
            let said = String::from_utf8(bytes).unwrap();
            assert!(!said.contains("hunter2"), "a secret is told: {said}");
            if kind == "yaml" {
                Translated::read(&said);
            }
            let file = folder.join(format!("{name}.{kind}"));
            if std::env::var_os("BLESS").is_some() {
                fs::write(&file, &said).unwrap();
            }
            if fs::read_to_string(&file).unwrap_or_default() != said {
                different.push(format!("{}:\n{said}", file.display()));
            }
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert_eq!(fs::read_dir(folder).unwrap().count(), 2 * TRANSLATIONS.len(), "a file without its translation");
}
