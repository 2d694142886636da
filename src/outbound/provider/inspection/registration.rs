//! What the metadata says about the registration that one application expects.

use super::foreign::bearer_algorithms;
use super::known::Known;
use super::metadata::{listed, shown};
use crate::domain::application::Application;
use crate::domain::oidc::authorization_settings::ResponseMode;
use crate::domain::oidc::client_authentication::{ClientAssertion, ClientAuthentication};
use crate::domain::oidc::credentials::BearerCheck;
use crate::domain::oidc::relying_party::{ProviderSignOut, RelyingParty};
use crate::outbound::finding::Finding;
use crate::outbound::provider::client_assertion;

pub(super) fn about(known: &Known, application: &Application) -> Vec<Finding> {
    let party = &application.relying_party;
    let mut findings = vec![algorithm(known, party)];
    findings.extend(scopes(known, party));
    findings.extend(refresh(known, party));
    findings.extend(response_mode(known, party));
    findings.extend(app_passwords(known, application));
    findings.push(client_authentication(known, party));
    findings.push(sign_out(known, party));
    findings.extend(bearer(known, application));
    findings
}

/// Whether access tokens of the provider can be verified in the configured way.
fn bearer(known: &Known, application: &Application) -> Option<Finding> {
    match &application.credentials.bearer.as_ref()?.verify {
        BearerCheck::Jwt(rules) => known.keys.as_ref().map(|keys| bearer_algorithms(keys, &rules.algorithms)),
        BearerCheck::Introspection(_) => {
            if known.discovered.introspection_endpoint(&application.relying_party).is_some() {
                return None;
            }
            let text = "`bearer` verifies by introspection, but the provider names no `introspection_endpoint`";
            let help = "let `bearer.verify` be `jwt`, or give `introspection_endpoint`";
            Some(Finding::fail("introspection", text, help))
        }
    }
}

/// The algorithm of ID Tokens, and a key for it.
fn algorithm(known: &Known, party: &RelyingParty) -> Finding {
    const NAME: &str = "id_token_signing_alg_values_supported";
    let (check, algorithm) = ("algorithm", party.id_token_signed_response_alg);
    let expected = algorithm.as_str();
    let help = "let `id_token_signed_response_alg` be the algorithm that is registered for this client at the provider";
    if let Some(list) = listed(&known.members, NAME).filter(|list| !list.contains(&expected)) {
        return Finding::fail(check, format!("{expected} is expected, but `{NAME}` lists {}", shown(&list)), help);
    }
    match known.keys.as_ref().map(|keys| keys.count_for(algorithm)) {
        Some(Some(0)) => Finding::fail(check, format!("{expected} is expected, but no published key fits it"), help),
        Some(Some(count)) => Finding::ok(check, format!("{expected} is expected, and {count} published keys fit it")),
        Some(None) => Finding::ok(check, format!("{expected} is expected, whose key is the client secret")),
        None => Finding::note(check, format!("{expected} is expected; the keys are not known")),
    }
}

fn scopes(known: &Known, party: &RelyingParty) -> Option<Finding> {
    const NAME: &str = "scopes_supported";
    let list = listed(&known.members, NAME)?;
    let missing: Vec<&str> = party.scopes.iter().map(String::as_str).filter(|scope| !list.contains(scope)).collect();
    if missing.is_empty() {
        return Some(Finding::ok("scopes", format!("`{NAME}` lists all of {:?}", party.scopes)));
    }
    let text = format!("{missing:?} of `scopes` are not among `{NAME}`");
    Some(Finding::warn(
        "scopes",
        text,
        "remove them from `scopes`, or enable them at the provider; a provider need not list every scope",
    ))
}

