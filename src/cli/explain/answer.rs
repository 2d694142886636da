//! Describes the HTTP answer that would be given.

use std::borrow::Cow;

use http::HeaderValue;

use super::fakes::{self, PROVIDER};
use super::report::Report;
use crate::domain::application::Application;
use crate::domain::decision::{Allow, Decision, Page, Reason, Redirect, Verdict};
use crate::domain::http::Scheme;
use crate::domain::oidc::sign_in::Attempt;
use crate::domain::policy::backend::Upstream;

/// The parameters of every authorization request.
const USUAL_PARAMETERS: [&str; 8] = [
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
];

pub(super) fn describe(report: &mut Report, decision: &Decision, application: Option<&Application>) {
    let reason = decision.audit.reason;
    match &decision.verdict {
        Verdict::Allow(allow) => {
            report.line("answer", format!("allow ({})", reason.as_str()));
            changes(report, allow);
            if let Some(upstream) = allow.upstream() {
                report.line("backend", backend(upstream));
            }
        }
        Verdict::Redirect(redirect) => {
            let Redirect { status, location, cookies } = redirect;
            report.line("answer", format!("{} ({})", status.as_u16(), reason.as_str()));
            report.line("location", where_to(location, reason, application));
            cookie_names(report, cookies);
        }
        Verdict::Page(page) | Verdict::Deny(page) => {
            report.line("answer", format!("{} ({})", page.status.as_u16(), reason.as_str()));
            answer_page(report, page);
        }
    }
}

fn changes(report: &mut Report, allow: &Allow) {
    let set: Vec<String> = allow.set().map(|(name, value)| format!("{name}: {}", shown(&text(value)))).collect();
    report.line("set", if set.is_empty() { "nothing".to_owned() } else { set.join("\n") });
    report.words("remove", allow.remove());
    cookie_names(report, allow.cookies());
}

/// For example `https://files.internal:8443/prefix/page, with Host: files.example.com`.
fn backend(upstream: &Upstream) -> String {
    let backend = upstream.backend();
    let (scheme, authority) = (backend.scheme().as_str(), backend.authority());
    let path = upstream.path().unwrap_or_default();
    let mut text = format!("{scheme}://{authority}{path}");
    if upstream.host() != authority {
        text.push_str(", with Host: ");
        text.push_str(upstream.host());
    }
    if backend.scheme() == Scheme::Https && !backend.checks_certificate() {
        text.push_str(", with any certificate");
    }
    text
}

fn answer_page(report: &mut Report, page: &Page) {
    for (name, value) in &page.headers {
        if *name != "content-security-policy" {
            report.line("header", format!("{name}: {}", shown(&text(value))));
        }
    }
    cookie_names(report, &page.cookies);
    if page.lines.is_empty() {
        report.line("body", &page.body);
        return;
    }
    let mut label = "page";
    for line in &page.lines {
        report.words(label, line.split(' '));
        label = "";
    }
}

/// A header's value as text; bytes that are not UTF-8 are replaced.
fn text(value: &HeaderValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}

/// The names of the cookies only: the values are secrets in a running service, and of no use here.
fn cookie_names(report: &mut Report, cookies: &[String]) {
    report.words("set-cookie", cookies.iter().filter_map(|cookie| cookie.split('=').next()));
}

/// The target of a redirect; a value that is sealed for the provider is described instead of printed.
fn where_to(location: &str, reason: Reason, application: Option<&Application>) -> String {
    let Some((to, query)) = location.split_once('?').filter(|_| location.starts_with(PROVIDER)) else {
        return shown(location);
    };
    let more: Vec<String> = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| !USUAL_PARAMETERS.contains(&&**name))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let more = if more.is_empty() { String::new() } else { format!("\nwith {}", more.join(", ")) };
    let to = shown(to);
    let issuer = application.map(|application| application.relying_party.issuer.as_str()).unwrap_or_default();
    let state = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "state");
    let attempt = state
        .filter(|_| matches!(reason, Reason::SignInStarted | Reason::StepUpStarted))
        .and_then(|(_, state)| Attempt::open(&state, application?, &fakes::keys()).ok());
    match attempt {
        Some(attempt) => {
            let back = attempt.return_address().unwrap_or("the complete address of the request, kept in cookies");
            format!("{to} of {issuer}{more}\nand back to {back}")
        }
        None => format!("{to} of {issuer}"),
    }
}

/// The text with addresses at the provider replaced by their names in the provider's metadata.
fn shown(text: &str) -> String {
    match text.split_once(PROVIDER) {
        Some((before, name)) => format!("{before}<{name}>"),
        None => text.to_owned(),
    }
}
