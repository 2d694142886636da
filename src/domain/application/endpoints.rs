//! Gatepost's own endpoints below the reserved prefix, and the query signatures that stand for two of them.

use url::form_urlencoded;

use super::{Application, Mode, RESERVED_PREFIX};
use crate::domain::http::RequestTarget;

/// One of Gatepost's own endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Begins a sign-in.
    Start,
    /// Completes a sign-in: the provider redirects the browser here, or has it post a form.
    Callback,
    /// Ends the user's sessions.
    SignOut,
    /// The provider reports that sessions ended (`OpenID` Connect Back-Channel Logout 1.0), in the body of a request.
    BackchannelLogout,
    /// The provider has the browser report it, in a frame (`OpenID` Connect Front-Channel Logout 1.0).
    FrontchannelLogout,
    /// The public keys of the assertions that Gatepost signs.
    Jwks,
    /// The signed-in user, for scripts of the application.
    UserInfo,
    /// The metadata about the application as a protected resource, which is not below the reserved prefix.
    ResourceMetadata,
    /// The page of the signed-in user's sessions.
    Sessions,
}

/// The destination of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The application.
    Application,
    /// One of Gatepost's own endpoints.
    Endpoint(Endpoint),
    /// Below the reserved prefix, but not an endpoint: every other spelling there is refused.
    Nowhere,
}

/// The parameter of `start` that names the path whose access rules ask for the sign-in.
pub const STEP_UP_PARAMETER: &str = "step_up";
/// The parameter of `start` that names the return address.
pub const RETURN_PARAMETER: &str = "rd";

/// The endpoint of the user's sessions.
pub const SESSIONS: &str = "sessions";

const CALLBACK: &str = "callback";
const BACKCHANNEL_LOGOUT: &str = "backchannel_logout";

/// The prefix of the endpoints before authentik renamed it (2022.2.1), for operators who still need it.
const LEGACY_PREFIX: &str = "/akprox/";

/// The prefixes of the endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefixes {
    legacy: bool,
}

impl Prefixes {
    /// [`RESERVED_PREFIX`], and `/akprox/` as well if `legacy`.
    #[must_use]
    pub const fn new(legacy: bool) -> Self {
        Self { legacy }
    }

    /// The part of `raw` before the first prefix, and the part below it.
    #[must_use]
    pub fn split(self, raw: &str) -> Option<(&str, &str)> {
        let legacy = raw.split_once(LEGACY_PREFIX).filter(|_| self.legacy);
        raw.split_once(RESERVED_PREFIX).into_iter().chain(legacy).min_by_key(|(before, _)| before.len())
    }

    /// The part of `raw` below the prefix with which it begins.
    #[must_use]
    pub fn below(self, raw: &str) -> Option<&str> {
        let legacy = || raw.strip_prefix(LEGACY_PREFIX).filter(|_| self.legacy);
        raw.strip_prefix(RESERVED_PREFIX).or_else(legacy)
    }

    fn reserve(self, canonical: &str) -> bool {
        is_below(canonical, RESERVED_PREFIX) || (self.legacy && is_below(canonical, LEGACY_PREFIX))
    }
}

/// The query signature of a callback, for applications whose paths Gatepost does not receive.
const CALLBACK_SIGNATURE: &str = "X-authentik-auth-callback";
/// The query signature of a sign-out.
const SIGN_OUT_SIGNATURE: &str = "X-authentik-logout";

impl Destination {
    /// Determines the destination of a request of `application`, whose endpoints lie under `prefixes`.
    #[must_use]
    pub fn of(application: &Application, target: &RequestTarget, prefixes: Prefixes) -> Self {
        let prefix = match application.mode {
            Mode::ForwardSingle | Mode::Proxy(_) => application.external.path(),
            Mode::ForwardDomain(_) => "",
        };
        if let Some(below) = target.canonical_path().strip_prefix(prefix)
            && prefixes.reserve(below)
        {
            let raw = target.raw_path().strip_prefix(prefix).and_then(|raw| prefixes.below(raw));
            return raw.map_or(Self::Nowhere, Self::named);
        }
        if prefixes.reserve(target.canonical_path()) {
            return Self::Nowhere;
        }
        match signature(target.query().unwrap_or_default()) {
            None => Self::Application,
            // A path that cannot be decoded matches no endpoint.
            Some(_) if target.flaw().is_some() => Self::Nowhere,
            Some(endpoint) => Self::Endpoint(endpoint),
        }
    }

