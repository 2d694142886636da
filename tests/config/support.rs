//! Files and variables that the tests share.

use std::fs;
use std::path::PathBuf;

use gatepost::config::{Diagnostics, Loaded, load};
use gatepost::testing::signing::{Key, jwk};
use tempfile::TempDir;

pub(crate) const SMALLEST: &str = include_str!("good/smallest.yaml");
/// Every key except a few that others exclude, none with its default; JSON is also YAML.
pub(crate) const FULL: &str = include_str!("good/full.json");

/// The variables that the files of these tests use.
pub(crate) fn variables(name: &str) -> Option<String> {
    match name {
        "WIKI_CLIENT_SECRET" => Some("x".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

/// A folder with the files that [`FULL`] names.
pub(crate) struct Folder(pub(crate) TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certified = rcgen::generate_simple_self_signed(vec!["gatepost.test".to_owned()]).unwrap();
        for (name, content) in [
            ("secret.txt", "file secret\r\n".to_owned()),
            ("sealing-key.txt", "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\n".to_owned()),
            ("certificate.pem", certified.cert.pem()),
            ("private-key.pem", certified.signing_key.serialize_pem()),
            ("assertion.jwt", "e30.e30.c2ln\n".to_owned()),
            ("jwks.json", serde_json::json!({ "keys": [jwk(&Key::P256, "a")] }).to_string()),
            ("logo.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_owned()),
            ("style.css", "h1 { color: #062 }\n".to_owned()),
            ("texts.json", r#"{ "de": { "forbidden": "Kein Zutritt, {user}." } }"#.to_owned()),
        ] {
            fs::write(folder.path().join(name), content).unwrap();
        }
        Self(folder)
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.path().join("gatepost.yaml")
    }

    pub(crate) fn load(&self, text: &str) -> Result<Loaded, Diagnostics> {
        load(text, &self.file(), &variables)
    }
}

/// The first line in which two texts differ.
pub(crate) fn first_difference(expected: &str, found: &str) -> Option<String> {
    let (mut expected, mut found) = (expected.lines(), found.lines());
    for line in 1.. {
        match (expected.next(), found.next()) {
            (None, None) => break,
            (expected, found) if expected == found => {}
            (expected, found) => {
                let [expected, found] = [expected, found].map(|line| line.unwrap_or("(the end)"));
                return Some(format!("line {line}:\n  expected: {expected}\n  found:    {found}"));
            }
        }
    }
    None
}
