//! Arguments that are not a valid question, and the sources of claims.

use super::explain;

fn refused(arguments: &[&str]) -> String {
    let output = explain(arguments);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn what_is_no_question_is_told_with_exit_code_2() {
    let url = "https://wiki.example.com/";
    for (arguments, expected) in [
        (
            &["wiki.example.com"][..],
            "gatepost: `wiki.example.com` is not a URL; write it like https://wiki.example.com/path\n",
        ),
        (&["--method", "G T", url], "gatepost: `G T` is not an HTTP method; write it like GET\n"),
        (&["--header", "x", url], "gatepost: `x` is not a header line; write it like 'Accept: text/html'\n"),
        (&["-H", "Host: x", url], "gatepost: the host is part of the URL; remove the header `host`\n"),
        (
            &["--claims", "[]", url],
            "gatepost: the claims are not a JSON object, or it has repeated members; write them like '{\"groups\": [\"staff\"]}'\n",
        ),
        (&["--claims", r#"{"sub":""}"#, url], "gatepost: the claim `sub` is missing or not a text\n"),
    ] {
        assert_eq!(refused(arguments), expected);
    }
    assert!(refused(&["--claims", "@no-such-file", url]).starts_with("no-such-file: the file cannot be read"));
    assert!(refused(&[]).contains("<URL>"));
}

#[test]
fn a_configuration_with_faults_is_not_explained() {
    let bad = "tests/config/bad/access-rules.yaml";
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_gatepost"))
        .args(["explain", "--config", bad, "https://wiki.example.com/"])
        .env_clear()
        .env("WIKI_CLIENT_SECRET", "x")
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert!(
        String::from_utf8(output.stderr).unwrap().contains("allow: the list is empty, which would deny every user")
    );
}

#[test]
fn claims_may_stand_in_a_file() {
    let claims = r#"{"preferred_username": "alice", "groups": ["staff"]}"#;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("claims.json");
    std::fs::write(&file, claims).unwrap();
    let url = "https://wiki.example.com/";
    let by_file = explain(&["--claims", &format!("@{}", file.display()), url]);
    assert_eq!(by_file.stdout, explain(&["--claims", claims, url]).stdout);
    assert!(String::from_utf8(by_file.stdout).unwrap().contains("1. groups staff → passes"));
}
