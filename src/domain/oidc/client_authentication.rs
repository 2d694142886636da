//! How a client authenticates to its provider (`OpenID` Connect Core section 9, RFC 7523, RFC 8705). Only what is sent is decided
//! here; keys and files are used where requests are sent.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::algorithm::SigningAlgorithm;
use crate::domain::time::Timestamp;

/// `client_assertion_type` (RFC 7523 section 2.2).
pub const CLIENT_ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How long a signed assertion is valid: as long as a request and two clocks that differ need.
const ASSERTION_LIFETIME: Duration = Duration::from_secs(60);

/// Client authentication at the token, introspection and revocation endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum ClientAuthentication {
    /// HTTP Basic.
    #[default]
    ClientSecretBasic,
    /// Form parameters.
    ClientSecretPost,
    /// A public client: it sends its client id only.
    None,
    /// A JWT instead of a secret.
    PrivateKeyJwt(ClientAssertion),
    /// The certificate of the TLS connection (RFC 8705 section 2.1).
    TlsClientAuth(ClientCertificate),
}

impl ClientAuthentication {
    /// Whether the client sends its secret.
    #[must_use]
    pub const fn sends_secret(&self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost)
    }

    /// The certificate of the client's connections.
    #[must_use]
    pub const fn certificate(&self) -> Option<&ClientCertificate> {
        if let Self::TlsClientAuth(certificate) = self { Some(certificate) } else { None }
    }
}

/// Where a client assertion comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientAssertion {
    /// It is signed for each request.
    Signed(AssertionKey),
    /// A platform keeps it in this file, and replaces it: it is read for each request.
    File(PathBuf),
}

/// The key that signs client assertions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssertionKey {
    /// The private key.
    pub private_key: SecretPem,
    /// The algorithm, which fits the key.
    pub algorithm: SigningAlgorithm,
    /// `kid`.
    pub key_id: Option<String>,
    /// What `aud` names.
    pub audience: AssertionAudience,
}

/// The audience of a client assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AssertionAudience {
    /// The issuer identifier.
    #[default]
    Issuer,
    /// The address of the token endpoint.
    TokenEndpoint,
}

/// The certificate chain and the private key of a client, as PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The chain, the client's own certificate first.
    pub chain: Vec<u8>,
    /// The private key.
    pub private_key: SecretPem,
}

/// A private key as PEM, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretPem(Zeroizing<Vec<u8>>);

impl SecretPem {
    /// The key in this PEM.
    #[must_use]
    pub fn new(pem: &[u8]) -> Self {
        Self(Zeroizing::new(pem.to_vec()))
    }

    /// The PEM.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretPem(…)")
    }
}

impl AssertionKey {
    /// The header of an assertion.
    #[must_use]
    pub fn header(&self) -> Value {
        let mut header = json!({ "alg": self.algorithm.as_str(), "typ": "JWT" });
        if let (Some(key_id), Some(members)) = (&self.key_id, header.as_object_mut()) {
            members.insert("kid".to_owned(), key_id.as_str().into());
        }
        header
    }
}

/// The claims of an assertion of the client itself (RFC 7523 section 3). `jti` must be unpredictable: a provider accepts it once.
#[must_use]
pub fn assertion_claims(client_id: &str, audience: &str, jti: &str, now: Timestamp) -> Value {
    json!({
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "jti": jti,
        "iat": now.as_unix(),
        "exp": now.plus(ASSERTION_LIFETIME).as_unix(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assertion_names_client_audience_and_a_minute() {
        let claims = assertion_claims("wiki", "https://sso.example.com/", "x", Timestamp::from_unix(1000));
        assert_eq!(
            claims,
            json!({
                "iss": "wiki", "sub": "wiki", "aud": "https://sso.example.com/", "jti": "x", "iat": 1000, "exp": 1060,
            })
        );
    }

    #[test]
    fn a_private_key_is_never_shown() {
        let certificate = ClientCertificate { chain: Vec::new(), private_key: SecretPem::new(b"hush") };
        let shown = format!("{:?}", ClientAuthentication::TlsClientAuth(certificate));
        assert!(!shown.contains("hush") && !shown.contains("104"), "{shown}");
    }
}
