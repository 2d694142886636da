//! References in the documents are valid: links lead to files, and the tests that docs/security.md names exist.
#![expect(clippy::expect_used, reason = "a test fails where what it expects does not hold")]

use std::fs;
use std::path::{Path, PathBuf};

use gatepost::domain::decision::pages::Text;
use gatepost::domain::http::Language;
use regex::Regex;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

/// Every Markdown file in the root folder and in these folders.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![
        root().join("docs"),
        root().join("deploy"),
        root().join("envoy"),
        root().join("tests"),
        root().join("src/config"),
    ];
    let markdown = |path: &Path| path.extension().is_some_and(|extension| extension == "md");
    let entries = |folder: &Path| {
        let entries = fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>()
    };
    found.extend(entries(root()).into_iter().filter(|path| markdown(path)));
    while let Some(folder) = folders.pop() {
        for path in entries(&folder) {
            if path.is_dir() {
                folders.push(path);
            } else if markdown(&path) {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn every_relative_link_leads_to_a_file() {
    let (code, link) = (pattern("(?s)```.*?```"), pattern(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)"));
    let (mut links, mut broken) = (0, Vec::new());
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a text");
        let prose = code.replace_all(&text, "");
        for target in link.captures_iter(&prose).filter_map(|found| found.get(1)) {
            if target.as_str().contains("://") || target.as_str().starts_with("mailto:") {
                continue;
            }
            links += 1;
            if !document.parent().expect("a folder").join(target.as_str()).exists() {
                broken.push(format!("{}: {}", document.display(), target.as_str()));
            }
        }
    }
    assert!(links > 50, "only {links} links were recognised");
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn every_test_that_the_security_document_names_exists() {
    let text = fs::read_to_string(root().join("docs/security.md")).expect("a text");
    let (group, name) = (pattern(r"((?:`\w+`(?:, )?)+) \(([\w/]+\.rs)\)"), pattern(r"`(\w+)`"));
    let (mut named, mut missing) = (0, Vec::new());
    for found in group.captures_iter(&text) {
        let (tests, file) = (&found[1], &found[2]);
        let code = fs::read_to_string(root().join(file)).unwrap_or_default();
        for test in name.captures_iter(tests).filter_map(|found| found.get(1)) {
            named += 1;
            if !code.contains(&format!("fn {}(", test.as_str())) {
                missing.push(format!("{} in {file}", test.as_str()));
            }
        }
    }
    assert!(named > 200, "only {named} tests were recognised");
    assert_eq!(missing, Vec::<String>::new());
}

/// The list of texts is made from the table of texts, so that each key in the document works.
#[test]
fn the_document_about_pages_lists_every_text() {
    const MARK: &str = "`BLESS=1 cargo test --test documents`. -->\n\n";
    let rows = Text::ALL.iter().map(|text| format!("| `{}` | {} |\n", text.key(), text.in_language(Language::English)));
    let list = format!("| key | English text |\n| --- | --- |\n{}", rows.collect::<String>());
    let text = fs::read_to_string("docs/pages.md").expect("can be read");
    let (head, written) = text.split_once(MARK).expect("has the mark");
    if std::env::var_os("BLESS").is_some() {
        fs::write("docs/pages.md", format!("{head}{MARK}{list}")).expect("can be written");
    } else {
        assert_eq!(written, list, "BLESS=1 writes it anew");
    }
}
