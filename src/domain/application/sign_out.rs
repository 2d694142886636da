//! Sign-out: which requests are accepted without confirmation, and how the provider ends its own session (`OpenID`
//! Connect RP-Initiated Logout 1.0 section 2).

use openidconnect::{ClientId, CsrfToken, EndSessionUrl, LogoutRequest, PostLogoutRedirectUrl};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::cookie_settings::SameSite;
use super::{Application, Mode};
use crate::domain::http::{ClientKind, RequestHead};

/// Longer addresses may exceed the limit of a server on the way; a form carries the parameters instead.
const MAX_URL_BYTES: usize = 8 * 1024;

/// The parameters of the logout request (section 2).
const PARAMETERS: [&str; 4] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];

/// Whether a sign-out request is the user's own intent: a form post, or a navigation from Gatepost's own pages or the
/// address bar. Any other request may come from another site's image, link or script, and has to be confirmed.
#[must_use]
pub fn is_deliberate(head: &RequestHead, application: &Application) -> bool {
    let own_site = match head.headers.text("sec-fetch-site") {
        Some("same-origin" | "none") => true,
        Some("same-site") => matches!(application.mode, Mode::ForwardDomain(_)),
        Some(_) => false,
        // Without Fetch Metadata, a POST carries Gatepost's cookie only if it comes from the same site (`SameSite`), unless the
        // operator has it sent from everywhere. `Origin` tells the page, if the browser sends it.
        None => head.method == "POST" && is_own_origin(head, application),
    };
    own_site && (head.method == "POST" || head.client_kind() == ClientKind::Navigation)
}

fn is_own_origin(head: &RequestHead, application: &Application) -> bool {
    match head.headers.text("origin") {
        Some(origin) => {
            let scheme = application.external.scheme();
            origin == format!("{}://{}", scheme.as_str(), head.authority.to_text(scheme))
        }
        None => application.cookie.same_site != SameSite::None,
    }
}

/// How the browser is sent to the provider's end-session endpoint.
#[derive(Debug)]
pub enum EndSession {
    /// By redirect.
    Redirect(String),
    /// By a form with these fields, because the address would be too long.
    Form {
        /// The end-session endpoint.
        action: String,
        /// The names and values of the fields.
        fields: Vec<(&'static str, String)>,
    },
}

/// The logout request for the user of `id_token`; without it, for the user that is signed in at the provider.
#[must_use]
pub fn end_session(
    endpoint: &Url,
    application: &Application,
    id_token: Option<&SecretString>,
    state: &str,
) -> EndSession {
    let relying_party = &application.relying_party;
    let mut hinted = endpoint.clone();
    if let Some(token) = id_token {
        // The library accepts a hint only as a token whose claims it can parse, which fails for some providers' tokens.
        hinted.query_pairs_mut().append_pair("id_token_hint", token.expose_secret());
    }
    let mut request = LogoutRequest::from(EndSessionUrl::from_url(hinted))
        .set_client_id(ClientId::new(relying_party.client_id.clone()));
    if let Some(uri) = &relying_party.post_logout_redirect_uri {
        let uri = PostLogoutRedirectUrl::from_url(uri.clone());
        request = request.set_post_logout_redirect_uri(uri).set_state(CsrfToken::new(state.to_owned()));
    }
    let url = request.http_get_url();
    if url.as_str().len() <= MAX_URL_BYTES {
        return EndSession::Redirect(url.into());
    }
    let parameters = url.query_pairs().skip(endpoint.query_pairs().count());
    let named = |name: &str| PARAMETERS.into_iter().find(|parameter| *parameter == name);
    let fields = parameters.filter_map(|(name, value)| Some((named(&name)?, value.into_owned()))).collect();
    EndSession::Form { action: endpoint.to_string(), fields }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{application, domain_application, request};

    #[test]
    fn rl_1_only_the_users_own_will_signs_out() {
        let single = application("https://app.example.com");
        let domain = domain_application("https://auth.example.com", "example.com");
        let page = ("sec-fetch-mode", "navigate");
        for (method, site, single_site, same_domain) in [
            ("GET", Some("same-origin"), true, true),
            ("GET", Some("none"), true, true),
            ("GET", Some("same-site"), false, true),
            ("GET", Some("cross-site"), false, false),
            ("GET", None, false, false),
            ("POST", Some("same-origin"), true, true),
            ("POST", Some("cross-site"), false, false),
            ("POST", None, true, true),
        ] {
            let mut head = request("app.example.com", "/outpost.goauthentik.io/sign_out", &[page]);
            if let Some(site) = site {
                head = request("app.example.com", "/", &[page, ("sec-fetch-site", site)]);
            }
            method.clone_into(&mut head.method);
            assert_eq!(is_deliberate(&head, &single), single_site, "{method} {site:?}");
            assert_eq!(is_deliberate(&head, &domain), same_domain, "{method} {site:?}, domain mode");
        }
        // Browsers without Fetch Metadata name the page in `Origin`.
        let mut everywhere = single.clone();
        everywhere.cookie.same_site = SameSite::None;
        for (origin, lax, none) in [
            (Some("https://app.example.com"), true, true),
            (Some("https://evil.example"), false, false),
            (Some("https://app.example.com.evil.example"), false, false),
            (Some("null"), false, false),
            (None, true, false),
        ] {
            let lines: Vec<_> = origin.map(|origin| ("origin", origin)).into_iter().collect();
            let mut head = request("app.example.com", "/outpost.goauthentik.io/sign_out", &lines);
            "POST".clone_into(&mut head.method);
            assert_eq!((is_deliberate(&head, &single), is_deliberate(&head, &everywhere)), (lax, none), "{origin:?}");
        }
        let image =
            request("app.example.com", "/", &[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "no-cors")]);
        assert!(!is_deliberate(&image, &single), "an image of our own page");
    }

    #[test]
    fn rl_3_the_logout_request_and_its_form_when_it_grows_too_long() {
        let endpoint = Url::parse("https://sso.example.com/end?x=1").expect("is a URL");
        let application = application("https://app.example.com");
        let EndSession::Redirect(url) = end_session(&endpoint, &application, Some(&"token".into()), "s") else {
            panic!("is short")
        };
        assert_eq!(
            url,
            "https://sso.example.com/end?x=1&id_token_hint=token&client_id=wiki&post_logout_redirect_uri=\
             https%3A%2F%2Fapp.example.com%2Foutpost.goauthentik.io%2Fsign_out&state=s"
        );
        let EndSession::Redirect(url) = end_session(&endpoint, &application, None, "s") else { panic!("is short") };
        assert!(url.starts_with("https://sso.example.com/end?x=1&client_id=wiki&"), "{url}");
        let long = SecretString::from("t".repeat(9000));
        let EndSession::Form { action, fields } = end_session(&endpoint, &application, Some(&long), "s") else {
            panic!("is long")
        };
        assert_eq!((action.as_str(), fields.len()), ("https://sso.example.com/end?x=1", 4));
    }
}
