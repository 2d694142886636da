//! What the operating system asks of us.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Requests to stop: SIGTERM and SIGINT.
pub(super) struct StopRequests {
    terminate: Signal,
    interrupt: Signal,
    /// Signals that would end the process unless somebody waits for them, and shall not.
    _ignored: Vec<Signal>,
}

impl StopRequests {
    /// Listens to the signals of this process.
    ///
    /// # Errors
    /// When the system does not let us.
    pub(super) fn listen() -> io::Result<Self> {
        let ignored =
            [SignalKind::hangup(), SignalKind::user_defined1(), SignalKind::user_defined2(), SignalKind::alarm()];
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            _ignored: ignored.into_iter().map(signal).collect::<Result<_, _>>()?,
        })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
