//! Which issuer's rules and keys a bearer token is checked with. The unverified token only selects them: everything it says is
//! verified afterwards, its `iss` too.

use secrecy::{ExposeSecret as _, SecretString};

use super::{BearerCheck, BearerRules, ForeignIssuer};
use crate::domain::oidc::issuer::TrustedIssuer;
use crate::domain::oidc::jwt::{CompactToken, TokenFault};

/// The issuer with whose rules a token is checked.
#[derive(Clone, Copy, Debug)]
pub enum TokenIssuer<'a> {
    /// The application's own provider.
    Provider,
    /// Another one that the application accepts.
    Foreign(&'a ForeignIssuer),
}

impl BearerRules {
    /// The issuer that a token names, of those that the application accepts. A token of no such issuer causes no request; with
    /// introspection, only the provider can tell which tokens are its own.
    ///
    /// # Errors
    /// [`TokenFault::Issuer`] or [`TokenFault::Tenant`]; with `verify: jwt` also the fault of a token that cannot be read.
    pub fn issuer_of(&self, token: &SecretString, provider: TrustedIssuer<'_>) -> Result<TokenIssuer<'_>, TokenFault> {
        let is_introspected = matches!(self.verify, BearerCheck::Introspection(_));
        if is_introspected && self.issuers.is_empty() {
            return Ok(TokenIssuer::Provider);
        }
        let claims = match CompactToken::parse(token.expose_secret()) {
            Ok(token) => token.payload,
            Err(_) if is_introspected => return Ok(TokenIssuer::Provider),
            Err(fault) => return Err(fault),
        };
        if let Some(foreign) =
            self.issuers.iter().find(|foreign| claims.get("iss").is_some_and(|iss| *iss == foreign.issuer))
        {
            return Ok(TokenIssuer::Foreign(foreign));
        }
        if !is_introspected {
            provider.check(&claims)?;
        }
        Ok(TokenIssuer::Provider)
    }
}

#[cfg(test)]
mod tests;
