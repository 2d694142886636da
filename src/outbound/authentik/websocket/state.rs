//! The state of the WebSocket.

/// The state of the WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebSocketState {
    /// It is being opened for the first time.
    Connecting,
    /// authentik answers on it.
    Connected,
    /// It is not open, and the text says why.
    Disconnected(String),
}

impl WebSocketState {
    /// Whether authentik answers on it.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        *self == Self::Connected
    }
}
