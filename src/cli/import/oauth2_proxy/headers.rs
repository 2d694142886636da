//! The headers that the application receives, under the names of oauth2-proxy.

use super::access::claim_path;
use super::settings::Settings;
use crate::cli::import::application::ImportedApplication;
use crate::cli::import::report::Report;
use crate::cli::yaml::{Section, Value};

/// `user` is the subject.
const CLAIMS: [(&str, &str); 4] =
    [("User", "sub"), ("Email", "email"), ("Groups", "groups"), ("Preferred-Username", "preferred_username")];

pub(super) fn translate(settings: &mut Settings, application: &mut ImportedApplication, report: &mut Report) {
    let mut headers = Headers::default();
    let is_alpha = headers.injected(settings, report);
    let user_headers = settings.is_on_by_default("pass_user_headers");
    let basic = settings.is_on_by_default("pass_basic_auth");
    let prefers_mail = settings.take_true("prefer_email_to_user").is_some();
    if (user_headers || basic) && !is_alpha {
        headers.claims("X-Forwarded", prefers_mail);
    }
    let passes_token = settings.take_true("pass_access_token").is_some();
    if passes_token {
        headers.token("X-Forwarded-Access-Token", "access_token");
    }
    if settings.take_true("set_xauthrequest").is_some() {
        headers.claims("X-Auth-Request", false);
        if passes_token {
            headers.token("X-Auth-Request-Access-Token", "access_token");
        }
    }
    let passes = settings.take_true("pass_authorization_header").is_some();
    if settings.take_true("set_authorization_header").is_some() || passes {
        headers.token("Authorization", "id_token");
    }
    let sets = settings.take_true("set_basic_auth");
    for setting in [settings.take("basic_auth_password"), sets].into_iter().flatten() {
        let help = "let the application trust the headers, or use `basic_auth_enabled` with a password for each user";
        report.remains(&setting.place, "there is no password that is the same for all users", help);
    }
    application.settings.set("headers", "none");
    if !headers.0.is_empty() {
        application.settings.set("claim_headers", headers.0.into_iter().collect::<Value>());
    }
}

/// The entries of `claim_headers`.
#[derive(Default)]
struct Headers(Vec<Section>);

impl Headers {
    fn claims(&mut self, prefix: &str, prefers_mail: bool) {
        for (name, claim) in CLAIMS {
            let claim = if name == "User" && prefers_mail { "email" } else { claim };
            self.claim(&format!("{prefix}-{name}"), claim);
        }
    }

    fn claim(&mut self, header: &str, claim: &str) {
        let mut entry = Section::of("header", header);
        entry.set("claim", claim_path(claim));
        if claim == "groups" {
            entry.set("separator", ",");
        }
        self.0.push(entry);
    }

    fn token(&mut self, header: &str, token: &str) {
        let mut entry = Section::of("header", header);
        entry.set("token", token);
        self.0.push(entry);
    }

    /// The headers of an alpha configuration; whether there is one.
    fn injected(&mut self, settings: &mut Settings, report: &mut Report) -> bool {
        let mut is_alpha = false;
        for name in ["injectRequestHeaders", "injectResponseHeaders"] {
            let Some(setting) = settings.take(name) else { continue };
            is_alpha = true;
            let Some(headers) = setting.texts() else {
                let help = "write `claim_headers`";
                report.remains(&setting.place, "a header is not the value of one claim", help);
                continue;
            };
            for (header, claim) in headers.into_iter().filter_map(|header| header.split_once('=')) {
                match claim {
                    "access_token" | "id_token" => self.token(header, claim),
                    "user" => self.claim(header, "sub"),
                    "created_at" | "expires_on" | "refresh_token" => {
                        let help = "let the application do without it";
                        report.remains(
                            &setting.place,
                            format!("{header}: `{claim}` is not sent to applications"),
                            help,
                        );
                    }
                    _ => self.claim(header, claim),
                }
            }
        }
        is_alpha
    }
}
