//! The closed lists of words that audit events use.

use serde::Serialize;

/// A list of words; each is written in `snake_case`.
macro_rules! words {
    ($(#[doc = $doc:literal] enum $name:ident { $($(#[doc = $word_doc:literal])+ $word:ident,)+ })+) => {
        $(
            #[doc = $doc]
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
            #[cfg_attr(test, derive(schemars::JsonSchema))]
            #[serde(rename_all = "snake_case")]
            pub enum $name { $($(#[doc = $word_doc])+ $word,)+ }
        )+
    };
}

words! {
    /// Why a sign-in failed.
    enum SignInFailure {
        /// The provider refused the user or the request.
        ProviderRefused,
        /// The provider's answer or its claims did not pass the checks.
        ProviderUntrustworthy,
        /// The identity headers of the user do not fit into a request.
        IdentityTooLarge,
        /// The session would have ended at once.
        SessionTooShort,
        /// The callback could not be used, and the sign-in was not begun again.
        CallbackUnusable,
    }
    /// Why a request was denied.
    enum Denial {
        /// No access rule allows the user.
        Forbidden,
        /// An access rule asks for another sign-in, and the client was not sent to the provider.
        StepUpRequired,
        /// The presented credential is not valid.
        CredentialRefused,
        /// The identity headers of the user do not fit into a request.
        IdentityTooLarge,
    }
    /// What ended a session.
    enum SessionEndCause {
        /// The user signed out.
        SignOut,
        /// The user ended it on the page of their sessions.
        SessionsPage,
        /// The same browser signed in anew.
        NewSignIn,
        /// The user signed in elsewhere and has more sessions than `session.max_per_user`.
        SessionLimit,
        /// The provider called: OpenID Connect Back-Channel Logout.
        BackchannelLogout,
        /// A frame of the provider's page: OpenID Connect Front-Channel Logout.
        FrontchannelLogout,
        /// authentik reported over its WebSocket that the user's session there ended.
        Authentik,
        /// The provider refused the refresh token.
        RefreshRefused,
        /// The provider's answer to a refresh did not pass the checks.
        RefreshUntrustworthy,
        /// After a refresh, the identity headers of the user do not fit into a request any more.
        IdentityTooLarge,
        /// An operator ended it.
        Administration,
    }
    /// Where a change of the configuration comes from.
    enum ConfigurationSource {
        /// The configuration file, and the files that it names.
        File,
        /// authentik's list of applications.
        Authentik,
    }
    /// Whether a change of the configuration is in service.
    enum ChangeOutcome {
        /// It is in service.
        Accepted,
        /// It cannot be used; the earlier configuration stays in service.
        Refused,
    }
    /// What an operator asked the admin API for.
    enum AdminAction {
        /// A connection, which was refused before any call.
        Connect,
        /// A list of sessions.
        ListSessions,
        /// The end of one session.
        EndSession,
        /// The end of all sessions of a user.
        EndSessionsOfUser,
    }
    /// The result of a call of the admin API.
    enum AdminOutcome {
        /// It was carried out.
        Done,
        /// No session or user matches; nothing ended.
        NotFound,
        /// Several users match; nothing ended.
        Ambiguous,
        /// The call is not valid, or too many run; or the connection has no acceptable client certificate.
        Refused,
        /// The session store did not answer. Sessions that are named by their reference or by the user's subject ended in this
        /// process.
        Failed,
    }
    /// Why audit events were lost.
    enum LossCause {
        /// The file or socket could not be written, or not fast enough, and the queue was full.
        QueueFull,
    }
}
