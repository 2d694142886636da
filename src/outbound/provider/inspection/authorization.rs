//! Whether the provider accepts the redirect URI: an authorization request, as a browser would send it, which is given up at the page
//! for the sign-in. Redirects are followed within the provider's origin only.

use std::collections::BTreeMap;

use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use tokio::time::timeout;
use url::Url;

use super::known::Known;
use crate::domain::application::Application;
use crate::domain::crypto::sealing::{SealingKey, SealingKeys};
use crate::domain::oidc::sign_in::{Attempt, AttemptId, Binding, authorization_url};
use crate::outbound::finding::{CHECK_TIMEOUT, Finding};
use crate::outbound::provider::http::{Answer, Operation};
use crate::ports::{Entropy, EntropyFault};

/// How many redirects are followed.
const MAX_REDIRECTS: usize = 5;
const CHECK: &str = "redirect_uri";
/// Errors that providers show on a page with status 200: those of Google and of Microsoft Entra.
const NAMED_ERRORS: [&str; 4] = ["redirect_uri_mismatch", "invalid_redirect_uri", "AADSTS50011", "AADSTS700016"];

/// What an error page names where redirect URI or client are to blame, in lower case.
const BLAMED: [&str; 9] = [
    "redirect_uri",
    "redirect uri",
    "redirect url",
    "client_id",
    "client id",
    "invalid_client",
    "unknown client",
    "client not found",
    "client is",
];

/// What the provider says about the request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The user is asked to sign in.
    SignIn,
    /// The request came back to the application, with this error.
    Returned(Option<String>),
    /// The provider refuses redirect URI or client.
    Refused(String),
    /// Something else.
    Unknown(String),
}

/// What follows from one answer.
pub(super) enum Next {
    Follow(Url),
    Done(Verdict),
}

pub(super) async fn redirect_uri(known: &Known, application: &Application, entropy: &dyn Entropy) -> Finding {
    let redirect_uri = &application.relying_party.redirect_uri;
    let asked = match request(known, application, entropy) {
        Ok(url) => timeout(CHECK_TIMEOUT, ask(known, url, redirect_uri)).await,
        Err(fault) => return Finding::note(CHECK, fault.to_string()),
    };
    let help = "register this redirect URI for the client at the provider, byte for byte, and compare `client_id`";
    match asked.unwrap_or_else(|_| Verdict::Unknown("no answer in time".to_owned())) {
        Verdict::SignIn => Finding::ok(CHECK, format!("the provider asks for a sign-in with {redirect_uri}")),
        Verdict::Refused(cause) => Finding::fail(CHECK, format!("{redirect_uri}: {cause}"), help),
        Verdict::Returned(None) => Finding::ok(CHECK, format!("the provider redirects to {redirect_uri}")),
        Verdict::Returned(Some(error)) => {
            let text = format!("the provider accepts {redirect_uri}, but refuses the request with `{error}`");
            Finding::fail(CHECK, text, "compare `scopes` and `authorization_parameters` with the client's registration")
        }
        Verdict::Unknown(cause) => {
            Finding::note(CHECK, format!("it cannot be told whether {redirect_uri} is accepted: {cause}"))
        }
    }
}

/// The authorization request of an attempt that nothing can complete: its key is dropped.
fn request(known: &Known, application: &Application, entropy: &dyn Entropy) -> Result<Url, EntropyFault> {
    let (mut binding, mut key, mut id, mut nonce) = ([0; 32], [0; 32], [0; 16], [0; 24]);
    for bytes in [&mut binding[..], &mut key, &mut id, &mut nonce] {
        entropy.fill(bytes)?;
    }
    let binding = Binding::new(binding);
    let keys = SealingKeys::new(SealingKey::new(key), Vec::new());
    let landing = application.external.join("/");
    let attempt = Attempt::begin(AttemptId::new(id), &binding, landing, 0, known.issuer.now(), &keys);
    let state = attempt.seal(application, &keys, nonce);
    let (metadata, party) = (&known.discovered.metadata, &application.relying_party);
    Ok(authorization_url(metadata, party, &attempt, &binding, &state, &[]))
}

