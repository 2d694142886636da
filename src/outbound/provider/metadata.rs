//! What an issuer publishes about itself: the checks that every kind of metadata has to pass (OpenID Connect Discovery 1.0
//! section 4.3).

use serde_json::Value;
use thiserror::Error;
use url::Url;

use super::addresses::Addresses;
use super::http::{names_neighbourhood, names_this_machine};
use crate::domain::oidc::algorithm::SigningAlgorithm;
use crate::domain::oidc::operands::{Operands, Shown};
use crate::domain::oidc::relying_party::RelyingParty;

/// Metadata, as far as the fetch of an issuer's keys needs it.
pub(super) trait Metadata: Sized + Send + Sync + 'static {
    /// What the operator gives in place of metadata; `None`: it is fetched.
    fn given(issuer: &str, addresses: &Addresses) -> Option<Self>;

    /// Checks the metadata that `issuer` published.
    fn parse(issuer: &str, body: &[u8], expected: &[ExpectedAlgorithm]) -> Result<Self, MetadataFault>;

    /// Where the keys are.
    fn jwks_uri(&self) -> &Url;

    /// Diagnostics for the operator; the metadata is usable nevertheless.
    fn warnings(&self) -> &[String];
}

/// Why metadata was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum MetadataFault {
    #[error("the metadata is not a JSON object without repeated members")]
    NotAnObject,
    #[error("the metadata names another issuer than the configured one{0}")]
    OtherIssuer(Operands),
    #[error("`{0}` is missing from the metadata or not of the right type")]
    Member(&'static str),
    #[error("`{0}` in the metadata is not an https URL without user name and fragment")]
    Address(&'static str),
}

/// The algorithm with which a relying party expects ID Tokens to be signed.
#[derive(PartialEq, Eq)]
pub(super) struct ExpectedAlgorithm {
    pub(super) client_id: String,
    pub(super) algorithm: SigningAlgorithm,
}

impl From<&RelyingParty> for ExpectedAlgorithm {
    fn from(relying_party: &RelyingParty) -> Self {
        let RelyingParty { client_id, id_token_signed_response_alg, .. } = relying_party;
        Self { client_id: client_id.clone(), algorithm: *id_token_signed_response_alg }
    }
}

/// The configured issuer, if metadata names the same, byte for byte (OpenID Connect Discovery section 4.3).
pub(super) fn issuer_url(configured: &str, named: Option<&Value>) -> Result<Url, MetadataFault> {
    if named.and_then(Value::as_str) != Some(configured) {
        let words = format_args!("it is {}, the configured one {configured:?}", Shown(named));
        return Err(MetadataFault::OtherIssuer(Operands::new(words)));
    }
    Url::parse(configured).map_err(|_| MetadataFault::Address("issuer"))
}

/// The address in a member of the metadata of `issuer`.
pub(super) fn endpoint(value: &Value, name: &'static str, issuer: &Url) -> Result<Url, MetadataFault> {
    let text = value.as_str().ok_or(MetadataFault::Member(name))?;
    let url = Url::parse(text).map_err(|_| MetadataFault::Address(name))?;
    let clean = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    // Plain http never leaves this machine, and only an issuer on this machine may direct requests there.
    let safe = match url.scheme() {
        "https" => !names_neighbourhood(&url) || names_neighbourhood(issuer) || url.host() == issuer.host(),
        "http" => issuer.scheme() == "http" && names_this_machine(issuer) && names_this_machine(&url),
        _ => false,
    };
    if clean && safe { Ok(url) } else { Err(MetadataFault::Address(name)) }
}
