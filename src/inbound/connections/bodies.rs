//! Requests whose bodies are still arriving. Their number is limited, because a body that does not arrive costs its sender
//! nothing. When one more has to wait, the one that has waited longest is given up: a legitimate body arrives soon, so a
//! client that holds its bodies back cannot keep other clients out.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use tokio::sync::oneshot;

/// The requests of one listener that wait for their bodies.
pub(super) struct Bodies {
    most: usize,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    /// By age, oldest first. Removing and dropping a sender gives its request up.
    by_age: BTreeMap<u64, oneshot::Sender<()>>,
}

/// The body had to make room for a later one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GivenUp;

impl Bodies {
    pub(super) fn at_most(most: usize) -> Self {
        Self { most, waiting: Mutex::default() }
    }

    /// Waits for a body. A body that is complete at the first poll takes no place.
    pub(super) async fn wait<T>(&self, body: impl Future<Output = T>) -> Result<T, GivenUp> {
        let mut body = pin!(body);
        if let Poll::Ready(there) = poll_fn(|cx| Poll::Ready(body.as_mut().poll(cx))).await {
            return Ok(there);
        }
        let (_permit, given_up) = self.enter();
        tokio::select! {
            biased;
            there = body => Ok(there),
            _ = given_up => Err(GivenUp),
        }
    }

    fn enter(&self) -> (BodyPermit<'_>, oneshot::Receiver<()>) {
        let (sender, given_up) = oneshot::channel();
        let mut waiting = self.waiting();
        while waiting.by_age.len() >= self.most && waiting.by_age.pop_first().is_some() {}
        let number = waiting.next;
        waiting.next += 1;
        waiting.by_age.insert(number, sender);
        (BodyPermit { bodies: self, number }, given_up)
    }

    /// Recovers a poisoned lock: no code panics while holding it.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one waiting request; dropping it frees the place.
struct BodyPermit<'a> {
    bodies: &'a Bodies,
    number: u64,
}

impl Drop for BodyPermit<'_> {
    fn drop(&mut self) {
        self.bodies.waiting().by_age.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn the_one_that_has_waited_longest_makes_room() {
        let bodies = Bodies::at_most(2);
        let never = || Box::pin(bodies.wait(pending::<()>()));
        let (mut first, mut second, mut third) = (never(), never(), never());
        assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
        assert_eq!(bodies.wait(std::future::ready(7)).await, Ok(7), "a body that is there takes no place");
        assert!((&mut first).now_or_never().is_none());
        assert!((&mut third).now_or_never().is_none());
        assert_eq!(first.await, Err(GivenUp));
        assert!((&mut second).now_or_never().is_none());
        drop((second, third));
        assert!(bodies.waiting().by_age.is_empty(), "who left takes no memory");
    }
}
