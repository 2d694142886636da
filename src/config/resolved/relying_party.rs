//! The application as a relying party of the identity provider.

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::issuer;
use super::provider_endpoints::provider_endpoints;
use crate::config::diagnostic::Location;
use crate::config::raw::Application;
use crate::config::reader::{Reader, Spanned};
use crate::config::secret_file;
use crate::domain::application::RESERVED_PREFIX;
use crate::domain::application::endpoints::Prefixes;
use crate::domain::http::ExternalHost;
use crate::domain::oidc::algorithm::SigningAlgorithm;
use crate::domain::oidc::relying_party::RelyingParty;

pub(super) fn relying_party(
    written: &Application,
    location: &Location,
    external: Option<&ExternalHost>,
    prefixes: Prefixes,
    reader: &mut Reader<'_>,
) -> Option<RelyingParty> {
    let issuer = written.issuer.given().and_then(|issuer| issuer::issuer(issuer, reader));
    let client_secret = client_secret(written, location, reader);
    let scopes = scopes(&written.scopes, reader);
    let endpoints = provider_endpoints(written, reader);
    let external = external?;
    let redirect_uri = match written.redirect_uri.given() {
        Some(uri) => issuer::redirect_uri(uri, external, prefixes, reader),
        None => Url::parse(&external.join(&format!("{RESERVED_PREFIX}callback?X-authentik-auth-callback=true"))).ok(),
    };
    let post_logout_redirect_uri = match written.post_logout_redirect_uri.given() {
        Some(uri) if uri.value == "none" => Some(None),
        Some(uri) => issuer::on_external_host(uri, external, reader).map(Some),
        None => Url::parse(&external.join(&format!("{RESERVED_PREFIX}sign_out"))).ok().map(Some),
    };
    Some(RelyingParty {
        issuer: issuer?,
        client_id: written.client_id.given()?.value.clone(),
        client_secret: client_secret?,
        token_endpoint_auth_method: written.token_endpoint_auth_method.value,
        id_token_signed_response_alg: written.id_token_signed_response_alg.value,
        scopes: scopes?,
        claims: Vec::new(),
        claims_of_rules: Vec::new(),
        redirect_uri: redirect_uri?,
        post_logout_redirect_uri: post_logout_redirect_uri?,
        endpoints: endpoints?,
    })
}

fn client_secret(written: &Application, location: &Location, reader: &mut Reader<'_>) -> Option<SecretString> {
    if written.client_secret.is_absent() && written.client_secret_file.is_absent() {
        let location = location.inside("client_secret");
        reader.fault(
            &location,
            "there is no client secret",
            "add `client_secret: ${VARIABLE}` or `client_secret_file`",
        );
        return None;
    }
    let Spanned { location, value } = secret_file::either(&written.client_secret, &written.client_secret_file, reader)?;
    let algorithm = &written.id_token_signed_response_alg;
    let needed = hash_length(algorithm.value);
    if value.expose_secret().len() < needed {
        let problem = format!("the client secret is shorter than the {needed} bytes that the HS algorithm needs");
        let help = "use a longer secret, or configure RS256 at the provider";
        reader.fault(&location, problem, help);
        return None;
    }
    Some(value)
}

/// The minimum length of a secret for a keyed hash, in bytes (RFC 7518 section 3.2); 0 for signatures.
const fn hash_length(algorithm: SigningAlgorithm) -> usize {
    use SigningAlgorithm::{ES256, ES384, EdDSA, HS256, HS384, HS512, PS256, PS384, PS512, RS256, RS384, RS512};
    match algorithm {
        HS256 => 32,
        HS384 => 48,
        HS512 => 64,
        RS256 | RS384 | RS512 | PS256 | PS384 | PS512 | ES256 | ES384 | EdDSA => 0,
    }
}

/// Scopes of a sign-in.
pub(super) fn scopes(written: &Spanned<Vec<Spanned<String>>>, reader: &mut Reader<'_>) -> Option<Vec<String>> {
    let scopes = scope_list(written, reader)?;
    if scopes.iter().any(|scope| scope == "openid") {
        return Some(scopes);
    }
    reader.fault(&written.location, "the scope `openid` is required", "add `openid` to the list");
    None
}

/// Scopes of any kind: single words without repetition.
pub(super) fn scope_list(written: &Spanned<Vec<Spanned<String>>>, reader: &mut Reader<'_>) -> Option<Vec<String>> {
    let mut scopes: Vec<String> = Vec::new();
    let mut sound = true;
    for Spanned { location, value } in &written.value {
        // RFC 6749 section 3.3: printable ASCII without blank, `"` and `\`.
        let token = value.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte));
        if !token {
            sound = false;
            reader.fault(location, "a scope must be a single word", "write one list item per scope");
        } else if scopes.contains(value) {
            sound = false;
            reader.fault(location, "the scope is listed twice", "keep one of them");
        } else {
            scopes.push(value.clone());
        }
    }
    sound.then_some(scopes)
}
