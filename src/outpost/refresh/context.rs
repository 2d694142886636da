//! The dependencies of every refresh.

use std::sync::Arc;

use super::backoff::Backoff;
use crate::domain::crypto::signing_keys::SigningKeys;
use crate::domain::session::Lifetimes;
use crate::outpost::parts::OutpostName;
use crate::ports::{Audit, Clock, Entropy, IdentityProvider, SessionStore};

/// The dependencies of every refresh.
pub(super) struct RefreshContext {
    pub(super) store: Arc<dyn SessionStore>,
    pub(super) provider: Arc<dyn IdentityProvider>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) lifetimes: Lifetimes,
    pub(super) outpost: OutpostName,
    pub(super) signing_keys: SigningKeys,
    pub(super) backoff: Backoff,
    pub(super) audit: Audit,
}
