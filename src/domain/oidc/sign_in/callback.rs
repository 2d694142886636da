//! The authorization response with which the provider redirects the browser back (RFC 6749 section 4.1.2, RFC 9207).

use thiserror::Error;
use url::form_urlencoded;

use crate::domain::oidc::issuer::TrustedIssuer;
use crate::domain::oidc::operands::{Operands, Quoted};

use super::{AuthorizationCode, MatchedAttempt, MatchedCode, ProviderMetadata};

/// The longest `code` or `state` that is accepted, in bytes.
const MAX_VALUE_BYTES: usize = 4096;

/// A well-formed callback.
#[derive(Debug)]
pub struct Callback {
    state: String,
    issuer: Option<String>,
    outcome: Outcome,
}

/// The result of the authorization.
#[derive(Debug)]
pub enum Outcome {
    /// The user signed in.
    Code(AuthorizationCode),
    /// The provider returned an error.
    Error(ProviderError),
}

/// The provider's error response (RFC 6749 section 4.1.2.1). Untrusted text: escape it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderError {
    /// The error code, cut to 64 characters.
    pub error: String,
    /// The description, cut to 256 characters.
    pub description: Option<String>,
}

/// Why parameters are not those of a callback.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum CallbackFault {
    /// A parameter occurs twice, of which neither can be preferred.
    #[error("the parameter `{0}` occurs twice")]
    Doubled(&'static str),
    /// No `state`, or an empty or overlong one.
    #[error("the parameter `state` is missing, empty or too long")]
    NoState,
    /// Neither or both of `code` and `error`, or an empty or overlong one.
    #[error("exactly one of `code` and `error` must be present")]
    NoOutcome,
}

/// Why the callback of a matched attempt contains no usable code.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ResponseFault {
    /// `iss` names another provider, or is missing although the metadata announce it.
    #[error("the response does not come from the expected provider{0}")]
    OtherIssuer(Operands),
    /// The provider answered with an error.
    #[error("the provider answered with an error")]
    Provider(ProviderError),
}

impl ResponseFault {
    /// [`ResponseFault::OtherIssuer`] without the two issuers.
    pub const OTHER_ISSUER: Self = Self::OtherIssuer(Operands::NONE);
}

impl Callback {
    /// Parses the query of a callback, or the fields of its form; unknown parameters have no effect.
    ///
    /// # Errors
    /// See [`CallbackFault`].
    pub fn parse(parameters: impl AsRef<[u8]>) -> Result<Self, CallbackFault> {
        let parameters = parameters.as_ref();
        let state = single(parameters, "state")?.filter(|text| usable(text)).ok_or(CallbackFault::NoState)?;
        let issuer = single(parameters, "iss")?;
        let description = single(parameters, "error_description")?;
        let outcome = match (single(parameters, "code")?, single(parameters, "error")?) {
            (Some(code), None) if usable(&code) => Outcome::Code(AuthorizationCode::new(code)),
            (None, Some(error)) if usable(&error) => Outcome::Error(ProviderError {
                error: error.chars().take(64).collect(),
                description: description.map(|text| text.chars().take(256).collect()),
            }),
            _ => return Err(CallbackFault::NoOutcome),
        };
        Ok(Self { state, issuer, outcome })
    }

    /// The sealed attempt.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.state
    }

    /// Turns the callback of a matched attempt into a code that may be exchanged. The issuer is compared before any
    /// other parameter is trusted, errors included (RFC 9207 section 2.4).
    ///
    /// # Errors
    /// See [`ResponseFault`].
    pub fn into_code(
        self,
        attempt: &MatchedAttempt<'_>,
        metadata: &ProviderMetadata,
        trusted: TrustedIssuer<'_>,
    ) -> Result<MatchedCode, ResponseFault> {
        let same_issuer = match &self.issuer {
            Some(issuer) => trusted.includes(issuer),
            None => !metadata.authorization_response_iss_parameter_supported,
        };
        if !same_issuer {
            let named =
                self.issuer.as_deref().map_or_else(|| "missing".to_owned(), |issuer| Quoted(issuer).to_string());
            let words = format_args!("`iss` is {named}, the configured issuer {:?}", metadata.issuer);
            return Err(ResponseFault::OtherIssuer(Operands::new(words)));
        }
        match self.outcome {
            Outcome::Error(error) => Err(ResponseFault::Provider(error)),
            Outcome::Code(code) => {
                let (verifier, nonce) = attempt.secrets();
                Ok(MatchedCode { code, verifier, nonce })
            }
        }
    }
}

fn usable(value: &str) -> bool {
    !value.is_empty() && value.len() <= MAX_VALUE_BYTES
}

fn single(parameters: &[u8], name: &'static str) -> Result<Option<String>, CallbackFault> {
    let mut values = form_urlencoded::parse(parameters).filter(|(key, _)| key == name);
    let first = values.next().map(|(_, value)| value.into_owned());
    if values.next().is_some() { Err(CallbackFault::Doubled(name)) } else { Ok(first) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(query: &str) -> Option<CallbackFault> {
        Callback::parse(query).err()
    }

    #[test]
    fn oc_17_pollution_is_refused() {
        use CallbackFault::{Doubled, NoOutcome, NoState};
        let long = format!("state=s&code={}", "c".repeat(64 * 1024));
        for (query, expected) in [
            ("", NoState),
            ("code=c", NoState),
            ("state=&code=c", NoState),
            ("state=s", NoOutcome),
            ("state=s&code=", NoOutcome),
            ("state=s&error=", NoOutcome),
            ("state=s&code=c&error=e", NoOutcome),
            (long.as_str(), NoOutcome),
            ("state=s&state=s&code=c", Doubled("state")),
            ("state=s&code=c&code=c", Doubled("code")),
            ("state=s&code=c&%63ode=c", Doubled("code")),
            ("state=s&code=c&iss=a&iss=a", Doubled("iss")),
            ("state=s&error=e&error=e", Doubled("error")),
            ("state=s&error=e&error_description=a&error_description=b", Doubled("error_description")),
        ] {
            assert_eq!(fault(query), Some(expected), "{query:.60}");
        }
        assert_eq!(fault("state=s&code=c&session_state=x&session_state=y&X-authentik-auth-callback=true"), None);
    }

    #[test]
    fn oc_17_provider_text_is_cut() {
        let query = format!("state=s&error={}&error_description={}", "e".repeat(100), "d".repeat(1000));
        let callback = Callback::parse(&query).expect("is well formed");
        let Outcome::Error(error) = callback.outcome else { panic!("is an error") };
        assert_eq!((error.error.len(), error.description.map(|d| d.len())), (64, Some(256)));
    }
}
