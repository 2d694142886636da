//! The limit on the sign-ins that one client address starts in a minute.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};

use crate::domain::decision::pages::{Message, Text};
use crate::domain::decision::{Reason, Verdict};
use crate::domain::http::client_network;
use crate::outpost::request_context::RequestContext;
use crate::telemetry::{LogThrottle, names};

/// As many addresses are remembered; further ones are not limited, so that the memory is.
const MOST_ADDRESSES: usize = 100_000;
/// Addresses that have their full quota again are forgotten at most this often, because that reads all of them.
const FORGETS_EVERY: Duration = Duration::from_secs(1);
/// So many addresses are named in the log in a minute.
const MOST_LOGGED: usize = 10;
const MINUTE: Duration = Duration::from_secs(60);

/// Counts the sign-ins that each client address starts (generic cell rate algorithm). A quota of `n` in a minute may be used
/// at once; then one start is regained every `n`th part of a minute.
pub(in crate::outpost) struct StartLimit<C: Clock = MonotonicClock> {
    limiter: RateLimiter<IpAddr, HashMapStateStore<IpAddr>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
    forgot: Mutex<C::Instant>,
    logged: LogThrottle<IpAddr>,
}

impl<C: Clock + Clone> StartLimit<C> {
    /// At most `per_minute` starts of one address.
    pub(in crate::outpost) fn new(per_minute: NonZeroU32, clock: C) -> Self {
        metrics::counter!(names::SIGN_INS_LIMITED).absolute(0);
        Self {
            limiter: RateLimiter::new(Quota::per_minute(per_minute), HashMapStateStore::default(), clock.clone()),
            forgot: Mutex::new(clock.now()),
            clock,
            logged: LogThrottle::new(MINUTE, MOST_LOGGED),
        }
    }

    /// Counts a start.
    ///
    /// # Errors
    /// How long this address has to wait for the next one.
    fn admit(&self, client: IpAddr) -> Result<(), Duration> {
        if self.limiter.len() >= MOST_ADDRESSES && !self.forget() {
            return Ok(());
        }
        let checked = self.limiter.check_key(&client_network(client));
        checked.map_err(|until| until.wait_time_from(self.clock.now()))
    }

    /// Forgets the addresses that have their full quota again; returns whether there is place now.
    fn forget(&self) -> bool {
        let now = self.clock.now();
        // No code that holds the lock panics.
        let mut forgot = self.forgot.lock().unwrap_or_else(PoisonError::into_inner);
        if Duration::from(governor::clock::Reference::duration_since(&now, *forgot)) >= FORGETS_EVERY {
            *forgot = now;
            self.limiter.retain_recent();
        }
        self.limiter.len() < MOST_ADDRESSES
    }
}

/// The denial of a sign-in when this client's address has started too many. A request whose redirect does not reach the browser is
/// not counted: the browser starts the sign-in by another one.
pub(super) fn refusal(limit: Option<&StartLimit>, context: &RequestContext<'_>) -> Option<(Verdict, Reason)> {
    let limit = limit.filter(|_| context.request.passes_redirects_on)?;
    let client = context.request.head.client?;
    let wait = limit.admit(client).err()?;
    metrics::counter!(names::SIGN_INS_LIMITED).increment(1);
    if let Some(suppressed) = limit.logged.admit(client_network(client)) {
        let (application, setting) = (&context.application.slug, "limits.provider.sign_in_starts_per_client");
        tracing::warn!(decision_id = context.id, %application, %client, setting, suppressed, "a client starts too many sign-ins");
    }
    let message = Message {
        status: StatusCode::TOO_MANY_REQUESTS,
        title: Text::TooManySignInsTitle,
        text: Text::TooManySignIns.into(),
        id: &context.id,
        action: Some(context.again()),
    };
    let mut page = context.pages().render(&message);
    page.headers.push((RETRY_AFTER, HeaderValue::from(wait.as_secs().saturating_add(1))));
    Some((Verdict::Deny(page), Reason::TooManySignIns))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use governor::clock::FakeRelativeClock;

    use super::*;

    fn limit(per_minute: u32) -> (StartLimit<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (StartLimit::new(NonZeroU32::new(per_minute).unwrap(), clock.clone()), clock)
    }

    #[test]
    fn an_address_regains_its_starts_over_a_minute_and_costs_others_nothing() {
        let (limit, clock) = limit(6);
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse::<IpAddr>().unwrap());
        assert!((0..6).all(|_| limit.admit(one).is_ok()));
        assert_eq!(limit.admit(one), Err(Duration::from_secs(10)));
        assert_eq!(limit.admit(other), Ok(()));
        clock.advance(Duration::from_secs(9));
        assert_eq!(limit.admit(one), Err(Duration::from_secs(1)));
        clock.advance(Duration::from_secs(1));
        assert_eq!(limit.admit(one), Ok(()));
        assert!(limit.admit(one).is_err());
        clock.advance(MINUTE);
        assert_eq!((0..10).filter(|_| limit.admit(one).is_ok()).count(), 6);
    }

    #[test]
    fn the_memory_for_addresses_is_limited_and_comes_free_again() {
        let (limit, clock) = limit(1);
        let address = |number: u128| IpAddr::V6(Ipv6Addr::from_bits(number << 64));
        for number in 0..MOST_ADDRESSES as u128 {
            assert!(limit.admit(address(number)).is_ok());
        }
        let (known, new) = (address(0), address(u128::from(u64::MAX)));
        assert!((0..3).all(|_| limit.admit(new).is_ok()), "no place to count it");
        assert_eq!(limit.limiter.len(), MOST_ADDRESSES);
        clock.advance(2 * MINUTE);
        assert!(limit.admit(new).is_ok() && limit.admit(new).is_err());
        assert_eq!(limit.limiter.len(), 1);
        assert!(limit.admit(known).is_ok());
    }
}
