//! The conductor: one request in, one decision out. It loads, asks and saves through the ports; all judging is
//! done by pure functions of the domain.

use std::sync::Arc;

use crate::domain::application::Applications;
use crate::domain::decision::{Decision, Reason};
use crate::domain::request::RequestHead;
use crate::domain::sealing::SealingKeys;
use crate::domain::session::Lifetimes;
use crate::ports::{Clock, Entropy, IdentityProvider, SessionStore};

/// Answers every door's question.
pub struct Outpost {
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

impl Outpost {
    /// Answers one request. Total: every fault ends in a denial with a reason.
    pub async fn answer(&self, head: RequestHead) -> Decision {
        let _ = head;
        self.refuse(Reason::Malformed)
    }

    /// The decision on a request that is no well-formed question; 400 unless the reason says otherwise.
    #[must_use]
    pub fn refuse(&self, reason: Reason) -> Decision {
        let _ = reason;
        todo!()
    }
}