fn refresh(known: &Known, party: &RelyingParty) -> Option<Finding> {
    const NAME: &str = "grant_types_supported";
    if !known.settings.refreshes_sessions {
        return None;
    }
    let list = listed(&known.members, NAME);
    let asks = party.scopes.iter().any(|scope| scope == "offline_access");
    let takes = listed(&known.members, "scopes_supported").is_some_and(|scopes| scopes.contains(&"offline_access"));
    let check = "refresh";
    Some(match list {
        Some(list) if !list.contains(&"refresh_token") => {
            let text =
                format!("`{NAME}` lists {} without refresh_token, so sessions end with their ID Token", shown(&list));
            Finding::warn(check, text, "enable refresh tokens at the provider, or set `access_token_validity`")
        }
        _ if asks => Finding::ok(check, "`scopes` has offline_access, by which providers issue refresh tokens"),
        _ if takes => Finding::note(
            check,
            "the provider lists the scope offline_access, which `scopes` does not request; without a refresh token a session ends with its ID Token",
        ),
        _ => Finding::ok(check, "sessions are refreshed if the provider issues refresh tokens"),
    })
}

/// App passwords are verified by the client-credentials grant.
fn app_passwords(known: &Known, application: &Application) -> Option<Finding> {
    const NAME: &str = "grant_types_supported";
    application.credentials.basic.as_ref()?;
    let list = listed(&known.members, NAME)?;
    if list.contains(&"client_credentials") {
        return Some(Finding::ok(
            "app_passwords",
            format!("`{NAME}` lists client_credentials, by which `basic` verifies"),
        ));
    }
    let text = format!("`basic` verifies by the grant client_credentials, but `{NAME}` lists {}", shown(&list));
    Some(Finding::warn(
        "app_passwords",
        text,
        "remove `basic`; authentik is the provider that verifies app passwords so",
    ))
}

fn response_mode(known: &Known, party: &RelyingParty) -> Option<Finding> {
    const NAME: &str = "response_modes_supported";
    if party.authorization.response_mode != ResponseMode::FormPost {
        return None;
    }
    let list = listed(&known.members, NAME)?;
    if list.contains(&"form_post") {
        return Some(Finding::ok("response_mode", format!("`{NAME}` lists form_post")));
    }
    let text = format!("`response_mode` is form_post, but `{NAME}` lists {}", shown(&list));
    Some(Finding::fail("response_mode", text, "remove `response_mode`"))
}

fn client_authentication(known: &Known, party: &RelyingParty) -> Finding {
    const NAME: &str = "token_endpoint_auth_methods_supported";
    let (check, method) = ("client_authentication", &party.token_endpoint_auth_method);
    if let ClientAuthentication::PrivateKeyJwt(ClientAssertion::File(path)) = method
        && let Err(cause) = client_assertion::in_file(path)
    {
        let help = "let the platform write the assertion there, readable for this user (`client_assertion_file`)";
        return Finding::fail(check, format!("there is no client assertion: {cause}"), help);
    }
    let name = match method {
        ClientAuthentication::ClientSecretBasic => "client_secret_basic",
        ClientAuthentication::ClientSecretPost => "client_secret_post",
        ClientAuthentication::None => "none",
        ClientAuthentication::PrivateKeyJwt(_) => "private_key_jwt",
        ClientAuthentication::TlsClientAuth(_) => "tls_client_auth",
    };
    match listed(&known.members, NAME) {
        Some(list) if list.contains(&name) => Finding::ok(check, format!("`{NAME}` lists {name}")),
        Some(list) => {
            let text = format!("{name} is used, but `{NAME}` lists {}", shown(&list));
            Finding::warn(check, text, "let `token_endpoint_auth_method` be one that the provider supports")
        }
        None => Finding::note(check, format!("{name} is used; the metadata does not list what the provider supports")),
    }
}

fn sign_out(known: &Known, party: &RelyingParty) -> Finding {
    let check = "sign_out";
    match (&party.sign_out, &known.discovered.metadata.end_session_endpoint) {
        (ProviderSignOut::Omitted, _) => {
            Finding::ok(check, "a sign-out does not end the session at the provider, as configured")
        }
        (ProviderSignOut::At(_), _) => Finding::ok(check, "a sign-out ends at the configured address"),
        (ProviderSignOut::EndSessionEndpoint, Some(endpoint)) => {
            Finding::ok(check, format!("a sign-out ends at the `end_session_endpoint` {endpoint}"))
        }
        (ProviderSignOut::EndSessionEndpoint, None) => Finding::warn(
            check,
            "the provider names no `end_session_endpoint`, so a sign-out leaves the user signed in there",
            "give the address as `end_session.url`, or set `end_session.enabled: false` where that is intended (docs/providers.md)",
        ),
    }
}
