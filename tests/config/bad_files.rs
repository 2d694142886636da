//! Each file in `bad/` gives exactly the diagnostics in the file beside it.

use std::fs;
use std::path::{Path, PathBuf};

use gatepost::config::load;

use super::support::{first_difference, variables};

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
