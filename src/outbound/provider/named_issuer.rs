//! The issuers that an application names: its provider, and the foreign ones whose tokens it accepts.

use crate::domain::application::Application;
use crate::domain::oidc::credentials::ForeignIssuer;
use crate::domain::oidc::relying_party::RelyingParty;

/// An issuer that an application names.
#[derive(Clone, Copy, Debug)]
pub enum NamedIssuer<'a> {
    /// The provider of a relying party.
    Provider(&'a RelyingParty),
    /// Another issuer, of whom only the keys are needed.
    Foreign(&'a ForeignIssuer),
}

impl<'a> NamedIssuer<'a> {
    /// All issuers of an application.
    pub fn of(application: &'a Application) -> impl Iterator<Item = Self> {
        std::iter::once(Self::Provider(&application.relying_party))
            .chain(application.foreign_issuers().map(Self::Foreign))
    }
}

impl<'a> From<&'a RelyingParty> for NamedIssuer<'a> {
    fn from(relying_party: &'a RelyingParty) -> Self {
        Self::Provider(relying_party)
    }
}
