//! Calls that requests can cause, by presenting credentials or by refreshing sessions: limited in number, and suspended for a
//! while when the provider keeps failing them (IN-3). A rejected request is answered at once, and is not admitted.

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use tracing::warn;

use super::circuit_breaker::CircuitBreaker;

/// The limit for concurrent calls for credentials at one provider.
const MAX_UNDER_WAY: usize = 16;
/// The limit for concurrent refreshes; unauthenticated clients cannot cause these, and take none of their permits.
const MAX_REFRESHES: usize = 32;

/// The calls to one provider: their concurrency limits, and a circuit breaker for each kind of call.
pub(super) struct ProviderCalls {
    permits: Semaphore,
    introspection: CircuitBreaker,
    app_password: CircuitBreaker,
    user_info: CircuitBreaker,
    permits_for_refreshes: Semaphore,
    refresh: CircuitBreaker,
}

impl ProviderCalls {
    pub(super) const fn new() -> Self {
        Self {
            permits: Semaphore::const_new(MAX_UNDER_WAY),
            introspection: CircuitBreaker::new("introspection"),
            app_password: CircuitBreaker::new("app password"),
            user_info: CircuitBreaker::new("userinfo"),
            permits_for_refreshes: Semaphore::const_new(MAX_REFRESHES),
            refresh: CircuitBreaker::new("refresh"),
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

    fn begin<'a>(permits: &'a Semaphore, circuit: &'a CircuitBreaker) -> Result<Call<'a>, &'static str> {
        let place = permits.try_acquire().map_err(|_| "too many calls are in progress")?;
        if !circuit.lets_through(Instant::now()) {
            return Err("recent calls failed too often");
        }
        Ok(Call { circuit, succeeded: false, _permit: place })
    }
}

/// A call in progress. It counts as failed unless `succeeded` is called, so a cancelled call counts as failed, too.
pub(super) struct Call<'a> {
    circuit: &'a CircuitBreaker,
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
                calls = self.circuit.name(),
                "These calls to the provider keep failing; they are suspended for five seconds."
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_3_calls_have_places_and_one_that_is_given_up_failed() {
        let calls = ProviderCalls::new();
        let under_way: Vec<_> = (0..16).map(|_| calls.introspection()).collect();
        assert!(under_way.iter().all(Result::is_ok));
        assert!(calls.user_info().is_err(), "no place is left");
        drop(under_way);
        assert!(calls.introspection().is_err(), "all sixteen failed");
        assert!(calls.app_password().is_ok(), "which says nothing about other calls");
    }
}
