//! What a failed refresh means for the session: its end, or a later retry.

use std::time::Duration;

use crate::domain::oidc::jwt::TokenFault;
use crate::ports::ExchangeFault;

/// Error codes that concern this user's grant (RFC 6749 section 5.2, `OpenID` Connect Core section 3.1.2.6): only
/// another sign-in helps. All other codes concern the client and are for the operator to resolve.
const OF_THE_GRANT: [&str; 8] = [
    "invalid_grant",
    // In its place for a refresh token that is unknown: LemonLDAP::NG 2.16 and older versions of other products. All refreshes
    // have the same form, so nothing but the token makes one of them invalid.
    "invalid_request",
    // In its place: Cloud Foundry UAA.
    "invalid_token",
    "access_denied",
    "login_required",
    "interaction_required",
    "consent_required",
    "account_selection_required",
];
/// The time before a provider that did not answer is called again; a random factor of up to two applies.
const PAUSE: Duration = Duration::from_secs(5);
/// The same for a provider that answers, but not usefully.
const LONG_PAUSE: Duration = Duration::from_secs(30);

/// The consequence of a fault.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RefreshFailure {
    /// The provider ended the grant.
    Ended,
    /// The answer is not about this session's user, or is not from the provider.
    Untrustworthy,
    /// No usable answer about the grant: retry after this time.
    Later(Duration),
}

impl RefreshFailure {
    pub(super) fn on(fault: &ExchangeFault) -> Self {
        match fault {
            ExchangeFault::Unavailable(_) => Self::Later(PAUSE),
            ExchangeFault::Refused(error) if OF_THE_GRANT.contains(&error.as_str()) => Self::Ended,
            // A signature that cannot be verified proves nothing about the user: the provider may have changed its keys
            // when they could not be fetched.
            ExchangeFault::Refused(_)
            | ExchangeFault::Malformed(_)
            | ExchangeFault::Untrustworthy(TokenFault::Signature(_)) => Self::Later(LONG_PAUSE),
            ExchangeFault::Untrustworthy(_) => Self::Untrustworthy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::ProviderUnavailable;

    #[test]
    fn bcp_6_only_words_about_the_grant_end_a_session() {
        let refused = |error: &str| ExchangeFault::Refused(error.to_owned());
        for (fault, verdict) in [
            (refused("invalid_grant"), RefreshFailure::Ended),
            (refused("invalid_request"), RefreshFailure::Ended),
            (refused("invalid_token"), RefreshFailure::Ended),
            (refused("interaction_required"), RefreshFailure::Ended),
            (refused("invalid_client"), RefreshFailure::Later(LONG_PAUSE)),
            (refused("unauthorized_client"), RefreshFailure::Later(LONG_PAUSE)),
            (refused("unsupported_grant_type"), RefreshFailure::Later(LONG_PAUSE)),
            (refused("INVALID_GRANT"), RefreshFailure::Later(LONG_PAUSE)),
            (refused(""), RefreshFailure::Later(LONG_PAUSE)),
            (ExchangeFault::Malformed(String::new()), RefreshFailure::Later(LONG_PAUSE)),
            (ExchangeFault::Untrustworthy(TokenFault::SIGNATURE), RefreshFailure::Later(LONG_PAUSE)),
            (ExchangeFault::Untrustworthy(TokenFault::OtherUser), RefreshFailure::Untrustworthy),
            (ProviderUnavailable { issuer: String::new(), cause: String::new() }.into(), RefreshFailure::Later(PAUSE)),
        ] {
            assert_eq!(RefreshFailure::on(&fault), verdict, "{fault}");
        }
    }
}
