//! Our own endpoints under the reserved prefix, and the query signatures that stand for two of them.

use url::form_urlencoded;

use super::application::{Application, Mode, RESERVED_PREFIX};
use super::request::RequestTarget;

/// One of our own endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Begins a sign-in.
    Start,
    /// Ends one: the provider sends the browser here.
    Callback,
    /// Ends the user's sessions.
    SignOut,
}

/// Whose business a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The application's.
    Application,
    /// Ours.
    Endpoint(Endpoint),
    /// Ours, but there is nothing: below the reserved prefix every other spelling is refused.
    Nowhere,
}

/// The query signature of a callback, for applications whose paths we do not see.
const CALLBACK_SIGNATURE: &str = "X-authentik-auth-callback";
/// The query signature of a sign-out.
const SIGN_OUT_SIGNATURE: &str = "X-authentik-logout";

impl Destination {
    /// Sorts a request of `application`.
    #[must_use]
    pub fn of(application: &Application, target: &RequestTarget) -> Self {
        let prefix = match application.mode {
            Mode::ForwardSingle | Mode::Proxy(_) => application.external.path(),
            Mode::ForwardDomain(_) => "",
        };
        if let Some(below) = target.canonical_path().strip_prefix(prefix)
            && is_reserved(below)
        {
            return target.raw_path().strip_prefix(prefix).map_or(Self::Nowhere, Self::reserved);
        }
        if is_reserved(target.canonical_path()) {
            return Self::Nowhere;
        }
        signature(target.query().unwrap_or_default()).map_or(Self::Application, Self::Endpoint)
    }

    fn reserved(raw: &str) -> Self {
        match raw.strip_prefix(RESERVED_PREFIX) {
            Some("start") => Self::Endpoint(Endpoint::Start),
            Some("callback") => Self::Endpoint(Endpoint::Callback),
            Some("sign_out") => Self::Endpoint(Endpoint::SignOut),
            _ => Self::Nowhere,
        }
    }
}

/// Whether this is the liveness probe that every host answers.
#[must_use]
pub fn is_ping(target: &RequestTarget) -> bool {
    target.raw_path().strip_prefix(RESERVED_PREFIX) == Some("ping")
}

/// Whether a canonical path lies under the reserved prefix.
#[must_use]
pub fn is_reserved(path: &str) -> bool {
    path.starts_with(RESERVED_PREFIX) || RESERVED_PREFIX.strip_suffix('/') == Some(path)
}

/// The endpoint that a query stands for: the name counts by case, the value does not; the callback wins.
#[must_use]
pub fn signature(query: &str) -> Option<Endpoint> {
    if query.is_empty() {
        return None;
    }
    let signed = |name: &str| {
        form_urlencoded::parse(query.as_bytes()).any(|(key, value)| key == name && value.eq_ignore_ascii_case("true"))
    };
    if signed(CALLBACK_SIGNATURE) {
        Some(Endpoint::Callback)
    } else if signed(SIGN_OUT_SIGNATURE) {
        Some(Endpoint::SignOut)
    } else {
        None
    }
}

/// Whether a query names a signature at all, whatever its value.
#[must_use]
pub fn names_signature(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes()).any(|(key, _)| key == CALLBACK_SIGNATURE || key == SIGN_OUT_SIGNATURE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::application;

    fn destination(external: &str, raw: &str) -> Destination {
        Destination::of(&application(external), &RequestTarget::parse(raw.into()).expect("is well formed"))
    }

    #[test]
    fn n10_only_the_exact_spelling_of_an_endpoint_is_one() {
        use Destination::{Application, Endpoint as Ours, Nowhere};
        for (raw, expected) in [
            ("/outpost.goauthentik.io/start", Ours(Endpoint::Start)),
            ("/outpost.goauthentik.io/start?rd=/x", Ours(Endpoint::Start)),
            ("/outpost.goauthentik.io/callback?code=c", Ours(Endpoint::Callback)),
            ("/outpost.goauthentik.io/sign_out", Ours(Endpoint::SignOut)),
            ("/outpost.goauthentik.io/nope", Nowhere),
            ("/outpost.goauthentik.io/%63allback", Nowhere),
            ("/outpost.goauthentik.io/callback/", Nowhere),
            ("/outpost.goauthentik.io/callback;x", Nowhere),
            ("/outpost.goauthentik.io/auth/nginx", Nowhere),
            ("//outpost.goauthentik.io/callback", Nowhere),
            ("/%2foutpost.goauthentik.io/callback", Nowhere),
            ("/outpost.goauthentik.io", Nowhere),
            ("/outpost.goauthentik.io/", Nowhere),
            ("/x/outpost.goauthentik.io/callback", Application),
            ("/outpost.goauthentik.iox/callback", Application),
            ("/x?X-authentik-auth-callback=true&code=c", Ours(Endpoint::Callback)),
            ("/x?X-authentik-logout=TRUE", Ours(Endpoint::SignOut)),
            ("/x?%58-authentik-logout=true", Ours(Endpoint::SignOut)),
            ("/x?X-authentik-logout=true&X-authentik-auth-callback=true", Ours(Endpoint::Callback)),
            ("/x?x-authentik-logout=true", Application),
            ("/x?X-authentik-logout=false", Application),
        ] {
            assert_eq!(destination("https://app.example.com", raw), expected, "{raw}");
        }
    }

    #[test]
    fn below_a_path_the_endpoints_lie_there() {
        let external = "https://app.example.com/wiki";
        let callback = Destination::Endpoint(Endpoint::Callback);
        assert_eq!(destination(external, "/wiki/outpost.goauthentik.io/callback"), callback);
        assert_eq!(destination(external, "/outpost.goauthentik.io/callback"), Destination::Nowhere);
    }
}
