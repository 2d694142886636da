//! The parts of an outpost.

use std::sync::Arc;

use crate::domain::application::registry::CurrentApplications;
use crate::domain::crypto::sealing::SealingKeys;
use crate::domain::session::Lifetimes;
use crate::ports::{Clock, Entropy, IdentityProvider, SessionStore};

/// The parts of an outpost.
pub struct Parts {
    /// The applications that it guards; they are replaced as a whole.
    pub applications: CurrentApplications,
    /// The outpost's name; `X-authentik-meta-outpost`.
    pub name: String,
    /// How long sessions last.
    pub lifetimes: Lifetimes,
    /// Keys that seal sign-in attempts.
    pub sealing: SealingKeys,
    /// The session store.
    pub store: Arc<dyn SessionStore>,
    /// The identity provider that signs users in.
    pub provider: Arc<dyn IdentityProvider>,
    /// The source of the time.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub entropy: Arc<dyn Entropy>,
}
