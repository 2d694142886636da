//! Front-channel logout (`OpenID` Connect Front-Channel Logout 1.0): what the request of a provider's frame names, and
//! which origins may show the answer in a frame.

use url::{Origin, Url, form_urlencoded};

use super::SessionRecord;
use crate::domain::http::RequestHead;
use crate::domain::oidc::issuer::TrustedIssuer;
use crate::domain::oidc::sign_in::ProviderMetadata;
use crate::domain::oidc::user::ProviderSession;

/// The parameters of the frame's address (section 2); both are present where the provider follows the specification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogoutRequest {
    issuer: Option<String>,
    session: Option<String>,
}

impl LogoutRequest {
    /// Reads the query; `None` when a parameter occurs twice.
    #[must_use]
    pub fn read(query: &str) -> Option<Self> {
        let mut asked = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let place = match name.as_ref() {
                "iss" => &mut asked.issuer,
                "sid" => &mut asked.session,
                _ => continue,
            };
            if place.replace(value.into_owned()).is_some() {
                return None;
            }
        }
        Some(asked)
    }

    /// Why this session is not the one that is asked for; `None` when every parameter that is present matches it (FL-2).
    #[must_use]
    pub fn misses(&self, record: &SessionRecord) -> Option<&'static str> {
        if self.issuer.as_ref().is_some_and(|issuer| *issuer != record.user.issuer) {
            return Some("`iss` is not the issuer of the browser's session");
        }
        match (&self.session, &record.provider_session) {
            (Some(asked), Some(own)) if asked != own => Some("`sid` is not that of the browser's session"),
            (Some(_), None) => Some(
                "`sid` cannot be compared, because the ID Token had none: let the provider send frames without `iss` and `sid` to \
                 this client (turn \"session required\" off)",
            ),
            _ => None,
        }
    }

    /// Whether both parameters are present, as they have to be to name a provider session.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.issuer.is_some() && self.session.as_ref().is_some_and(|id| !id.is_empty())
    }

    /// The provider session, if both parameters are present and name a session of this issuer.
    #[must_use]
    pub fn provider_session(self, trusted: TrustedIssuer<'_>) -> Option<ProviderSession> {
        let is_complete = self.is_complete();
        let Self { issuer: Some(named), session: Some(id) } = self else { return None };
        (is_complete && trusted.includes(&named)).then_some(ProviderSession { issuer: named, id })
    }
}

/// Whether a request may come from a frame: another site's image, script or link must not sign the user out. A browser
/// without Fetch Metadata is allowed; a frame on another site does not send Gatepost's cookie there either.
#[must_use]
pub fn may_come_from_a_frame(head: &RequestHead) -> bool {
    head.headers.text("sec-fetch-dest").is_none_or(|destination| matches!(destination, "iframe" | "frame"))
}

