//! The WebSocket on which authentik sees that the outpost lives, and reports changes and ended sessions.

mod backoff;
mod dial;
mod instance;
mod message;
mod reports;
mod session;
mod settings;
mod state;
mod subscription;
mod task;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use super::connection::Connection;
use super::model::OutpostId;
use dial::Handshake;
use subscription::subscription;

pub use instance::{Instance, update_delay};
pub use settings::WebSocketSettings;
pub use state::WebSocketState;
pub use subscription::{SessionEnds, Subscription, Updates, WebSocketTask};

impl Connection {
    /// Opens the WebSocket of `outpost` and keeps it open, until the task in the returned value is dropped; must be called within
    /// a Tokio runtime. An update follows its trigger after `update_delay`.
    #[must_use]
    pub fn subscribe(
        self: &Arc<Self>,
        outpost: &OutpostId,
        instance: &Instance,
        update_delay: Duration,
        settings: WebSocketSettings,
    ) -> Subscription {
        let connection = Arc::clone(self);
        let dial = Handshake { connection, outpost: outpost.clone(), instance: instance.uuid().to_owned() };
        subscription(dial, instance.hello(), update_delay, settings)
    }
}
