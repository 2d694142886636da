//! The application as a relying party of the identity provider.

use url::Url;

use super::authorization::authorization;
use super::client_authentication::client_authentication;
use super::end_session::provider_sign_out;
use super::issuer;
use super::provider_endpoints::provider_endpoints;
use super::{provider_network, tenants};
use crate::config::diagnostic::Location;
use crate::config::raw::Application;
use crate::config::reader::{Reader, Spanned};
use crate::domain::application::RESERVED_PREFIX;
use crate::domain::application::endpoints::Prefixes;
use crate::domain::http::ExternalHost;
use crate::domain::oidc::relying_party::RelyingParty;

pub(super) fn relying_party(
    written: &Application,
    location: &Location,
    external: Option<&ExternalHost>,
    prefixes: Prefixes,
    reader: &mut Reader<'_>,
) -> Option<RelyingParty> {
    let issuer = written.issuer.given().and_then(|issuer| issuer::issuer(issuer, reader));
    let allowed_tenants = tenants::allowed_tenants(written, reader);
    let client = client_authentication(written, location, reader);
    let scopes = scopes(&written.scopes, reader);
    let endpoints = provider_endpoints(written, reader);
    let sign_out = provider_sign_out(written, reader);
    let has_endpoints = written.authorization_endpoint.given().is_some();
    let detours = provider_network::detours(written, has_endpoints, reader);
    let external = external?;
    let redirect_uri = match written.redirect_uri.given() {
        Some(uri) => issuer::redirect_uri(uri, external, prefixes, reader),
        None => Url::parse(&external.join(&format!("{RESERVED_PREFIX}callback?X-authentik-auth-callback=true"))).ok(),
    };
    let authorization = authorization(written, external, redirect_uri.as_ref(), prefixes, reader);
    let post_logout_redirect_uri = match written.post_logout_redirect_uri.given() {
        Some(uri) if uri.value == "none" => Some(None),
        Some(uri) => issuer::on_external_host(uri, external, reader).map(Some),
        None => Url::parse(&external.join(&format!("{RESERVED_PREFIX}sign_out"))).ok().map(Some),
    };
    Some(RelyingParty {
        issuer: issuer?,
        allowed_tenants: allowed_tenants?,
        trusted_audiences: written.trusted_audiences.value.iter().map(|audience| audience.value.clone()).collect(),
        logout_token_exp: written.logout_token_exp.value,
        client_id: written.client_id.given()?.value.clone(),
        client_secret: client.as_ref()?.secret.clone(),
        token_endpoint_auth_method: client?.authentication,
        id_token_signed_response_alg: written.id_token_signed_response_alg.value,
        scopes: scopes?,
        claims: Vec::new(),
        claims_of_rules: Vec::new(),
        redirect_uri: redirect_uri?,
        authorization: authorization?,
        post_logout_redirect_uri: post_logout_redirect_uri?,
        sign_out: sign_out?,
        endpoints: endpoints?,
        discovery_url: detours.as_ref()?.discovery_url.clone(),
        backchannel_base: detours?.backchannel_base,
    })
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