    fn named(name: &str) -> Self {
        match name {
            "start" => Self::Endpoint(Endpoint::Start),
            CALLBACK => Self::Endpoint(Endpoint::Callback),
            "sign_out" => Self::Endpoint(Endpoint::SignOut),
            BACKCHANNEL_LOGOUT => Self::Endpoint(Endpoint::BackchannelLogout),
            "frontchannel_logout" => Self::Endpoint(Endpoint::FrontchannelLogout),
            "jwks.json" => Self::Endpoint(Endpoint::Jwks),
            "userinfo" => Self::Endpoint(Endpoint::UserInfo),
            SESSIONS => Self::Endpoint(Endpoint::Sessions),
            _ => Self::Nowhere,
        }
    }
}

/// Whether this is the liveness probe, which is answered on every host.
#[must_use]
pub fn is_ping(target: &RequestTarget) -> bool {
    target.raw_path().strip_prefix(RESERVED_PREFIX) == Some("ping")
}

/// Whether the part below a prefix is an endpoint that needs the request's body: the callback does where some application
/// takes authorization responses as forms. No other request's body is buffered.
#[must_use]
pub fn needs_body(below: &str, takes_forms: impl FnOnce() -> bool) -> bool {
    match below.split('?').next() {
        Some(BACKCHANNEL_LOGOUT) => true,
        Some(CALLBACK) => takes_forms(),
        _ => false,
    }
}

/// Whether the part below a prefix is the path of the callback.
#[must_use]
pub fn is_callback(below: &str) -> bool {
    below == CALLBACK
}

/// Whether a path, as it is written, is that of the user's sessions: the only endpoint at which a sign-in may end.
#[must_use]
pub fn is_sessions(path: &str) -> bool {
    Prefixes::new(true).below(path) == Some(SESSIONS)
}

/// Whether a canonical path lies below a current or former prefix of the endpoints: whatever prefixes the operator set,
/// no sign-in ends there.
#[must_use]
pub fn is_reserved(path: &str) -> bool {
    Prefixes::new(true).reserve(path)
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.starts_with(prefix) || prefix.strip_suffix('/') == Some(path)
}

/// The endpoint that a query stands for: the parameter name is case-sensitive, the value is not; a callback takes
/// precedence.
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

