//! Any configuration file. Every environment variable contains a secret that no diagnostic may repeat.

use std::path::Path;

use gatepost::domain::http::ExternalHost;
use url::Url;

const SECRET: &str = "pl4nted-s3cret";

/// Loads the file; the settings of an accepted file are verified.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    // Excludes files that never end, and the fuzzer's own.
    if text.len() > 64 * 1024 || ["/dev", "/proc", "/sys"].iter().any(|folder| text.contains(folder)) {
        return;
    }
    let environment = |name: &str| (name != "UNSET").then(|| SECRET.to_owned());
    let (complaints, loaded) = match gatepost::config::load(text, Path::new("/nowhere/gatepost.yaml"), &environment) {
        Ok(loaded) => (loaded.warnings, Some(loaded.config)),
        Err(complaints) => {
            assert!(!complaints.faults.is_empty(), "refused without a reason");
            ([complaints.faults, complaints.warnings].concat(), None)
        }
    };
    for complaint in &complaints {
        assert!(!complaint.problem.is_empty() && !complaint.help.is_empty(), "{complaint:?}");
        assert!(!complaint.to_string().contains(SECRET), "a complaint repeats a secret: {complaint}");
    }
    let Some(config) = loaded else { return };
    assert!(config.applications.iter().next().is_some() || config.authentik.is_some(), "something is protected");
    for application in config.applications.iter() {
        let issuer = Url::parse(&application.relying_party.issuer).expect("an issuer is a URL");
        let issuer_is_safe = issuer.scheme() == "https" || ExternalHost::parse(issuer.as_str()).is_ok();
        assert!(issuer_is_safe, "{issuer}");
        assert!(ExternalHost::parse(&application.external.join("")).is_ok(), "{:?}", application.external);
        assert!(application.relying_party.scopes.iter().any(|scope| scope == "openid"));
    }
}
