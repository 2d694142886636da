//! The provider and the client.

use super::settings::Settings;
use crate::cli::import::application::{ImportedApplication, Secret};
use crate::cli::import::arguments::Given;
use crate::cli::import::report::Report;
use crate::cli::yaml::{Section, Value};

/// The providers that speak OpenID Connect.
const OPENID_CONNECT: [&str; 7] = ["oidc", "keycloak-oidc", "google", "entra-id", "azure", "adfs", "gitlab"];
const GOOGLE: &str = "https://accounts.google.com";
/// The algorithms that Gatepost verifies, in the order of preference.
const ALGORITHMS: [&str; 10] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

/// Issuer and client ID; an error names what is missing.
pub(super) fn identity(settings: &mut Settings, given: &Given) -> Result<(String, String), String> {
    let issuer = settings.take("oidc_issuer_url");
    let is_google = settings.peek("provider").is_none_or(|provider| provider == "google");
    let issuer = given.issuer.clone().or_else(|| issuer?.text().map(str::to_owned));
    let issuer = issuer.or_else(|| is_google.then(|| GOOGLE.to_owned()));
    let client_id = settings.take("client_id");
    let client_id = given.client_id.clone().or_else(|| client_id?.text().map(str::to_owned));
    match (issuer, client_id) {
        (Some(issuer), Some(client_id)) => Ok((issuer, client_id)),
        (None, _) => Err("no `oidc_issuer_url` names an OpenID Provider; name one with --issuer".to_owned()),
        (_, None) => Err("no `client_id` is given; name it with --client-id".to_owned()),
    }
}

pub(super) fn secret(settings: &mut Settings) -> Secret {
    let (secret, file) = (settings.take("client_secret"), settings.take("client_secret_file"));
    match (secret, file.as_ref().and_then(|file| file.text())) {
        (_, Some(path)) => Secret::File(path.to_owned()),
        (Some(_), None) => Secret::Variable("GATEPOST_CLIENT_SECRET"),
        (None, None) => Secret::None,
    }
}

pub(super) fn translate(settings: &mut Settings, application: &mut ImportedApplication, report: &mut Report) {
    if let Some(setting) = settings.take("provider") {
        let name = setting.text().unwrap_or_default();
        if !OPENID_CONNECT.contains(&name) {
            application.close("the users of oauth2-proxy come from another kind of provider");
            let problem = format!("provider {name:?} does not speak OpenID Connect, so the application is closed");
            report.remains(&setting.place, problem, "choose an OpenID Provider, and write rules for its users");
        }
    }
    endpoints(settings, application, report);
    if let Some(setting) = settings.take("scope") {
        let mut scopes: Vec<&str> = setting.text().unwrap_or_default().split_whitespace().collect();
        if !scopes.contains(&"openid") {
            scopes.insert(0, "openid");
        }
        application.settings.set("scopes", scopes.into_iter().collect::<Value>());
    } else if settings.has("allowed_groups") {
        // oauth2-proxy adds the scope itself.
        application.settings.set("scopes", ["openid", "profile", "email", "groups"].into_iter().collect::<Value>());
    }
    let mut parameters = Section::default();
    for name in ["acr_values", "prompt"] {
        if let Some(text) = settings.take(name).as_ref().and_then(|setting| setting.text()) {
            parameters.set(name, text);
        }
    }
    if !parameters.is_empty() {
        application.settings.set("authorization_parameters", parameters);
    }
    if let Some(setting) = settings.take("oidc_extra_audiences") {
        let audiences = setting.texts().unwrap_or_default();
        application.settings.set("trusted_audiences", audiences.into_iter().collect::<Value>());
    }
    if let Some(setting) = settings.take("oidc_enabled_signing_algs") {
        let listed = setting.texts().unwrap_or_default();
        if let Some(found) = ALGORITHMS.into_iter().find(|algorithm| listed.contains(algorithm)) {
            application.settings.set("id_token_signed_response_alg", found);
        }
        if listed.len() != 1 {
            let help = "compare `id_token_signed_response_alg` with the client's registration";
            report.remains(&setting.place, "one algorithm is accepted here", help);
        }
    }
}

/// Endpoints in place of discovery.
fn endpoints(settings: &mut Settings, application: &mut ImportedApplication, report: &mut Report) {
    const NAMES: [(&str, &str); 4] = [
        ("login_url", "authorization_endpoint"),
        ("redeem_url", "token_endpoint"),
        ("oidc_jwks_url", "jwks_uri"),
        ("profile_url", "userinfo_endpoint"),
    ];
    let skips = settings.take_true("skip_oidc_discovery");
    let found = NAMES.map(|(name, endpoint)| (settings.take(name), endpoint));
    for (setting, endpoint) in found {
        match (setting, &skips) {
            (None, _) => {}
            (Some(setting), Some(_)) => application.settings.set(endpoint, setting.text().unwrap_or_default()),
            (Some(setting), None) => report.dropped(&setting.place, "the discovery document names the endpoint"),
        }
    }
}
