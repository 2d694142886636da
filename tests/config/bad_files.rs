//! Each file in `bad/` gives exactly the diagnostics in the file beside it.

use std::fs;
use std::path::Path;

use gatepost::config::load;

#[test]
fn gn_9_every_bad_file_gives_its_complaints() {
    let mut count = 0;
    for entry in fs::read_dir("tests/config/bad").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        count += 1;
        let shown = Path::new("bad").join(path.file_name().unwrap());
        // Diagnostics show the path that the operator gave; paths within the file are relative to it.
        let diagnostics = load(&fs::read_to_string(&path).unwrap(), &path, &super::support::variables).unwrap_err();
        let said = diagnostics.to_string().replace("tests/config/bad/", "bad/");
        let expected = fs::read_to_string(path.with_extension("diagnostics")).unwrap();
        assert_eq!(said, expected.trim_end(), "{}", shown.display());
        assert!(
            diagnostics.faults.is_sorted_by_key(|diagnostic| (diagnostic.line, diagnostic.column)),
            "{}",
            shown.display()
        );
        assert!(!format!("{diagnostics:?}").contains("hunter2"), "a secret is told: {}", shown.display());
    }
    assert!(count >= 28, "{count} bad files");
}
