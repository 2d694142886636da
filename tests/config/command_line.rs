//! The command line: its output on stdout and stderr, and its exit codes.

use std::process::{Command, Output};

use super::support::{Folder, SMALLEST};

fn gatepost(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gatepost"))
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn check_config_says_ok() {
    let folder = Folder::new();
    std::fs::write(folder.file(), SMALLEST).unwrap();
    let path = folder.file();
    let path = path.to_str().unwrap();
    let secret = ("WIKI_CLIENT_SECRET", "x");
    for output in [
        gatepost(&["check-config", "--config", path], &[secret]),
        gatepost(&["check-config"], &[secret, ("GATEPOST_CONFIG", path)]),
    ] {
        assert_eq!((output.status.code(), text(&output.stdout), text(&output.stderr)), (Some(0), "ok\n", ""));
    }
}

#[test]
fn check_config_compares_two_files() {
    let folder = Folder::new();
    let (present, next) = (folder.file(), folder.file().with_file_name("next.yaml"));
    std::fs::write(&present, SMALLEST).unwrap();
    for (text, expected) in [
        (SMALLEST.to_owned(), "ok\nno setting differs\n"),
        (
            format!("{SMALLEST}    client_id: hunter2\nlisten: {{ http: off }}\n").replace("    client_id: wiki\n", ""),
            "ok\napplies on reload: applications[Wiki].client_id\nneeds a restart: listen.http\n",
        ),
    ] {
        std::fs::write(&next, text).unwrap();
        let arguments = ["check-config", "-c", next.to_str().unwrap(), "--diff", present.to_str().unwrap()];
        let output = gatepost(&arguments, &[("WIKI_CLIENT_SECRET", "x")]);
        assert_eq!((output.status.code(), self::text(&output.stdout)), (Some(0), expected));
    }
}

#[test]
fn check_config_warns_and_still_says_ok() {
    let folder = Folder::new();
    std::fs::write(folder.file(), format!("{SMALLEST}    skip_path_regex: [public]\n")).unwrap();
    let output = gatepost(&["check-config", "-c", folder.file().to_str().unwrap()], &[("WIKI_CLIENT_SECRET", "x")]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "ok\n"));
    let expected = ":7:23: applications[0].skip_path_regex[0]: the pattern `public` matches anywhere; begin it with `^`, and each alternative after a `|`, too, or write `^(/a|/b)`, unless this is intended (warning)\n";
    assert!(text(&output.stderr).ends_with(expected), "{}", text(&output.stderr));
}

#[test]
fn check_config_and_serve_list_every_complaint() {
    let path = "tests/config/bad/log-level.yaml";
    let expected = include_str!("bad/log-level.diagnostics").replace("bad/", "tests/config/bad/");
    for command in ["check-config", "serve"] {
        let output = gatepost(&[command, "--config", path], &[("WIKI_CLIENT_SECRET", "x")]);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""));
        assert_eq!(text(&output.stderr), expected);
    }
}

#[test]
fn a_file_that_is_not_there_is_a_configuration_error() {
    let output = gatepost(&["serve", "--config", "no-such-file.yaml"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).starts_with("no-such-file.yaml: the file cannot be read"), "{}", text(&output.stderr));
}

#[test]
fn without_file_and_variables_the_variables_are_asked_for() {
    let output = gatepost(&["serve"], &[("GATEPOST_CONFIG", "")]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stderr).lines().count(), 5);
    let variables = [
        ("GATEPOST_EXTERNAL_HOST", "https://wiki.example.com"),
        ("GATEPOST_ISSUER", "https://sso.example.com/"),
        ("GATEPOST_CLIENT_ID", "wiki"),
        ("GATEPOST_CLIENT_SECRET", "x"),
    ];
    let output = gatepost(&["check-config"], &variables);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "ok\n"));
}

