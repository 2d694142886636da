//! Suspends calls that keep failing (IN-3).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The number of consecutive failures that open the circuit.
const FAILURES: u32 = 5;
/// How long the circuit stays open before one call probes whether the provider is back.
const PAUSE: Duration = Duration::from_secs(5);

/// A circuit breaker: closed, open, or half-open with one probing call.
pub(super) struct CircuitBreaker {
    name: &'static str,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
struct State {
    failures: u32,
    opened: Option<Instant>,
    trying: bool,
}

impl CircuitBreaker {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, state: Mutex::new(State { failures: 0, opened: None, trying: false }) }
    }

    /// The calls that it guards.
    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether a call may begin now: in a half-open circuit, one.
    pub(super) fn lets_through(&self, now: Instant) -> bool {
        self.with(|state| match state.opened {
            None => true,
            Some(opened) if !state.trying && now.duration_since(opened) >= PAUSE => {
                state.trying = true;
                true
            }
            Some(_) => false,
        })
    }

    /// Records a success.
    pub(super) fn close(&self) {
        self.with(|state| *state = State { failures: 0, opened: None, trying: false });
    }

    /// Records a failure; returns whether this one opened the circuit.
    pub(super) fn failed(&self, now: Instant) -> bool {
        self.with(|state| {
            let was_closed = state.opened.is_none();
            state.failures = state.failures.saturating_add(1);
            state.trying = false;
            if state.failures >= FAILURES {
                state.opened = Some(now);
            }
            was_closed && state.opened.is_some()
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_3_the_circuit_opens_after_five_failures_and_one_call_tries() {
        let (circuit, begin) = (CircuitBreaker::new("test"), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        for _ in 0..4 {
            assert!(circuit.lets_through(begin) && !circuit.failed(begin));
        }
        circuit.close();
        let opened: Vec<bool> = (0..5).map(|_| circuit.failed(begin)).collect();
        assert_eq!(opened, [false, false, false, false, true], "in a row, and told once");
        assert!(!circuit.lets_through(at(4)));
        assert!(circuit.lets_through(at(5)), "one tries");
        assert!(!circuit.lets_through(at(6)), "and no other meanwhile");
        assert!(!circuit.failed(at(7)));
        assert!(!circuit.lets_through(at(11)) && circuit.lets_through(at(12)));
        circuit.close();
        assert!(circuit.lets_through(at(12)) && circuit.lets_through(at(12)));
    }
}
