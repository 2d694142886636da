//! The configuration that is written.

use std::path::{Path, PathBuf};

use super::arguments::Init;
use super::questions::Answers;
use super::registration::Registration;
use crate::cli::snippet::FrontProxy;
use crate::cli::yaml::{Section, Value};

/// The variable that holds the client secret unless a file does.
pub(super) const SECRET_VARIABLE: &str = "GATEPOST_CLIENT_SECRET";

/// Where the client secret is.
#[derive(Clone, Copy)]
pub(super) enum Secret<'a> {
    Variable,
    File(&'a Path),
}

pub(super) fn configuration(
    args: &Init,
    answers: &Answers,
    registration: &Registration,
    secret: Secret<'_>,
) -> Section {
    let mut section = Section::default();
    section.comment("Written by `gatepost init`. `gatepost config-reference` explains every setting.");
    section.set("applications", [application(args, answers, registration, secret)].into_iter().collect::<Value>());
    let proxies = trusted_proxies(args);
    match answers.front_proxy.dialect() {
        Some(dialect) => {
            section.comment("Only front proxies may connect from these addresses: Gatepost trusts what they report about a request.");
            let mut forward_auth = Section::of("dialects", [dialect].into_iter().collect::<Value>());
            forward_auth.set("trusted_proxies", proxies);
            section.set("forward_auth", forward_auth);
        }
        None if !args.trusted_proxies.is_empty() => {
            section.comment("Envoy: its connections carry the requests of many clients.");
            section.set("limits", Section::of("connections", Section::of("front_proxies", proxies)));
        }
        None => {}
    }
    if listens_on_loopback(args, answers) {
        section.comment("The front proxy runs on this machine.");
        let addresses = [("grpc", 9001), ("http", 9000), ("metrics", 9300)];
        let mut listen = Section::default();
        for (listener, port) in addresses {
            listen.set(listener, format!("127.0.0.1:{port}"));
        }
        listen.set("https", Value::Word("off".to_owned()));
        section.set("listen", listen);
    }
    if let Some(path) = &args.ca_file {
        section.set("provider", Section::of("ca_file", absolute(path).display().to_string()));
    }
    section
}

fn application(args: &Init, answers: &Answers, registration: &Registration, secret: Secret<'_>) -> Section {
    let mut section = Section::of("name", args.name.clone().unwrap_or_else(|| first_label(&answers.host)));
    section.set("external_host", answers.host.as_str());
    section.set("issuer", answers.issuer.as_str());
    section.set("client_id", answers.client_id.as_str());
    match secret {
        Secret::Variable => section.set("client_secret", Value::Word(format!("${{{SECRET_VARIABLE}}}"))),
        Secret::File(path) => section.set("client_secret_file", absolute(path).display().to_string()),
    }
    section.set("token_endpoint_auth_method", registration.token_endpoint_auth_method);
    section.comment("A token with another algorithm is rejected: register this one for the client.");
    section.set("id_token_signed_response_alg", registration.id_token_signed_response_alg.as_str());
    if registration.asks_for_refresh_tokens() {
        section.comment(
            "offline_access asks for a refresh token, by which groups and other claims stay up to date. Some providers ask the\n\
             user for consent because of it, or issue no token without `authorization_parameters: {prompt: consent}`.",
        );
    }
    section.set("scopes", registration.scopes.iter().map(String::as_str).collect::<Value>());
    if !registration.ends_session {
        section.comment("The provider names no `end_session_endpoint`, so a sign-out leaves the user signed in there.");
        section.set("end_session", Section::of("enabled", false));
    }
    section.comment(
        "Without rules every user who can sign in at the provider has access. With these, two groups have:\n\
         allow:\n\
         \x20 - groups: [staff]\n\
         \x20 - { paths: [/admin], groups: [admins] }",
    );
    section
}

pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn trusted_proxies(args: &Init) -> Value {
    if args.trusted_proxies.is_empty() {
        return ["127.0.0.1"].into_iter().collect();
    }
    args.trusted_proxies.iter().map(String::as_str).collect()
}

/// Whether nothing but this machine has to reach the listeners.
const fn listens_on_loopback(args: &Init, answers: &Answers) -> bool {
    args.gatepost.is_none() && !matches!(answers.front_proxy, FrontProxy::Istio | FrontProxy::EnvoyGateway)
}

/// The first label of the host in an address.
fn first_label(host: &str) -> String {
    let rest = host.split_once("://").map_or(host, |(_, rest)| rest);
    let label = rest.split(['.', ':', '/']).next().unwrap_or_default();
    let is_word = label.starts_with(|first: char| first.is_ascii_alphabetic());
    if is_word { label.to_owned() } else { "application".to_owned() }
}
