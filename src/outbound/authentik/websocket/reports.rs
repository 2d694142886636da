//! Where the reports of authentik go.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc, watch};

/// The senders of what a subscription receives.
pub(super) struct Reports {
    pub(super) triggers: Arc<Notify>,
    pub(super) session_ends: mpsc::Sender<String>,
    pub(super) connected: watch::Sender<bool>,
}
