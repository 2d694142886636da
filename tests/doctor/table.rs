//! The table, and the same as JSON.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use boon::{Compiler, Schemas};
use regex::Regex;
use serde_json::{Value, json};

use crate::fake_provider::{FakeProvider, Flaws};
use crate::run::Setup;

const SESSION: &str = "session: { store: file, path: sessions.db }\n";

/// What a program may rely on.
fn shape() -> Value {
    let text = json!({ "type": "string", "minLength": 1 });
    let finding = json!({
        "type": "object",
        "properties": {
            "level": { "enum": ["ok", "note", "warn", "fail"] },
            "check": { "type": "string", "pattern": "^[a-z_]+$" },
            "text": text,
            "help": { "type": ["string", "null"], "minLength": 1 },
        },
        "required": ["level", "check", "text", "help"],
        "additionalProperties": false,
    });
    let section = json!({
        "type": "object",
        "properties": { "subject": text, "findings": { "type": "array", "items": finding, "minItems": 1 } },
        "required": ["subject", "findings"],
        "additionalProperties": false,
    });
    json!({
        "type": "object",
        "properties": {
            "result": { "enum": ["ok", "warn", "fail"] },
            "sections": { "type": "array", "items": section, "minItems": 1 },
        },
        "required": ["result", "sections"],
        "additionalProperties": false,
    })
}

/// The table that these findings make.
fn table(findings: &Value) -> String {
    let mut lines = String::new();
    let mut counts = [("ok", 0), ("note", 0), ("warn", 0), ("fail", 0)];
    for section in findings["sections"].as_array().unwrap() {
        writeln!(lines, "{}", section["subject"].as_str().unwrap()).unwrap();
        for finding in section["findings"].as_array().unwrap() {
            let text = |name: &str| finding[name].as_str().unwrap();
            writeln!(lines, "  {:<6}{:<23}{}", text("level"), text("check"), text("text")).unwrap();
            if !finding["help"].is_null() {
                writeln!(lines, "{:<31}→ {}", "", text("help")).unwrap();
            }
            counts.iter_mut().filter(|(level, _)| *level == text("level")).for_each(|(_, count)| *count += 1);
        }
        lines.push('\n');
    }
    lines + &counts.map(|(level, count)| format!("{count} {level}")).join(", ") + "\n"
}

#[tokio::test]
async fn table_and_json_say_the_same_and_nothing_is_changed() {
    let mut different = Vec::new();
    // The answer may take seconds, which are a part of the difference.
    let skew = Regex::new("36[0-5][0-9] s ").unwrap();
    for (name, of_application, flaws, code) in [
        ("good", "", Flaws::default(), 0),
        (
            "bad",
            "    id_token_signed_response_alg: ES256\n    scopes: [openid, groups]\n",
            Flaws {
                metadata: Some(json!({
                    "end_session_endpoint": null,
                    "code_challenge_methods_supported": ["plain"],
                    "grant_types_supported": ["authorization_code"],
                    "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                })),
                slow: 3600,
                refuses_clients: true,
            },
            1,
        ),
    ] {
        let provider = FakeProvider::start(flaws).await;
        let setup = Setup::new(&provider.issuer(), of_application, SESSION);
        let before = setup.files();
        let printed = setup.run(&[]).await;
        assert_eq!((printed.status.code(), printed.stderr.len()), (Some(code), 0), "{printed:?}");
        let printed = String::from_utf8(printed.stdout).unwrap();
        let (json_code, findings) = setup.findings().await;
        assert_eq!(setup.files(), before, "no file is made");
        assert_eq!(json_code, Some(code));
        let mut schemas = Schemas::new();
        let mut compiler = Compiler::new();
        compiler.add_resource("shape.json", shape()).unwrap();
        let shape = compiler.compile("shape.json", &mut schemas).unwrap();
        schemas.validate(&findings, shape).map_err(|fault| format!("{fault:#}")).unwrap();
        assert_eq!(printed, table(&findings));

        let masked = printed.replace(&provider.issuer(), "http://<provider>");
        let masked = skew.replace(&masked, "3600 s ").into_owned();
        let file = Path::new("tests/doctor/answers").join(name).with_extension("txt");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&file, &masked).unwrap();
        }
        if fs::read_to_string(&file).unwrap_or_default() != masked {
            different.push(format!("{name}:\n{masked}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[tokio::test]
async fn a_configuration_that_cannot_be_read_is_told_with_exit_code_2() {
    for (issuer, words) in [("http://sso.example.com", "issuer"), ("", "issuer")] {
        let setup = Setup::new(issuer, "", SESSION);
        for arguments in [&[][..], &["--json"]] {
            let output = setup.run(arguments).await;
            assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{output:?}");
            assert!(String::from_utf8(output.stderr).unwrap().contains(words));
        }
    }
}
