//! What an operator adds to the authorization requests of an application (`OpenID` Connect Core section 3.1.2.1, RFC 6749
//! section 4.1.1), and in which way the provider answers them.

use std::borrow::Cow;
use std::fmt;

use thiserror::Error;
use url::form_urlencoded;

use crate::domain::http::fold;

/// The longest name of a parameter, in bytes.
const LONGEST_NAME: usize = 64;
/// The longest value of a parameter, in bytes; an identity hint of Entra or a JWT as `login_hint` is shorter.
const LONGEST_VALUE: usize = 1024;

/// Parameters that Gatepost sends itself, or whose meaning would take the place of what it sends: a request object
/// (RFC 9101) replaces all of them, `dpop_jkt` (RFC 9449) binds the code to a key that Gatepost does not have.
const RESERVED: [&str; 21] = [
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "claims",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "dpop_jkt",
    "grant_type",
    "id_token_hint",
    "nonce",
    "redirect_uri",
    "registration",
    "request",
    "request_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
];

/// How an application's authorization requests differ from those that are usual.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthorizationSettings {
    /// Parameters of every authorization request.
    pub parameters: Vec<Parameter>,
    /// The names of the parameters that `start` passes on from its own query.
    pub forwarded: Vec<ParameterName>,
    /// How the provider returns the authorization response.
    pub response_mode: ResponseMode,
}

/// How the provider returns the authorization response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query of a redirect (OAuth 2.0 Multiple Response Type Encoding Practices section 2.1).
    #[default]
    Query,
    /// In the body of a form post (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

/// A parameter that is added to an authorization request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, which is none of those that Gatepost sends itself.
    pub name: ParameterName,
    /// Its value.
    pub value: ParameterValue,
}

/// The name of a parameter that may be added: never one that Gatepost sends itself, in any spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterName(Cow<'static, str>);

/// Why a text is not the name of such a parameter.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ParameterNameFault {
    /// RFC 6749 section 8.2.
    #[error("the name of a parameter has 1 to 64 letters, digits, `-`, `.` and `_`")]
    NotAName,
    /// Gatepost sends it, or it would replace what Gatepost sends.
    #[error("Gatepost decides about this parameter itself")]
    Reserved,
}

impl ParameterName {
    /// The authentication context classes that are wanted.
    pub const ACR_VALUES: Self = Self(Cow::Borrowed("acr_values"));
    /// How long ago the user may have signed in at the provider, in seconds.
    pub const MAX_AGE: Self = Self(Cow::Borrowed("max_age"));

    /// Parses a name.
    ///
    /// # Errors
    /// See [`ParameterNameFault`].
    pub fn parse(text: &str) -> Result<Self, ParameterNameFault> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if text.is_empty() || text.len() > LONGEST_NAME || !text.bytes().all(is_name) {
            return Err(ParameterNameFault::NotAName);
        }
        // Some servers read `redirect.uri` as `redirect_uri`, and names without regard to case.
        let is_read_as = |reserved: &&str| text.bytes().map(fold).eq(reserved.bytes().map(fold));
        if RESERVED.iter().any(is_read_as) {
            return Err(ParameterNameFault::Reserved);
        }
        Ok(Self(Cow::Owned(text.to_owned())))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ParameterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The value of such a parameter: not empty, of limited length, without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterValue(String);

/// Why a text is not the value of a parameter.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the value of a parameter has 1 to 1024 bytes and no control characters")]
pub struct ParameterValueFault;

impl ParameterValue {
    /// Parses a value.
    ///
    /// # Errors
    /// [`ParameterValueFault`].
    pub fn parse(text: &str) -> Result<Self, ParameterValueFault> {
        let fits = (1..=LONGEST_VALUE).contains(&text.len());
        if fits && !text.chars().any(char::is_control) { Ok(Self(text.to_owned())) } else { Err(ParameterValueFault) }
    }

    /// A value that was checked when the configuration was read.
    pub(in crate::domain) const fn trusted(text: String) -> Self {
        Self(text)
    }

    /// The value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AuthorizationSettings {
    /// The parameters in the query of `start` that the application allows to pass on. One that occurs twice is left out, as
    /// none of its values can be preferred, and so is one whose value is empty or too long.
    #[must_use]
    pub fn forwarded_from(&self, query: &str) -> Vec<Parameter> {
        let only = |name: &ParameterName| {
            let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(other, _)| other == name.as_str());
            let first = values.next()?.1;
            let value = ParameterValue::parse(&first).ok().filter(|_| values.next().is_none())?;
            Some(Parameter { name: name.clone(), value })
        };
        self.forwarded.iter().filter_map(only).collect()
    }
}

#[cfg(test)]
mod tests;
