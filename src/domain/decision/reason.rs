//! Why a request was decided as it was.

use crate::domain::policy::identity::Identity;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)+) => {
        /// Why a request was decided as it was; the closed list that logs, metrics and metadata use.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)+ }

        impl Reason {
            /// Every reason there is.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The reason as it stands in logs, metrics and metadata.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

reasons! {
    /// A live session.
    SignedIn => "signed_in",
    /// A credential of the request itself: a bearer token or an app password.
    CredentialAccepted => "credential_accepted",
    /// A rule of the operator makes the path public.
    UnauthenticatedPath => "unauthenticated_path",
    /// A CORS preflight, let through by setting.
    Preflight => "preflight",
    /// No session: the browser goes to the identity provider.
    SignInStarted => "sign_in_started",
    /// No session, and a client that cannot follow a redirect.
    SignInRequired => "sign_in_required",
    /// The credential that the request presents is not valid.
    CredentialRefused => "credential_refused",
    /// A known user whom no rule of the operator lets pass.
    Forbidden => "forbidden",
    /// Plain http to an https application.
    PlainHttp => "plain_http",
    /// Plain http, though the browser used https: a proxy in front hides it.
    SchemeHidden => "scheme_hidden",
    /// A sign-in was completed.
    SignInCompleted => "sign_in_completed",
    /// A stale or repeated callback of somebody who is signed in by now.
    AlreadySignedIn => "already_signed_in",
    /// A callback that could not be used; the sign-in starts once more.
    SignInRestarted => "sign_in_restarted",
    /// A callback that could not be used.
    SignInFailed => "sign_in_failed",
    /// A sign-in that was completed a moment ago is asked for again: a redirect loop.
    SignInLoop => "sign_in_loop",
    /// The provider refused the user or the request.
    ProviderRefused => "provider_refused",
    /// The provider's tokens did not pass the checks.
    ProviderUntrustworthy => "provider_untrustworthy",
    /// What the provider says about the user does not fit into a request.
    IdentityTooLarge => "identity_too_large",
    /// The provider does not answer.
    ProviderUnavailable => "provider_unavailable",
    /// The session store does not answer.
    StoreUnavailable => "store_unavailable",
    /// The system's randomness source failed.
    EntropyUnavailable => "entropy_unavailable",
    /// A sign-out was completed.
    SignedOut => "signed_out",
    /// The provider ended sessions, or there were none to end.
    LogoutByProvider => "logout_by_provider",
    /// A logout of the provider's that could not be believed, or not be carried out.
    LogoutRefused => "logout_refused",
    /// A sign-out that could be carried out here only: the store does not answer.
    SignedOutHere => "signed_out_here",
    /// A sign-out that somebody else may have caused: a page asks first.
    SignOutUnconfirmed => "sign_out_unconfirmed",
    /// A front proxy's question that came from an address which the operator does not name as one.
    UntrustedPeer => "untrusted_peer",
    /// A front proxy's question about one of our own endpoints, which only the browser's own visit can answer.
    OwnEndpoint => "own_endpoint",
    /// A front proxy's question about an application in mode `proxy`, whose backend only Envoy can be told.
    ModeProxy => "mode_proxy",
    /// A liveness probe of the outpost's own path.
    Ping => "ping",
    /// Below the reserved prefix, but no endpoint of ours.
    UnknownEndpoint => "unknown_endpoint",
    /// The method does not fit the endpoint.
    MethodNotAllowed => "method_not_allowed",
    /// No application owns the host.
    UnknownHost => "unknown_host",
    /// The route names an application that does not exist or does not own the host.
    UnknownApplication => "unknown_application",
    /// The request lacks something or cannot be made canonical.
    Malformed => "malformed",
    /// Path and query are longer than the operator's limit.
    AddressTooLong => "address_too_long",
    /// More header lines than the operator's limit.
    TooManyHeaders => "too_many_headers",
    /// More cookies than any browser sends.
    TooManyCookies => "too_many_cookies",
    /// The caller's deadline, or our own, passed first.
    Overdue => "overdue",
    /// Something of ours went wrong.
    Internal => "internal",
}

/// Why a request of this user is let through.
impl From<&Identity> for Reason {
    fn from(identity: &Identity) -> Self {
        match identity {
            Identity::Session(_) => Self::SignedIn,
            Identity::Credential(_) => Self::CredentialAccepted,
        }
    }
}
