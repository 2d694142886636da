//! What an outpost is made of.

use std::sync::Arc;

use crate::domain::application::registry::Applications;
use crate::domain::crypto::sealing::SealingKeys;
use crate::domain::session::Lifetimes;
use crate::ports::{Clock, Entropy, IdentityProvider, SessionStore};

/// What an outpost is made of.
pub struct Parts {
    /// The applications that it guards.
    pub applications: Applications,
    /// The outpost's name; `X-authentik-meta-outpost`.
    pub name: String,
    /// How long sessions last.
    pub lifetimes: Lifetimes,
    /// Keys that seal sign-in attempts.
    pub sealing: SealingKeys,
    /// Where sessions are kept.
    pub store: Arc<dyn SessionStore>,
    /// Who signs users in.
    pub provider: Arc<dyn IdentityProvider>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Arc<dyn Entropy>,
}
