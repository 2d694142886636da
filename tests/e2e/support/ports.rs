//! Port numbers for programs that must know each other's before they start.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range from which the kernel takes ports for outgoing connections, so that none of those can take a port between
/// its choice and its use.
const FIRST: u16 = 15_000;
const SPAN: u16 = 15_000;

/// A port of 127.0.0.1 that is free and that no other test of this process has received.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Concurrent test processes start at different ports.
    let start = u16::try_from(std::process::id() % 100).expect("below 100") * 150;
    (0..SPAN)
        .map(|_| FIRST + start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % SPAN)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port between 15000 and 30000")
}
