//! Signature algorithms.

/// Signature algorithms of ID Tokens (RFC 7518 section 3.1, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
#[expect(missing_docs, reason = "each name is the registered identifier")]
pub enum SigningAlgorithm {
    #[default]
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    ES512,
    EdDSA,
    HS256,
    HS384,
    HS512,
}

impl SigningAlgorithm {
    /// All algorithms, with their registered identifiers.
    pub const ALL: [(Self, &'static str); 13] = [
        (Self::RS256, "RS256"),
        (Self::RS384, "RS384"),
        (Self::RS512, "RS512"),
        (Self::PS256, "PS256"),
        (Self::PS384, "PS384"),
        (Self::PS512, "PS512"),
        (Self::ES256, "ES256"),
        (Self::ES384, "ES384"),
        (Self::ES512, "ES512"),
        (Self::EdDSA, "EdDSA"),
        (Self::HS256, "HS256"),
        (Self::HS384, "HS384"),
        (Self::HS512, "HS512"),
    ];

    /// The algorithm registered as `name`. `Ed25519` is the name that RFC 9864 registers for `EdDSA` over this curve, the only one
    /// that is supported.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let name = if name == "Ed25519" { "EdDSA" } else { name };
        Self::ALL.iter().find(|(_, text)| *text == name).map(|(algorithm, _)| *algorithm)
    }

    /// Whether a published key verifies signatures of this algorithm, not the client secret.
    #[must_use]
    pub const fn uses_public_key(self) -> bool {
        !matches!(self, Self::HS256 | Self::HS384 | Self::HS512)
    }

    /// The registered identifier.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(algorithm, _)| *algorithm == self).map_or("", |(_, text)| text)
    }
}
