//! Maps faults of the provider's answers to faults of a credential: 401 only when the credential is at fault.

use crate::domain::oidc::credentials::Refusal;
use crate::outbound::provider::issuer::Issuer;
use crate::ports::{CredentialFault, ExchangeFault};

/// An answer that violates the protocol says nothing about the credential.
pub(super) fn of_exchange(fault: ExchangeFault, issuer: &Issuer) -> CredentialFault {
    match fault {
        ExchangeFault::Unavailable(fault) => fault.into(),
        ExchangeFault::Refused(code) if code == "invalid_grant" => Refusal::Password.into(),
        // The client is unknown, or may not do this: the operator has to correct that.
        fault @ (ExchangeFault::Refused(_) | ExchangeFault::Malformed(_)) => issuer.unavailable(&fault).into(),
        ExchangeFault::Untrustworthy(fault) => Refusal::Token(fault).into(),
    }
}
