//! Each file in `bad/` gives exactly the diagnostics in the file beside it.

use std::fs;
use std::path::{Path, PathBuf};

use gatepost::config::load;

use super::support::{Folder, first_difference, variables};

#[test]
fn gn_9_every_bad_file_gives_its_complaints() {
    let files = bad_files();
    assert!(files.len() >= 28, "{} bad files", files.len());
    let different: Vec<String> = files.iter().filter_map(|path| difference(path)).collect();
    let help = "`BLESS=1 cargo test --test config` writes the diagnostics anew; review the difference";
    assert!(different.is_empty(), "{}\n{help}", different.join("\n"));
}

fn bad_files() -> Vec<PathBuf> {
    let files = fs::read_dir("tests/config/bad").unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect();
    files.sort();
    files
}

/// Where the diagnostics of a file differ from those beside it.
fn difference(path: &Path) -> Option<String> {
    let shown = Path::new("bad").join(path.file_name().unwrap());
    let shown = shown.display();
    // Diagnostics show the path that the operator gave; paths within the file are relative to it.
    let Err(diagnostics) = load(&fs::read_to_string(path).unwrap(), path, &variables) else {
        return Some(format!("{shown}: is accepted"));
    };
    let positions = || diagnostics.faults.iter().map(|diagnostic| (diagnostic.line, diagnostic.column));
    assert!(positions().is_sorted(), "{shown}");
    assert!(!format!("{diagnostics:?}").contains("hunter2"), "a secret is told: {shown}");
    let said = diagnostics.to_string().replace("tests/config/bad/", "bad/");
    let beside = path.with_extension("diagnostics");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&beside, format!("{}\n", said.trim_end())).unwrap();
    }
    let expected = fs::read_to_string(beside).unwrap_or_default();
    first_difference(expected.trim_end(), said.trim_end()).map(|difference| format!("{shown}: {difference}"))
}

/// A variable with the secret itself, where one with the path is wanted.
#[test]
fn a_secret_in_place_of_a_path_is_not_shown() {
    let folder = Folder::new();
    let secret = "-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----";
    let environment = |name: &str| match name {
        "PEM" => Some(secret.to_owned()),
        "JWT" => Some("eyJhbGciOiJSUzI1NiJ9.eyJTRUNSRVQiOjF9.U0VDUkVU".to_owned()),
        _ => None,
    };
    let application = "applications:\n  - { name: a, external_host: https://a.example.com, issuer: https://sso.example.com/, client_id: a, ";
    for (settings, expected) in [
        ("client_secret_file: '${PEM}' }", "the file that the variable names does not exist"),
        (
            "token_endpoint_auth_method: private_key_jwt, client_key_file: '${PEM}' }",
            "the file that the variable names does not exist",
        ),
        (
            "token_endpoint_auth_method: private_key_jwt, client_assertion_file: '${JWT}' }",
            "it is an assertion, not the path of a file",
        ),
        ("client_secret: x }\nprovider: { ca_file: '${PEM}' }", "the file that the variable names does not exist"),
        (
            "client_secret: x }\ntls: { certificate_file: '${PEM}', private_key_file: '${PEM}' }",
            "the file that the variable names does not exist",
        ),
    ] {
        let found = load(&format!("{application}{settings}\n"), &folder.file(), &environment);
        let found = found.expect_err(settings).to_string();
        assert!(found.contains(expected), "{settings}: {found}");
        for part in ["SECRET", "U0VDUkVU", "BEGIN"] {
            assert!(!found.contains(part), "{settings}: {found}");
        }
    }
}
