//! Calls that requests can cause, by presenting credentials or by refreshing sessions: limited in number, and suspended for a
//! while when the provider keeps failing them (IN-3). A rejected request is answered at once, and is not admitted.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use tracing::warn;

/// The limit for concurrent calls for credentials at one provider.
const MAX_UNDER_WAY: usize = 16;
/// The limit for concurrent refreshes; unauthenticated clients cannot cause these, and take none of their permits.
const MAX_REFRESHES: usize = 32;
/// The number of consecutive failures that open the circuit.
const FAILURES: u32 = 5;
/// How long the circuit stays open before one call probes whether the provider is back.
const PAUSE: Duration = Duration::from_secs(5);

/// The circuit breakers and concurrency limits of the calls to one provider.
pub(super) struct CircuitBreaker {
    permits: Semaphore,
    introspection: Failures,
    app_password: Failures,
    user_info: Failures,
    permits_for_refreshes: Semaphore,
    refresh: Failures,
}

impl CircuitBreaker {
    pub(super) const fn new() -> Self {
        Self {
            permits: Semaphore::const_new(MAX_UNDER_WAY),
            introspection: Failures::new("introspection"),
            app_password: Failures::new("app password"),
            user_info: Failures::new("userinfo"),
            permits_for_refreshes: Semaphore::const_new(MAX_REFRESHES),
            refresh: Failures::new("refresh"),
        }
    }

    /// Begins an introspection; else returns the reason for the rejection.
    pub(super) fn introspection(&self) -> Result<Call<'_>, &'static str> {
        Self::begin(&self.permits, &self.introspection)
    }

    /// Begins the verification of an app password; else returns the reason for the rejection.
    pub(super) fn app_password(&self) -> Result<Call<'_>, &'static str> {
        Self::begin(&self.permits, &self.app_password)
    }

    /// Begins a UserInfo request; else returns the reason for the rejection.
    pub(super) fn user_info(&self) -> Result<Call<'_>, &'static str> {
        Self::begin(&self.permits, &self.user_info)
    }

    /// Begins a refresh; else returns the reason for the rejection.
    pub(super) fn refresh(&self) -> Result<Call<'_>, &'static str> {
        Self::begin(&self.permits_for_refreshes, &self.refresh)
    }

    fn begin<'a>(permits: &'a Semaphore, circuit: &'a Failures) -> Result<Call<'a>, &'static str> {
        let place = permits.try_acquire().map_err(|_| "too many calls are in progress")?;
        if !circuit.lets_through(Instant::now()) {
            return Err("recent calls failed too often");
        }
        Ok(Call { circuit, succeeded: false, _permit: place })
    }
}

/// A call in progress. It counts as failed unless `succeeded` is called, so a cancelled call counts as failed, too.
pub(super) struct Call<'a> {
    circuit: &'a Failures,
    succeeded: bool,
    _permit: SemaphorePermit<'a>,
}

impl Call<'_> {
    /// The provider works, because it answered: no input of an unauthenticated client may open the circuit.
    pub(super) fn succeeded(mut self) {
        self.succeeded = true;
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.succeeded {
            self.circuit.close();
        } else if self.circuit.failed(Instant::now()) {
            warn!(
                calls = self.circuit.name,
                "These calls to the provider keep failing; they are suspended for five seconds."
            );
        }
    }
}

/// A circuit breaker: closed, open, or half-open with one probing call.
struct Failures {
    name: &'static str,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
struct State {
    failures: u32,
    opened: Option<Instant>,
    trying: bool,
}

impl Failures {
    const fn new(name: &'static str) -> Self {
        Self { name, state: Mutex::new(State { failures: 0, opened: None, trying: false }) }
    }

    fn lets_through(&self, now: Instant) -> bool {
        self.with(|state| match state.opened {
            None => true,
            Some(opened) if !state.trying && now.duration_since(opened) >= PAUSE => {
                state.trying = true;
                true
            }
            Some(_) => false,
        })
    }

    fn close(&self) {
        self.with(|state| *state = State { failures: 0, opened: None, trying: false });
    }

    /// Records a failure; returns whether this one opened the circuit.
    fn failed(&self, now: Instant) -> bool {
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
        let (circuit, begin) = (Failures::new("test"), Instant::now());
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

    #[test]
    fn in_3_calls_have_places_and_one_that_is_given_up_failed() {
        let calls = CircuitBreaker::new();
        let under_way: Vec<_> = (0..16).map(|_| calls.introspection()).collect();
        assert!(under_way.iter().all(Result::is_ok));
        assert!(calls.user_info().is_err(), "no place is left");
        drop(under_way);
        assert!(calls.introspection().is_err(), "all sixteen failed");
        assert!(calls.app_password().is_ok(), "which says nothing about other calls");
    }
}
