//! Where the reports of authentik go.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc, watch};

use super::state::WebSocketState;
use crate::telemetry::LogThrottle;

/// The senders of what a subscription receives.
pub(super) struct Reports {
    pub(super) triggers: Arc<Notify>,
    pub(super) session_ends: mpsc::Sender<String>,
    pub(super) state: watch::Sender<WebSocketState>,
    /// The kinds of messages that were skipped.
    pub(super) skipped: LogThrottle<String>,
}
