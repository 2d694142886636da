//! The user, and the provider's own session, as tokens name them.

/// A user: subject at an issuer (`OpenID` Connect Core section 5.7).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct User {
    /// Issuer identifier.
    pub issuer: String,
    /// Subject identifier at that issuer.
    pub subject: String,
}

/// A session that the provider itself keeps for a user (`sid`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProviderSession {
    /// Issuer identifier.
    pub issuer: String,
    /// Session identifier at that issuer.
    pub id: String,
}
