//! The user and the provider session, as tokens identify them.

/// A user: a subject at an issuer (`OpenID` Connect Core section 5.7).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct User {
    /// Issuer identifier.
    pub issuer: String,
    /// Subject identifier at that issuer.
    pub subject: String,
}

/// A session of a user at the provider itself (`sid`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProviderSession {
    /// Issuer identifier.
    pub issuer: String,
    /// Session identifier at that issuer.
    pub id: String,
}