/// The provider's origins, which may show the answer in a frame (FL-1).
#[must_use]
pub fn ancestors(issuer: &str, metadata: Option<&ProviderMetadata>) -> Vec<String> {
    let issuer = Url::parse(issuer).ok();
    let known = metadata.into_iter().flat_map(|metadata| {
        [Some(metadata.authorization_endpoint.clone()), metadata.end_session_endpoint.clone()].into_iter().flatten()
    });
    let mut origins: Vec<String> = Vec::new();
    for url in issuer.into_iter().chain(known) {
        let origin = url.origin();
        let text = origin.ascii_serialization();
        if matches!(origin, Origin::Tuple(..)) && !origins.contains(&text) {
            origins.push(text);
        }
    }
    origins
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{request, session_record};

    fn asked(query: &str) -> Option<(Option<String>, Option<String>)> {
        LogoutRequest::read(query).map(|asked| (asked.issuer, asked.session))
    }

    #[test]
    fn fl_2_each_is_named_once() {
        let text = |text: &str| Some(text.to_owned());
        for (query, expected) in [
            ("", Some((None, None))),
            ("iss=https%3A%2F%2Fop&sid=s", Some((text("https://op"), text("s")))),
            ("sid=s&x=1", Some((None, text("s")))),
            ("iss=&sid=", Some((text(""), text("")))),
            ("sid=s&sid=s", None),
            ("iss=a&sid=s&iss=a", None),
        ] {
            assert_eq!(asked(query), expected, "{query}");
        }
    }

    #[test]
    fn fl_3_a_session_is_named_in_full_or_not_at_all() {
        let named =
            |query: &str| LogoutRequest::read(query).and_then(|asked| asked.provider_session("https://op".into()));
        assert_eq!(named("iss=https://op&sid=s").map(|session| session.id), Some("s".into()));
        for (query, is_complete) in [
            ("iss=https://op", false),
            ("sid=s", false),
            ("iss=https://op/&sid=s", true),
            ("iss=&sid=s", true),
            ("iss=https://op&sid=", false),
            ("", false),
        ] {
            assert_eq!(named(query), None, "{query}");
            let asked = LogoutRequest::read(query).expect("no parameter occurs twice");
            assert_eq!(asked.is_complete(), is_complete, "{query}");
        }
    }

    #[test]
    fn only_frames_ask() {
        for (destination, expected) in [
            (Some("iframe"), true),
            (Some("frame"), true),
            (None, true),
            (Some("document"), false),
            (Some("image"), false),
            (Some("script"), false),
            (Some("empty"), false),
        ] {
            let headers: Vec<_> = destination.map(|value| ("sec-fetch-dest", value)).into_iter().collect();
            assert_eq!(may_come_from_a_frame(&request("a.example.com", "/", &headers)), expected, "{destination:?}");
        }
    }

    #[test]
    fn fl_1_the_providers_origins_each_once() {
        let url = |text: &str| Url::parse(text).expect("is a URL");
        let metadata = ProviderMetadata {
            issuer: "https://op.example/o/wiki/".into(),
            authorization_endpoint: url("https://login.example:8443/auth"),
            end_session_endpoint: Some(url("https://op.example/end")),
            jwks_uri: url("https://keys.example/"),
            authorization_response_iss_parameter_supported: false,
        };
        let found = ancestors(&metadata.issuer, Some(&metadata));
        assert_eq!(found, ["https://op.example", "https://login.example:8443"]);
        assert_eq!(ancestors("http://127.0.0.1:9/o", None), ["http://127.0.0.1:9"]);
    }

    #[test]
    fn fl_2_a_frame_that_misses_the_session_tells_why() {
        let with_session =
            SessionRecord { provider_session: Some("s-1".to_owned()), ..session_record("alice", &json!({}), 0) };
        let without = SessionRecord { provider_session: None, ..with_session.clone() };
        let issuer = form_urlencoded::byte_serialize(with_session.user.issuer.as_bytes()).collect::<String>();
        for (query, record, expected) in [
            (format!("iss={issuer}&sid=s-1"), &with_session, None),
            (String::new(), &with_session, None),
            (String::new(), &without, None),
            (format!("iss={issuer}"), &without, None),
            ("iss=https%3A%2F%2Fother.example&sid=s-1".to_owned(), &with_session, Some("`iss` is not")),
            ("iss=".to_owned(), &with_session, Some("`iss` is not")),
            (format!("iss={issuer}&sid=s-2"), &with_session, Some("`sid` is not")),
            ("sid=".to_owned(), &with_session, Some("`sid` is not")),
            // LemonLDAP::NG 2.16 sends the user's name.
            (format!("iss={issuer}&sid=alice"), &without, Some("`sid` cannot be compared")),
        ] {
            let cause = LogoutRequest::read(&query).expect("no parameter occurs twice").misses(record);
            let agree = cause
                .zip(expected)
                .map_or(cause.is_none() && expected.is_none(), |(cause, start)| cause.starts_with(start));
            assert!(agree, "{query}: {cause:?}");
        }
    }
}