/// Whether a query contains a signature at all, whatever its value.
#[must_use]
pub fn names_signature(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes()).any(|(key, _)| key == CALLBACK_SIGNATURE || key == SIGN_OUT_SIGNATURE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::application;

    fn destination(external: &str, raw: &str) -> Destination {
        destination_under(Prefixes::default(), external, raw)
    }

    fn destination_under(prefixes: Prefixes, external: &str, raw: &str) -> Destination {
        Destination::of(&application(external), &RequestTarget::parse(raw.into()).expect("is well formed"), prefixes)
    }

    #[test]
    fn n10_only_the_exact_spelling_of_an_endpoint_is_one() {
        use Destination::{Application, Endpoint as Ours, Nowhere};
        for (raw, expected) in [
            ("/outpost.goauthentik.io/start", Ours(Endpoint::Start)),
            ("/outpost.goauthentik.io/start?rd=/x", Ours(Endpoint::Start)),
            ("/outpost.goauthentik.io/callback?code=c", Ours(Endpoint::Callback)),
            ("/outpost.goauthentik.io/sign_out", Ours(Endpoint::SignOut)),
            ("/outpost.goauthentik.io/backchannel_logout", Ours(Endpoint::BackchannelLogout)),
            ("/outpost.goauthentik.io/backchannel_logout?x", Ours(Endpoint::BackchannelLogout)),
            ("/outpost.goauthentik.io/backchannel_logout/", Nowhere),
            ("/outpost.goauthentik.io/Backchannel_logout", Nowhere),
            ("/outpost.goauthentik.io/backchannel%5flogout", Nowhere),
            ("/outpost.goauthentik.io/frontchannel_logout?iss=i&sid=s", Ours(Endpoint::FrontchannelLogout)),
            ("/outpost.goauthentik.io/frontchannel_logout;x", Nowhere),
            ("/outpost.goauthentik.io/jwks.json", Ours(Endpoint::Jwks)),
            ("/outpost.goauthentik.io/userinfo?x", Ours(Endpoint::UserInfo)),
            ("/outpost.goauthentik.io/sessions", Ours(Endpoint::Sessions)),
            ("/outpost.goauthentik.io/sessions?end=x", Ours(Endpoint::Sessions)),
            ("/outpost.goauthentik.io/sessions/", Nowhere),
            ("/outpost.goauthentik.io/session%73", Nowhere),
            ("/outpost.goauthentik.io/jwks", Nowhere),
            ("/outpost.goauthentik.io/UserInfo", Nowhere),
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

    #[test]
    fn the_older_prefix_is_reserved_where_it_is_in_use_and_an_applications_elsewhere() {
        use Destination::{Application, Endpoint as Ours, Nowhere};
        for (raw, expected) in [
            ("/akprox/start?rd=/x", Ours(Endpoint::Start)),
            ("/akprox/callback?code=c", Ours(Endpoint::Callback)),
            ("/akprox/sign_out", Ours(Endpoint::SignOut)),
            ("/akprox/backchannel_logout", Ours(Endpoint::BackchannelLogout)),
            ("/akprox/frontchannel_logout", Ours(Endpoint::FrontchannelLogout)),
            ("/outpost.goauthentik.io/start", Ours(Endpoint::Start)),
            ("/akprox/auth/nginx", Nowhere),
            ("/akprox/%63allback", Nowhere),
            ("/akprox/outpost.goauthentik.io/start", Nowhere),
            ("//akprox/start", Nowhere),
            ("/akprox", Nowhere),
            ("/x/akprox/start", Application),
            ("/akproxy/start", Application),
        ] {
            let external = "https://app.example.com";
            assert_eq!(destination_under(Prefixes::new(true), external, raw), expected, "{raw}");
            if raw.starts_with("/akprox") {
                assert_eq!(destination(external, raw), Application, "{raw}");
            }
        }
        let below = destination_under(Prefixes::new(true), "https://app.example.com/wiki", "/wiki/akprox/sign_out");
        assert_eq!(below, Ours(Endpoint::SignOut));
    }

    #[test]
    fn a_target_is_parted_at_its_first_prefix() {
        let with_body = |below: &str| [false, true].map(|takes_forms| needs_body(below, || takes_forms));
        for (below, expected) in [
            ("backchannel_logout", [true, true]),
            ("callback?X-authentik-auth-callback=true", [false, true]),
            ("callback", [false, true]),
            ("callback/", [false, false]),
            ("sign_out", [false, false]),
            ("sessions", [false, false]),
            ("start", [false, false]),
        ] {
            assert_eq!(with_body(below), expected, "{below}");
        }
        for (legacy, raw, expected) in [
            (false, "/outpost.goauthentik.io/auth/nginx?x", Some(("", "auth/nginx?x"))),
            (false, "/wiki/outpost.goauthentik.io/start", Some(("/wiki", "start"))),
            (
                false,
                "/outpost.goauthentik.io/auth/envoy/outpost.goauthentik.io/x",
                Some(("", "auth/envoy/outpost.goauthentik.io/x")),
            ),
            (false, "/akprox/auth", None),
            (true, "/akprox/auth", Some(("", "auth"))),
            (true, "/akprox/auth/envoy/outpost.goauthentik.io/x", Some(("", "auth/envoy/outpost.goauthentik.io/x"))),
            (true, "/x", None),
        ] {
            assert_eq!(Prefixes::new(legacy).split(raw), expected, "{raw}");
        }
    }
}
