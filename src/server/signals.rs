//! Handling of operating system signals.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::signal::{
    SIGBUS, SIGCHLD, SIGCONT, SIGFPE, SIGILL, SIGINT, SIGKILL, SIGPIPE, SIGSEGV, SIGSTOP, SIGSYS, SIGTERM, SIGTRAP,
    SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The highest signal number of Linux; the C library reserves two of them.
const LAST_SIGNAL: i32 = 64;

/// Signals whose disposition is not changed.
const UNTOUCHED: [i32; 18] = [
    // Those that stop the service.
    SIGTERM, SIGINT, // Nothing can be done about them.
    SIGKILL, SIGSTOP,
    // An instruction failed. After a handler it would run again, for ever, or go on with a wrong result.
    SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS,
    // Job control of a terminal from which the service was started.
    SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, // They have no effect anyway; Rust's runtime ignores SIGPIPE.
    SIGCHLD, SIGURG, SIGWINCH, SIGPIPE,
];

/// Keeps every other signal from ending the process. With SIGXFSZ handled, a write beyond a limit on the size of files is an
/// ordinary failed write.
pub fn ignore_others() {
    let unread = Arc::new(AtomicBool::new(false));
    for number in (1..=LAST_SIGNAL).filter(|number| !UNTOUCHED.contains(number)) {
        // The operating system refuses numbers that it does not have, and those that the C library reserves.
        let _ = signal_hook::flag::register(number, Arc::clone(&unread));
    }
}

/// SIGHUP, which asks for a reload.
///
/// # Errors
/// When the operating system refuses.
pub(super) fn hangup() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// Requests to stop: SIGTERM and SIGINT.
pub(super) struct StopRequests {
    terminate: Signal,
    interrupt: Signal,
}

impl StopRequests {
    /// Registers handlers for the signals.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next request to stop.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