#[test]
fn commands_that_need_applications_do_not_ask_authentik() {
    let variables = [("AUTHENTIK_HOST", "https://auth.example.com"), ("AUTHENTIK_TOKEN", "hush")];
    let output = gatepost(&["check-config"], &variables);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "ok\n"));
    for arguments in [&["snippet", "nginx"][..], &["explain", "https://wiki.example.com/"]] {
        let output = gatepost(arguments, &variables);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("the applications come from authentik"), "{}", text(&output.stderr));
    }
}

#[test]
fn schema_reference_and_version_are_printed() {
    assert_eq!(text(&gatepost(&["schema"], &[]).stdout), gatepost::config::schema());
    assert_eq!(text(&gatepost(&["config-reference"], &[]).stdout), gatepost::config::reference());
    let version = format!("gatepost {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(text(&gatepost(&["--version"], &[]).stdout), version);
}

#[test]
fn packages_get_manual_pages_and_completions_of_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    assert_eq!(gatepost(&["man", path], &[]).status.code(), Some(0));
    let page = std::fs::read_to_string(folder.path().join("gatepost-sessions-end.1")).unwrap();
    assert!(page.starts_with(".ie") && page.contains("Ends all sessions of the user"), "{page}");
    let scripts = ["bash", "zsh", "fish"].map(|shell| text(&gatepost(&["completions", shell], &[]).stdout).to_owned());
    for command in ["serve", "check-config", "snippet", "sessions", "healthcheck", "schema", "config-reference"] {
        assert!(folder.path().join(format!("gatepost-{command}.1")).exists(), "{command}");
        assert!(scripts.iter().all(|script| script.contains(command)), "{command}");
    }
    let output = gatepost(&["man", "/no/such/folder"], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("gatepost: /no/such/folder cannot be written to ("), "{output:?}");
    assert_eq!(gatepost(&["completions", "tcsh"], &[]).status.code(), Some(2));
}

#[test]
fn sessions_are_asked_for_where_the_file_says() {
    let folder = Folder::new();
    let path = folder.file();
    let path = path.to_str().unwrap();
    let asked = |admin: &str, more: &[&str]| {
        std::fs::write(path, format!("{SMALLEST}listen: {{ admin: {admin} }}\n")).unwrap();
        let output = gatepost(&[&["sessions", "list", "-c", path], more].concat(), &[("WIKI_CLIENT_SECRET", "x")]);
        assert_eq!(text(&output.stdout), "");
        (output.status.code(), text(&output.stderr).to_owned())
    };
    let (code, said) = asked("127.0.0.1:1", &[]);
    assert!(said.starts_with("gatepost: cannot reach Gatepost at 127.0.0.1:1: "), "{said}");
    assert_eq!(code, Some(1));
    let (code, said) = asked("off", &[]);
    assert!(said.contains("`listen.admin` is off"), "{said}");
    assert_eq!(code, Some(2));
    let (code, said) = asked("off", &["--address", "[::1]:1"]);
    assert!(said.starts_with("gatepost: cannot reach Gatepost at [::1]:1: "), "{said}");
    assert_eq!(code, Some(1));
    let files = ["--ca-file", "no-ca.pem", "--certificate-file", "no.pem", "--private-key-file", "no.pem"];
    let (code, said) = asked("127.0.0.1:1", &files);
    assert!(said.starts_with("gatepost: no-ca.pem: it cannot be read"), "{said}");
    assert_eq!(code, Some(2));
}

#[test]
fn a_wrong_wish_about_sessions_is_a_usage_error() {
    for arguments in [
        &["sessions"][..],
        &["sessions", "end"],
        &["sessions", "end", "--issuer", "https://sso.example.com/"],
        &["sessions", "end", "abc", "--user", "alice"],
        &["sessions", "end", "--subject", "a", "--user", "alice"],
        &["sessions", "list", "--older-than", "long"],
        &["sessions", "list", "--address", "localhost"],
        &["sessions", "list", "--ca-file", "ca.pem"],
        &["sessions", "list", "--server-name", "gatepost"],
    ] {
        let output = gatepost(arguments, &[]);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""), "{arguments:?}");
    }
}
