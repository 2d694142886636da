//! What a refresh that failed means for the session: that it is over, or nothing yet.

use crate::domain::oidc::jwt::TokenFault;
use crate::ports::ExchangeFault;

/// Refusals that speak of this user's grant (RFC 6749 section 5.2, `OpenID` Connect Core section 3.1.2.6): to sign in again is
/// the only mend. All others speak of the client, and are the operator's to mend.
const OF_THE_GRANT: [&str; 6] = [
    "invalid_grant",
    "access_denied",
    "login_required",
    "interaction_required",
    "consent_required",
    "account_selection_required",
];
/// Seconds before a provider that did not answer is asked again, and up to twice as many.
const PAUSE: u64 = 5;
/// The same for one that answers, but not usefully.
const LONG_PAUSE: u64 = 30;

/// What follows from a fault.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RefreshFailure {
    /// The provider ended it.
    Ended,
    /// What it says is not about this session's user, or not from the provider.
    Untrustworthy,
    /// The provider could not be asked: again after so many seconds.
    Later(u64),
}

impl RefreshFailure {
    pub(super) fn on(fault: &ExchangeFault) -> Self {
        match fault {
            ExchangeFault::Unavailable(_) => Self::Later(PAUSE),
            ExchangeFault::Refused(error) if OF_THE_GRANT.contains(&error.as_str()) => Self::Ended,
            // A signature that nobody can verify says nothing about the user: the provider may have changed its keys just
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
