//! The reasons of decisions.

use crate::domain::policy::identity::Identity;

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $name:ident => $text:literal,)+) => {
        /// The reason for a decision; the closed list that logs, metrics and metadata use.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[doc = $doc])* $name,)+ }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The reason as it is written in logs, metrics and metadata.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The comment above, for the list in `docs/metrics.md`.
            #[cfg(test)]
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*).trim_ascii(),)+ }
            }
        }
    };
}

reasons! {
    /// The request has a live session.
    SignedIn => "signed_in",
    /// The request presents a valid credential: a bearer token or an app password.
    CredentialAccepted => "credential_accepted",
    /// A rule of the operator makes the path public.
    PublicPath => "public_path",
    /// A rule of the operator lets clients of this network pass without a sign-in.
    PublicNetwork => "public_network",
    /// A CORS preflight is allowed by setting.
    Preflight => "preflight",
    /// No session: the browser is redirected to the identity provider.
    SignInStarted => "sign_in_started",
    /// No session, and the client cannot follow a redirect.
    SignInRequired => "sign_in_required",
    /// An access rule asks for another sign-in (`acr`, `max_age`), or the user wants to end sessions: the browser is redirected to
    /// the identity provider.
    StepUpStarted => "step_up_started",
    /// An access rule asks for another sign-in, and the client cannot follow a redirect, or has followed one in vain.
    StepUpRequired => "step_up_required",
    /// The credential that the request presents is not valid.
    CredentialRefused => "credential_refused",
    /// No rule of the operator allows this known user.
    Forbidden => "forbidden",
    /// Plain http to an https application.
    PlainHttp => "plain_http",
    /// Plain http, although the browser used https: a proxy in front hides it.
    SchemeHidden => "scheme_hidden",
    /// A sign-in was completed.
    SignInCompleted => "sign_in_completed",
    /// A stale or repeated callback of a user who is signed in by now.
    AlreadySignedIn => "already_signed_in",
    /// A callback could not be used; the sign-in starts again.
    SignInRestarted => "sign_in_restarted",
    /// A callback could not be used.
    SignInFailed => "sign_in_failed",
    /// A sign-in that was completed a moment ago is requested again: a redirect loop.
    SignInLoop => "sign_in_loop",
    /// The client's address has started more sign-ins than the operator allows in a minute.
    TooManySignIns => "too_many_sign_ins",
    /// The session ended because its user signed in elsewhere and has more sessions than the operator allows.
    SessionOverLimit => "session_over_limit",
    /// The provider refused the user or the request.
    ProviderRefused => "provider_refused",
    /// The provider's tokens did not pass the checks.
    ProviderUntrustworthy => "provider_untrustworthy",
    /// The identity headers of the user do not fit into a request.
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
    /// A logout by the provider was not accepted, or could not be carried out.
    LogoutRefused => "logout_refused",
    /// A sign-out took effect in this process only: the store does not answer.
    SignedOutHere => "signed_out_here",
    /// A sign-out that another site may have caused: a page asks the user to confirm.
    SignOutUnconfirmed => "sign_out_unconfirmed",
    /// A check came from an address that the operator does not list as a front proxy.
    UntrustedPeer => "untrusted_peer",
    /// A check was for one of Gatepost's own endpoints, which only a direct request of the browser can use.
    OwnEndpoint => "own_endpoint",
    /// A check was for an application in mode `proxy`, whose backend only Envoy can be given.
    ModeProxy => "mode_proxy",
    /// The public keys of assertions are published.
    KeysPublished => "keys_published",
    /// The metadata about the application as a protected resource is published.
    ResourceMetadata => "resource_metadata",
    /// A script of the application asks who is signed in.
    UserInfo => "user_info",
    /// The page of the user's sessions is shown.
    SessionsShown => "sessions_shown",
    /// The user ended sessions of theirs.
    SessionsEnded => "sessions_ended",
    /// A request to end sessions of a user came from elsewhere than the page of this user's session, or they had ended.
    SessionEndRefused => "session_end_refused",
    /// A request of another site for the user's data.
    CrossOrigin => "cross_origin",
    /// A liveness probe at the outpost's own path.
    Ping => "ping",
    /// Below the reserved prefix, but not an endpoint.
    UnknownEndpoint => "unknown_endpoint",
    /// The endpoint does not support the method.
    MethodNotAllowed => "method_not_allowed",
    /// No application owns the host.
    UnknownHost => "unknown_host",
    /// The route, or the subrequest, names another application than the one that owns the address.
    UnknownApplication => "unknown_application",
    /// The request lacks a required part or cannot be made canonical.
    Malformed => "malformed",
    /// Path and query exceed the operator's limit.
    AddressTooLong => "address_too_long",
    /// The number of header lines exceeds the operator's limit.
    TooManyHeaders => "too_many_headers",
    /// More cookies than any browser sends.
    TooManyCookies => "too_many_cookies",
    /// The caller's deadline, or Gatepost's own, passed before the decision.
    Overdue => "overdue",
    /// An internal error.
    Internal => "internal",
}

/// The reason for which a request of this identity is allowed.
impl From<&Identity> for Reason {
    fn from(identity: &Identity) -> Self {
        match identity {
            Identity::Session(_) => Self::SignedIn,
            Identity::Credential(_) => Self::CredentialAccepted,
        }
    }
}
