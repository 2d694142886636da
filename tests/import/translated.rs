//! A translated configuration, and what it answers.

use std::path::Path;

use gatepost::cli::explain::{Question, explain};
use gatepost::config;
use gatepost::domain::application::registry::Applications;
use gatepost::domain::http::RequestLimits;
use serde_json::Value;

/// The applications of a translated configuration.
pub(crate) struct Translated(Applications);

impl Translated {
    /// `text` is what `gatepost import` printed.
    pub(crate) fn read(text: &str) -> Self {
        let secret = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
        // Files with secrets are not on this machine.
        let text = &text.replace("client_secret_file: ", "client_secret: ");
        let loaded = config::load(text, Path::new("gatepost.yaml"), &|_| Some(secret.to_owned()));
        Self(loaded.unwrap_or_else(|fault| panic!("{fault}\n{text}")).config.applications)
    }

    /// Whether the request passes. `claims`: those of the signed-in user.
    pub(crate) fn allows(&self, method: &str, url: &str, claims: Option<&Value>) -> bool {
        let preflight = ["Origin: https://elsewhere.example.com", "Access-Control-Request-Method: GET"];
        let headers: Vec<String> = preflight.into_iter().filter(|_| method == "OPTIONS").map(str::to_owned).collect();
        let claims = claims.map(Value::to_string);
        let question = Question::parse(url, method, &headers, claims.as_deref()).unwrap();
        let answer = explain(&self.0, "gatepost", RequestLimits::default(), &question).unwrap();
        answer.to_json()["decision"]["answer"] == "allow"
    }
}