async fn ask(known: &Known, url: Url, redirect_uri: &Url) -> Verdict {
    let (client, issuer) = (known.issuer.client(), known.issuer.identifier());
    let (mut cookies, mut at) = (BTreeMap::new(), url);
    for followed in 0..=MAX_REDIRECTS {
        let line: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = client.navigate(&at, &line.join("; "));
        let answer = match client.send(issuer, Operation::Authorization, request, None).await {
            Ok(answer) => answer,
            Err(fault) => return Verdict::Unknown(fault.to_string()),
        };
        keep(&mut cookies, &answer.headers);
        match next(&at, followed > 0, &answer, redirect_uri) {
            Next::Follow(to) => at = to,
            Next::Done(verdict) => return verdict,
        }
    }
    Verdict::Unknown(format!("more than {MAX_REDIRECTS} redirects"))
}

/// Keeps what the provider sets, as a browser would for the time of one sign-in.
fn keep(cookies: &mut BTreeMap<String, String>, headers: &HeaderMap) {
    for line in headers.get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok()) {
        if let Some((name, value)) = line.split(';').next().and_then(|pair| pair.split_once('=')) {
            cookies.insert(name.trim().to_owned(), value.trim().to_owned());
        }
    }
}

/// What follows from the answer of `at`.
pub(super) fn next(at: &Url, is_redirected: bool, answer: &Answer, redirect_uri: &Url) -> Next {
    let status = answer.status;
    if status.is_redirection() {
        let Some(to) = answer.location.as_deref().and_then(|location| at.join(location).ok()) else {
            return Next::Done(Verdict::Unknown(format!("a redirect ({}) without an address", status.as_u16())));
        };
        return follow(at, to, redirect_uri);
    }
    let body = String::from_utf8_lossy(&answer.body);
    Next::Done(page(status, is_redirected, &body))
}

fn follow(at: &Url, to: Url, redirect_uri: &Url) -> Next {
    let error = to.query_pairs().find(|(name, _)| name == "error").map(|(_, error)| printable(&error));
    let is_callback = to.origin() == redirect_uri.origin() && to.path() == redirect_uri.path();
    Next::Done(match error {
        error if is_callback => Verdict::Returned(error),
        Some(error) => Verdict::Refused(format!("the provider redirects to a page with the error `{error}`")),
        None if to.origin() == at.origin() => return Next::Follow(to),
        // A sign-in elsewhere.
        None => Verdict::SignIn,
    })
}

fn page(status: StatusCode, is_redirected: bool, body: &str) -> Verdict {
    let number = status.as_u16();
    if let Some(error) = NAMED_ERRORS.iter().find(|error| body.contains(**error)) {
        return Verdict::Refused(format!("the provider's page ({number}) names `{error}`"));
    }
    let lower = body.to_ascii_lowercase();
    if status.is_client_error() || status.is_server_error() {
        return match BLAMED.into_iter().find(|word| lower.contains(word)) {
            Some(word) if status.is_client_error() => {
                Verdict::Refused(format!("the provider answers {number}, with a page that names `{word}`"))
            }
            _ => Verdict::Unknown(format!("the provider answers {number}")),
        };
    }
    // An error as a form post (OAuth 2.0 Form Post Response Mode section 2).
    if let Some((_, after)) = body.split_once("name=\"error\"") {
        let value = after.split('>').next().and_then(|tag| tag.split_once("value=\"")).map(|(_, value)| value);
        let error = value.and_then(|value| value.split('"').next()).unwrap_or("an error");
        return Verdict::Returned(Some(printable(error)));
    }
    let has_form = lower.contains("<form") || lower.contains("type=\"password\"");
    if status == StatusCode::OK && (is_redirected || has_form) {
        Verdict::SignIn
    } else {
        Verdict::Unknown(format!("the provider answers {number}, with a page that has no form"))
    }
}

fn printable(code: &str) -> String {
    code.chars().take(64).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}
