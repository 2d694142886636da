//! The fake's answers beside authentik's own models of them, which it publishes as the Python package `authentik-client`: a member
//! that is missing, unknown or of another type fails. `make tools` installs the package.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::fake::answers::{self, FakeCertificate};
use crate::fake::{FakeAuthentik, TOKEN};

const UUID: &str = "5a5a0e0e-5a55-4d7c-9d0e-0c6f6f0f2a11";

/// Each answer with the name of its model.
async fn answers() -> Value {
    let fake = FakeAuthentik::start().await;
    fake.change(|state| {
        let pem = "-----BEGIN CERTIFICATE-----".to_owned();
        state.certificates = vec![FakeCertificate {
            uuid: UUID.to_owned(),
            name: "wildcard".to_owned(),
            fingerprint: Some("aa:bb".to_owned()),
            chain: pem.clone(),
            private_key: Some(pem),
        }];
        let mut full = answers::provider(8, "full", "https://full.example.com/path/");
        for (name, value) in [
            ("certificate", json!(UUID)),
            ("mode", json!("forward_domain")),
            ("access_token_validity", Value::Null),
            ("internal_host", json!("http://backend:8000")),
        ] {
            full[name] = value;
        }
        state.providers.push(full);
        state.page_size = 2;
    });
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut answers = Vec::new();
    for (model, resource, token) in [
        ("PaginatedOutpostList", "outposts/instances/".to_owned(), TOKEN),
        ("PaginatedProxyOutpostConfigList", "outposts/proxy/?page=1&page_size=100".to_owned(), TOKEN),
        ("CertificateKeyPair", format!("crypto/certificatekeypairs/{UUID}/"), TOKEN),
        ("CertificateData", format!("crypto/certificatekeypairs/{UUID}/view_certificate/"), TOKEN),
        ("CertificateData", format!("crypto/certificatekeypairs/{UUID}/view_private_key/"), TOKEN),
        ("GenericError", "outposts/instances/".to_owned(), "wrong"),
    ] {
        let request = client.get(format!("{}/api/v3/{resource}", fake.url())).bearer_auth(token);
        let body = request.send().await.unwrap().bytes().await.unwrap();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        answers.push(json!({ "model": model, "answer": answer }));
    }
    answers.into()
}

/// What the models say about these answers; empty if nothing.
fn differences(answers: &Value) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), answers.to_string()).unwrap();
    let python = root.join(".tools/venv/bin/python");
    let output = Command::new(&python).arg(root.join("tests/authentik/schema.py")).arg(file.path()).output();
    let output = output.unwrap_or_else(|fault| panic!("{}: {fault}; run `make tools`", python.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_fakes_answers_are_those_of_authentiks_published_models() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let answers = answers().await;
    assert_eq!(differences(&answers), "");
    // The comparison itself: each of these changes is found.
    let providers = |change: fn(&mut Value)| {
        let mut answer = answers[1]["answer"].clone();
        change(&mut answer);
        json!({ "model": "PaginatedProxyOutpostConfigList", "answer": answer })
    };
    let cases = [
        (providers(|answer| answer["results"][0]["of_mine"] = json!(1)), "results.0.of_mine: is not in the model"),
        (
            providers(|answer| answer["results"][1]["oidc_configuration"]["of_mine"] = json!(1)),
            "results.1.oidc_configuration.of_mine: is not in the model",
        ),
        (
            providers(|answer| drop(answer["results"][0].as_object_mut().unwrap().remove("cookie_secret"))),
            "results.0.cookie_secret: is missing",
        ),
        (providers(|answer| answer["results"][0]["name"] = json!(7)), "results.0.name: "),
        (providers(|answer| answer["results"][0]["mode"] = json!("other")), "results.0.mode: "),
        (providers(|answer| drop(answer.as_object_mut().unwrap().remove("pagination"))), "pagination: is missing"),
    ];
    let said = differences(&cases.iter().map(|(changed, _)| changed.clone()).collect());
    for (_, words) in cases {
        assert!(said.contains(words), "{words} in {said}");
    }
}
