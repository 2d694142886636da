//! Questions and their answers.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::explain;

const PAGE: &str = "Accept: text/html";
const STAFF: &str = r#"{"preferred_username": "alice", "groups": ["staff"]}"#;
const ADMIN: &str = r#"{"preferred_username": "alice", "groups": ["admins"], "mfa": {"level": 2}}"#;
const GUEST: &str = r#"{"sub": "17", "preferred_username": "gus", "groups": ["guests"]}"#;

const ELSEWHERE: &str =
    r#"{"ak_proxy": {"backend_override": "http://red.apps.internal:8080/team", "host_header": "red"}}"#;
const NOWHERE: &str = r#"{"ak_proxy": {"backend_override": "http://127.0.0.1/", "host_header": "a b"}}"#;

const GROUPS_AS_TEXT: &str = r#"{"preferred_username": "tex", "groups": "admins", "mfa": {"level": [1]}}"#;
const UNVERIFIED: &str = r#"{"preferred_username": "una", "email": "una@example.com", "email_verified": false}"#;
const TOO_MANY_GROUPS: &str =
    r#"{"preferred_username": "mae", "_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {}}}"#;

/// Names and arguments.
const QUESTIONS: [(&str, &[&str]); 47] = [
    ("a-visitor-opens-a-page", &["-H", PAGE, "https://wiki.example.com/page?x=1"]),
    ("a-script-without-sign-in", &["-m", "POST", "https://wiki.example.com/api"]),
    ("a-websocket-without-sign-in", &["-H", "Upgrade: websocket", "https://wiki.example.com/live"]),
    ("staff-everywhere", &["--claims", STAFF, "-H", "X_Authentik_Groups: admins", "https://wiki.example.com/"]),
    ("guest-reads", &["--claims", GUEST, "-H", PAGE, "https://wiki.example.com/"]),
    ("guest-writes", &["--claims", GUEST, "-m", "PUT", "https://wiki.example.com/"]),
    ("admin-by-one-rule", &["--claims", ADMIN, "https://wiki.example.com/admin/users"]),
    ("staff-at-admin", &["--claims", STAFF, "-H", PAGE, "https://wiki.example.com/admin/users"]),
    (
        "staff-at-admin-by-grpc",
        &[
            "--claims",
            STAFF,
            "-m",
            "POST",
            "-H",
            "content-type: application/grpc",
            "https://wiki.example.com/admin/users",
        ],
    ),
    ("groups-as-text-at-admin", &["--claims", GROUPS_AS_TEXT, "https://wiki.example.com/admin/users"]),
    ("unverified-at-admin", &["--claims", UNVERIFIED, "https://wiki.example.com/admin/users"]),
    ("groups-left-out", &["--claims", TOO_MANY_GROUPS, "https://wiki.example.com/"]),
    ("admin-in-other-case", &["--claims", ADMIN, "https://wiki.example.com/Admin/users"]),
    ("admin-with-two-slashes", &["--claims", ADMIN, "https://wiki.example.com//admin/users"]),
    ("admin-with-an-escaped-slash", &["--claims", ADMIN, "https://wiki.example.com/admin%2Fusers"]),
    ("staff-with-an-escaped-slash", &["--claims", STAFF, "https://wiki.example.com/group%2Fproject"]),
    ("public-without-sign-in", &["https://wiki.example.com/public/a"]),
    ("public-by-one-spelling", &["https://wiki.example.com//public/a"]),
    ("public-by-two-patterns", &["https://wiki.example.com/public/x;a.css"]),
    ("public-for-the-forbidden", &["--claims", GUEST, "-m", "PUT", "https://wiki.example.com/public/a"]),
    ("a-preflight", &["-m", "OPTIONS", "-H", "Access-Control-Request-Method: PUT", "https://wiki.example.com/api"]),
    ("plain-http", &["http://wiki.example.com/page"]),
    ("no-rule-for-the-path", &["--claims", STAFF, "https://docs.example.net:8443/docs/read"]),
    ("beside-the-applications-path", &["https://docs.example.net:8443/other"]),
    ("a-host-of-the-domain", &["-H", PAGE, "https://status.corp.example.com/"]),
    (
        "a-link-with-a-hint",
        &["-H", PAGE, "https://auth.corp.example.com/outpost.goauthentik.io/start?login_hint=alice&scope=x"],
    ),
    ("a-sign-in-that-is-enough", &["--claims", r#"{"acr": "mfa"}"#, "https://vault.example.com/"]),
    ("a-sign-in-that-is-too-weak", &["--claims", r#"{"acr": "pwd"}"#, "-H", PAGE, "https://vault.example.com/page"]),
    (
        "a-sign-in-of-long-ago",
        &["--claims", r#"{"acr": "mfa", "auth_time": 1700000000}"#, "-m", "POST", "https://vault.example.com/keys"],
    ),
    ("a-backend-without-sign-in", &["https://files.example.com/public/a"]),
    ("a-backend-of-the-users-own", &["--claims", ELSEWHERE, "https://files.example.com/a?b"]),
    ("a-backend-that-is-not-listed", &["--claims", NOWHERE, "https://files.example.com/a?b"]),
    ("a-token-that-is-not-verified", &["-H", "Authorization: Bearer secret-token", "https://files.example.com/a"]),
    // `{"iss": "https://ci.example.com"}`, without a signature.
    (
        "a-token-of-another-issuer",
        &[
            "-H",
            "Authorization: Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2NpLmV4YW1wbGUuY29tIn0.AAAA",
            "https://files.example.com/builds/1",
        ],
    ),
    ("a-rule-for-another-issuer", &["--claims", STAFF, "https://files.example.com/builds/1"]),
    ("metadata-for-programs", &["https://files.example.com/.well-known/oauth-protected-resource"]),
    ("a-token-that-is-none", &["-H", "Authorization: Bearer", "https://files.example.com/a"]),
    ("a-credential-of-no-concern", &["-H", "Authorization: Bearer secret-token", "https://wiki.example.com/a"]),
    ("an-address-that-needs-no-sign-in", &["--client", "::ffff:10.9.8.7", "https://intranet.example.com/"]),
    ("an-address-of-the-rule", &["--client", "10.1.2.3", "--claims", STAFF, "https://intranet.example.com/"]),
    (
        "an-address-elsewhere",
        &[
            "--client",
            "203.0.113.9",
            "-H",
            "X-Forwarded-For: 10.9.8.7",
            "--claims",
            STAFF,
            "https://intranet.example.com/",
        ],
    ),
    ("an-address-that-is-not-known", &["-H", PAGE, "https://intranet.example.com/"]),
    ("an-unknown-host", &["https://evil.test/"]),
    ("a-path-with-dots", &["https://wiki.example.com/a/../b"]),
    (
        "sign-out",
        &[
            "--claims",
            STAFF,
            "-H",
            PAGE,
            "-H",
            "Sec-Fetch-Site: same-origin",
            "https://wiki.example.com/outpost.goauthentik.io/sign_out",
        ],
    ),
    ("nothing-at-the-reserved-path", &["-H", PAGE, "https://wiki.example.com/outpost.goauthentik.io/nope"]),
    (
        "a-name-that-tells-the-terminal",
        &["--claims", r#"{"preferred_username": "\u001b[31mred"}"#, "-H", PAGE, "https://wiki.example.com/"],
    ),
];

/// The column at which the texts begin.
const INDENT: usize = 13;

/// The output, without the parts that vary between runs.
fn answer(arguments: &[&str]) -> String {
    let output = explain(arguments);
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("hunter2") && !text.contains("secret-token"), "a secret is told: {text}");
    text.replace(env!("CARGO_PKG_VERSION"), "<version>")
}

#[test]
fn every_question_has_its_answer() {
    let folder = Path::new("tests/explain/answers");
    let mut different = Vec::new();
    for (name, arguments) in QUESTIONS {
        let (file, said) = (folder.join(name).with_extension("txt"), answer(arguments));
        if std::env::var_os("BLESS").is_some() {
            fs::write(&file, &said).unwrap();
        }
        if fs::read_to_string(&file).unwrap_or_default() != said {
            different.push(format!("{name}:\n{said}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    let files = fs::read_dir(folder).unwrap().count();
    assert_eq!(files, QUESTIONS.len(), "an answer without its question");
}

/// The text that these findings make.
fn text_of(explained: &Value) -> String {
    let mut text = String::new();
    for finding in explained["findings"].as_array().unwrap() {
        assert_eq!(finding.as_object().unwrap().len(), 2, "{finding}");
        let mut label = finding["label"].as_str().unwrap();
        for line in finding["lines"].as_array().unwrap() {
            let line = format!("{label:<INDENT$}{}", line.as_str().unwrap());
            text += &line.replace(char::is_control, "\u{fffd}");
            text = text.trim_end().to_owned() + "\n";
            label = "";
        }
    }
    text
}

#[test]
fn json_says_the_same_as_the_text() {
    for (name, arguments) in QUESTIONS {
        let json = explain(&[&["--json"], arguments].concat());
        assert_eq!((json.status.code(), json.stderr.len()), (Some(0), 0), "{json:?}");
        let explained: Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(explained.as_object().unwrap().keys().collect::<Vec<_>>(), ["decision", "findings"], "{name}");
        let text = String::from_utf8(explain(arguments).stdout).unwrap();
        assert_eq!(text_of(&explained), text, "{name}");
        let decision = &explained["decision"];
        let status = decision["status"].as_u64().map(|status| status.to_string());
        let expected = match decision["answer"].as_str().unwrap() {
            "allow" => "allow".to_owned(),
            "redirect" | "page" | "deny" => status.unwrap(),
            other => panic!("{name}: {other}"),
        };
        let reason = decision["reason"].as_str().unwrap();
        let line = format!("{:<INDENT$}{expected} ({reason})\n", "answer");
        assert!(text.contains(&line), "{name}: {line}{text}");
    }
}

#[test]
fn the_shape_of_the_json_is_documented() {
    let json = explain(&["--json", "https://evil.test/"]);
    let explained: Value = serde_json::from_slice(&json.stdout).unwrap();
    let documented = fs::read_to_string("docs/applications.md").unwrap();
    let (_, example) = documented.split_once("explain --json https://evil.test/\n\n    {").unwrap();
    let example = format!("{{{}", example.split("\n\n").next().unwrap());
    assert_eq!(serde_json::from_str::<Value>(&example).unwrap(), explained);
}
