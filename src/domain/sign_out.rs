//! Sign-out: who may ask for it, and where the provider ends its own session (OpenID Connect RP-Initiated
//! Logout 1.0 section 2).

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::application::{Application, Mode};
use super::request::{ClientKind, RequestHead};

/// Beyond this an address is too long for some server on its way; a form carries the rest.
const MAX_URL_BYTES: usize = 8 * 1024;

/// Whether a request to sign out is the user's own will: a form post, or a navigation from our own pages or the
/// address bar. Anything else may be another site's image, link or script, and has to be confirmed.
#[must_use]
pub fn is_deliberate(head: &RequestHead, application: &Application) -> bool {
    let own_site = match head.headers.text("sec-fetch-site") {
        Some("same-origin" | "none") => true,
        Some("same-site") => matches!(application.mode, Mode::ForwardDomain(_)),
        Some(_) => false,
        // Without Fetch Metadata a post still carries our cookie only when it comes from our own site.
        None => head.method == "POST",
    };
    own_site && (head.method == "POST" || head.client_kind() == ClientKind::Navigation)
}

/// How the browser gets to the provider's end-session endpoint.
#[derive(Debug)]
pub enum EndSession {
    /// By redirect.
    Redirect(String),
    /// By a form of these fields, because the address would be too long.
    Form {
        /// The end-session endpoint.
        action: String,
        /// Names and values.
        fields: Vec<(&'static str, String)>,
    },
}

/// The logout request for the user of `id_token`.
#[must_use]
pub fn end_session(endpoint: &Url, application: &Application, id_token: &SecretString, state: &str) -> EndSession {
    let relying_party = &application.relying_party;
    let fields = [
        ("id_token_hint", id_token.expose_secret().to_owned()),
        ("client_id", relying_party.client_id.clone()),
        ("post_logout_redirect_uri", relying_party.post_logout_redirect_uri.to_string()),
        ("state", state.to_owned()),
    ];
    let mut url = endpoint.clone();
    url.query_pairs_mut().extend_pairs(&fields);
    if url.as_str().len() <= MAX_URL_BYTES {
        EndSession::Redirect(url.into())
    } else {
        EndSession::Form { action: endpoint.to_string(), fields: fields.into() }
    }
}
