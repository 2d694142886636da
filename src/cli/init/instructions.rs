//! What is left to do once the files are written: the registration at the provider, the secret, and the next commands.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::configuration::{SECRET_VARIABLE, Secret, absolute};
use super::registration::Registration;
use crate::domain::application::{Application, RESERVED_PREFIX};

/// `files`: those that were written, the configuration first.
pub(super) fn instructions(
    application: &Application,
    registration: &Registration,
    secret: Secret<'_>,
    files: &[PathBuf],
) -> String {
    let mut text = String::new();
    for file in files {
        let _ = writeln!(text, "written: {}", file.display());
    }
    let party = &application.relying_party;
    let _ = writeln!(text, "\nRegister for the client `{}` at {}, byte for byte:", party.client_id, party.issuer);
    for (name, value) in registered(application, registration) {
        let _ = writeln!(text, "  {name:<27}{value}");
    }
    text += "\nNext:\n";
    let configuration = files.first().map_or_else(String::new, |file| quoted(file));
    for (number, step) in (1..).zip(steps(&configuration, secret, files)) {
        let _ = writeln!(text, "  {number}. {step}");
    }
    text
}

fn registered(application: &Application, registration: &Registration) -> Vec<(&'static str, String)> {
    let party = &application.relying_party;
    let mut rows = vec![("redirect URI", party.redirect_uri.to_string())];
    if registration.ends_session {
        rows.extend(party.post_logout_redirect_uri.as_ref().map(|uri| ("post-logout redirect URI", uri.to_string())));
    }
    let backchannel = application.external.join(&format!("{RESERVED_PREFIX}backchannel_logout"));
    match registration.backchannel_logout {
        Some(true) => rows.push(("back-channel logout URI", format!("{backchannel} (with `sid`: session required)"))),
        None => rows.push(("back-channel logout URI", format!("{backchannel}, if the provider supports it"))),
        Some(false) => {}
    }
    let grants =
        if registration.asks_for_refresh_tokens() { "authorization_code, refresh_token" } else { "authorization_code" };
    rows.push(("response type", "code, with PKCE (S256)".to_owned()));
    rows.push(("grant types", grants.to_owned()));
    rows.push(("client authentication", registration.token_endpoint_auth_method.to_owned()));
    rows.push(("ID Token signing algorithm", registration.id_token_signed_response_alg.as_str().to_owned()));
    rows.push(("scopes", registration.scopes.join(" ")));
    rows
}

fn steps(configuration: &str, secret: Secret<'_>, files: &[PathBuf]) -> Vec<String> {
    let secret = match secret {
        Secret::Variable => format!(
            "put the client secret into the environment of the service: {SECRET_VARIABLE} (systemd: `EnvironmentFile=`, with mode 600)"
        ),
        Secret::File(path) => {
            let path = quoted(&absolute(path));
            format!("put the client secret into its file: `(umask 077; cat > {path})`, paste it, Enter, Ctrl-D")
        }
    };
    let others: Vec<String> = files.iter().skip(1).map(|file| file.display().to_string()).collect();
    vec![
        secret,
        format!("gatepost check-config --config {configuration}"),
        format!("give the front proxy its file, after reading it: {}", others.join(", ")),
        format!("gatepost serve --config {configuration}"),
        format!("gatepost doctor --config {configuration}"),
    ]
}

/// The path as a shell reads it back.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = text.chars().all(|sign| sign.is_ascii_alphanumeric() || "/._-".contains(sign));
    if is_plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
