//! What is known about an issuer, for the checks of its clients.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::domain::oidc::jws::KeySet;
use crate::outbound::provider::discovery::Discovered;
use crate::outbound::provider::issuer::Issuer;
use crate::outbound::provider::settings::ProviderSettings;

/// An issuer with usable metadata.
pub(super) struct Known {
    pub(super) issuer: Arc<Issuer>,
    pub(super) discovered: Discovered,
    /// The members of the metadata; none where the operator gives the endpoints.
    pub(super) members: Map<String, Value>,
    pub(super) keys: Option<KeySet>,
    pub(super) settings: ProviderSettings,
}
