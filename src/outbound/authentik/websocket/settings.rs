//! Times of the WebSocket.

use std::time::Duration;

/// Times of the WebSocket.
#[derive(Clone, Copy, Debug)]
pub struct WebSocketSettings {
    /// The interval at which the outpost reports itself; authentik forgets it after 15 seconds.
    pub hello_interval: Duration,
    /// How long the outpost waits for an answer before it connects anew.
    pub ack_timeout: Duration,
    /// The time limit of connecting.
    pub connect_timeout: Duration,
    /// The delay before the first attempt to connect anew; each one is twice as long as the last.
    pub first_delay: Duration,
    /// The longest delay.
    pub longest_delay: Duration,
}

impl Default for WebSocketSettings {
    fn default() -> Self {
        let [hello_interval, ack_timeout, connect_timeout, first_delay, longest_delay] =
            [10, 30, 10, 1, 300].map(Duration::from_secs);
        Self { hello_interval, ack_timeout, connect_timeout, first_delay, longest_delay }
    }
}
