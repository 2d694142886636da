//! The challenges that tell programs how to authenticate (RFC 6750 section 3), and where the metadata is that names the authorization
//! server (RFC 9728 section 5.1).

use super::request_context::RequestContext;
use crate::domain::oidc::credentials::{BearerError, Challenge, Scheme};

/// The challenge for a request without a credential, if the application has metadata.
pub(super) fn without_credential(context: &RequestContext<'_>) -> Option<String> {
    let bearer = context.application.credentials.bearer.as_ref()?;
    let resource_metadata = context.resource()?.metadata_address();
    let challenge = Challenge {
        scheme: Scheme::Bearer,
        realm: context.application.slug.as_str(),
        error: None,
        scope: &bearer.scopes.join(" "),
        resource_metadata: Some(&resource_metadata),
    };
    Some(challenge.to_string())
}

/// The challenge for a refused credential.
pub(super) fn of_refusal(context: &RequestContext<'_>, scheme: Scheme, error: BearerError, scope: &str) -> String {
    let address = context.resource().map(|resource| resource.metadata_address());
    let realm = context.application.slug.as_str();
    let challenge = Challenge { scheme, realm, error: Some(error), scope, resource_metadata: address.as_deref() };
    challenge.to_string()
}
