//! The parts of an outpost.

use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::domain::application::registry::CurrentApplications;
use crate::domain::crypto::sealing::SealingKeys;
use crate::domain::session::Lifetimes;
use crate::ports::{Audit, Clock, Entropy, IdentityProvider, SessionStore};

/// The name of an outpost, which may change while it runs.
#[derive(Clone, Debug)]
pub struct OutpostName(Arc<ArcSwap<String>>);

impl OutpostName {
    /// The present name.
    #[must_use]
    pub fn load(&self) -> impl Deref<Target = Arc<String>> {
        self.0.load()
    }

    pub(super) fn replace(&self, name: String) {
        self.0.store(Arc::new(name));
    }
}

impl<T: Into<String>> From<T> for OutpostName {
    fn from(name: T) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(name.into())))
    }
}

/// The parts of an outpost.
pub struct Parts {
    /// The applications that it guards; they are replaced as a whole.
    pub applications: CurrentApplications,
    /// The outpost's name; `X-authentik-meta-outpost`.
    pub name: OutpostName,
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
    /// The audit stream, where there is one.
    pub audit: Audit,
}
