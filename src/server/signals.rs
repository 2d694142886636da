//! What the operating system asks of us.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::signal::{
    SIGBUS, SIGCHLD, SIGCONT, SIGFPE, SIGILL, SIGINT, SIGKILL, SIGPIPE, SIGSEGV, SIGSTOP, SIGSYS, SIGTERM, SIGTRAP,
    SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Linux has signals up to here; the C library keeps two of them to itself.
const LAST_SIGNAL: i32 = 64;

/// Signals whose disposition stays what it is.
const UNTOUCHED: [i32; 18] = [
    // Those that stop the service.
    SIGTERM, SIGINT, // Nothing can be done about them.
    SIGKILL, SIGSTOP,
    // An instruction failed. After a handler it would run again, for ever, or go on with a wrong result.
    SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS,
    // Job control of a terminal, for whoever started us there.
    SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, // They have no effect anyway; Rust's runtime ignores SIGPIPE.
    SIGCHLD, SIGURG, SIGWINCH, SIGPIPE,
];

/// Keeps every other signal from ending the process. With SIGXFSZ out of the way, a write beyond a limit on the size of
/// files is an ordinary failed write.
pub(super) fn ignore_others() {
    let unread = Arc::new(AtomicBool::new(false));
    for number in (1..=LAST_SIGNAL).filter(|number| !UNTOUCHED.contains(number)) {
        // The system refuses what it does not have, and what belongs to the C library.
        let _ = signal_hook::flag::register(number, Arc::clone(&unread));
    }
}

/// Requests to stop: SIGTERM and SIGINT.
pub(super) struct StopRequests {
    terminate: Signal,
    interrupt: Signal,
}

impl StopRequests {
    /// Listens to the signals of this process.
    ///
    /// # Errors
    /// When the system does not let us.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
