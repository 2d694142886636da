//! Limits the number of requests that wait for an identity provider, or for a fixed time so that their answer reveals
//! nothing. Such requests wait long and unauthenticated clients can cause them, so they are counted here instead of among
//! the requests that only look up a session: in all, for one purpose at one provider, and among these from one client's
//! address. A request that finds no free place is refused at once and may be retried.

use std::collections::{HashMap, HashSet};
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::request_context::RequestContext;
use crate::domain::http::client_network;
use crate::domain::oidc::sign_in::AttemptId;
use crate::ports::ProviderUnavailable;
use crate::telemetry::names;

/// How many requests may wait for identity providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitLimits {
    /// In all.
    pub total: usize,
    /// For one purpose at one provider.
    pub per_issuer: usize,
    /// The part of these from one client address, or from one IPv6 network of 64 bits.
    pub per_client: usize,
    /// How many codes are redeemed concurrently at one provider; other callbacks wait for their turn.
    pub redemptions: usize,
}

impl Default for WaitLimits {
    fn default() -> Self {
        Self { total: 512, per_issuer: 128, per_client: 64, redemptions: 32 }
    }
}

/// What a request waits for. Each purpose has places of its own, so that unauthenticated clients at one purpose cannot
/// block the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum WaitReason {
    /// The provider's metadata.
    Metadata,
    /// The redemption of a code.
    Redemption,
    /// The keys that verify a logout token.
    LogoutToken,
    /// The verification of a credential.
    Credential,
    /// The refresh of a signed-in user's session; the request goes on without it if no place is free.
    Refresh,
    /// The fixed time that the answer to a front-channel logout without a session cookie takes. The provider is not asked,
    /// so the places are those of all providers together: otherwise clients could take the places of all purposes,
    /// even while every provider answers.
    FrontchannelLogout,
}

impl WaitReason {
    const ALL: [Self; 6] = [
        Self::Metadata,
        Self::Redemption,
        Self::LogoutToken,
        Self::Credential,
        Self::Refresh,
        Self::FrontchannelLogout,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Redemption => "redemption",
            Self::LogoutToken => "logout_token",
            Self::Credential => "credential",
            Self::Refresh => "refresh",
            Self::FrontchannelLogout => "frontchannel_logout",
        }
    }
}

/// The limit that refuses a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Full {
    Total,
    Issuer,
    Client,
}

impl Full {
    const ALL: [Self; 3] = [Self::Total, Self::Issuer, Self::Client];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Issuer => "issuer",
            Self::Client => "client",
        }
    }

    const fn setting(self) -> &'static str {
        match self {
            Self::Total => "limits.provider.waiting",
            Self::Issuer => "limits.provider.waiting_per_issuer",
            Self::Client => "limits.provider.waiting_per_client",
        }
    }
}

/// The places of one outpost.
#[derive(Clone)]
pub(super) struct Waits {
    limits: WaitLimits,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    total: usize,
    by_issuer: HashMap<(WaitReason, String), usize>,
    by_client: HashMap<(WaitReason, String, IpAddr), usize>,
    attempts: HashSet<AttemptId>,
    turns: HashMap<String, Arc<Semaphore>>,
}

impl Default for Waits {
    fn default() -> Self {
        Self::new(WaitLimits::default())
    }
}

impl Waits {
    pub(super) fn new(limits: WaitLimits) -> Self {
        register();
        Self { limits, taken: Arc::default() }
    }

    /// Takes a place for one request; dropping the result frees it.
    fn take(&self, purpose: WaitReason, issuer: &str, client: Option<IpAddr>) -> Result<WaitPermit, Full> {
        // A refresh is for a signed-in user, so an unauthenticated client cannot cause it; it is not counted by client.
        let client = client.filter(|_| purpose != WaitReason::Refresh);
        let issuer = if purpose == WaitReason::FrontchannelLogout { "" } else { issuer };
        let client = client.map(|client| (purpose, issuer.to_owned(), client_network(client)));
        let of_issuer = (purpose, issuer.to_owned());
        let mut taken = self.taken();
        let count = |found: Option<&usize>| found.copied().unwrap_or_default();
        let full = if taken.total >= self.limits.total {
            Some(Full::Total)
        } else if count(taken.by_issuer.get(&of_issuer)) >= self.limits.per_issuer {
            Some(Full::Issuer)
        } else if client.as_ref().is_some_and(|client| count(taken.by_client.get(client)) >= self.limits.per_client) {
            Some(Full::Client)
        } else {
            None
        };
        if let Some(full) = full {
            let labels = [("purpose", purpose.as_str()), ("cause", full.as_str())];
            metrics::counter!(names::PROVIDER_WAITS_SHED, &labels).increment(1);
            return Err(full);
        }
        taken.total += 1;
        *taken.by_issuer.entry(of_issuer.clone()).or_default() += 1;
        if let Some(client) = &client {
            *taken.by_client.entry(client.clone()).or_default() += 1;
        }
        drop(taken);
        metrics::gauge!(names::PROVIDER_WAITING, "purpose" => purpose.as_str()).increment(1.0);
        Ok(WaitPermit { waits: self.clone(), of_issuer, client })
    }

    /// Waits for a turn at redeeming codes, first come, first served.
    async fn turn(&self, issuer: &str) -> Option<OwnedSemaphorePermit> {
        let turns = {
            let mut taken = self.taken();
            let most = self.limits.redemptions.min(Semaphore::MAX_PERMITS);
            let turns = taken.turns.entry(issuer.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(most)));
            Arc::clone(turns)
        };
        // The semaphore is never closed.
        turns.acquire_owned().await.ok()
    }

    /// Claims the redemption of this attempt until the result is dropped; `None` when another request of this process
    /// holds the claim.
    fn claim(&self, attempt: &AttemptId) -> Option<Claim> {
        let is_first = self.taken().attempts.insert(*attempt);
        is_first.then(|| Claim { waits: self.clone(), attempt: *attempt })
    }

    /// No code panics while this lock is held, so the contents of a poisoned lock are consistent.
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Creates the series. A counter that appears with its first event hides this event from `increase` and `rate`.
fn register() {
    for purpose in WaitReason::ALL {
        metrics::gauge!(names::PROVIDER_WAITING, "purpose" => purpose.as_str()).increment(0.0);
        for cause in Full::ALL {
            let labels = [("purpose", purpose.as_str()), ("cause", cause.as_str())];
            metrics::counter!(names::PROVIDER_WAITS_SHED, &labels).absolute(0);
        }
    }
}

/// The place of one request.
struct WaitPermit {
    waits: Waits,
    of_issuer: (WaitReason, String),
    client: Option<(WaitReason, String, IpAddr)>,
}

impl Drop for WaitPermit {
    fn drop(&mut self) {
        let mut taken = self.waits.taken();
        taken.total = taken.total.saturating_sub(1);
        leave(&mut taken.by_issuer, &self.of_issuer);
        if let Some(client) = &self.client {
            leave(&mut taken.by_client, client);
        }
        drop(taken);
        metrics::gauge!(names::PROVIDER_WAITING, "purpose" => self.of_issuer.0.as_str()).decrement(1.0);
    }
}

fn leave<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// The claim to the only redemption of an attempt in this process.
struct Claim {
    waits: Waits,
    attempt: AttemptId,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.waits.taken().attempts.remove(&self.attempt);
    }
}

/// The permission to redeem one code.
pub(super) struct Redemption {
    _claim: Claim,
    _permit: WaitPermit,
    _turn: Option<OwnedSemaphorePermit>,
}

/// Waits for the provider's result, counted as one of the limited places. A result that is ready at once takes no
/// place: only a request that really waits can be refused.
pub(super) async fn wait_for<T>(
    waits: &Waits,
    context: &RequestContext<'_>,
    purpose: WaitReason,
    asked: impl Future<Output = T> + Send,
) -> Result<T, ProviderUnavailable> {
    wait_for_issuer(waits, context, || &context.application.relying_party.issuer, purpose, asked).await
}

/// As [`wait_for`], for the result of an issuer that may be another one than the provider: each has places of its own, so that
/// one which hangs keeps no request of the others out.
pub(super) async fn wait_for_issuer<'i, T>(
    waits: &Waits,
    context: &RequestContext<'_>,
    issuer: impl FnOnce() -> &'i str + Send,
    purpose: WaitReason,
    asked: impl Future<Output = T> + Send,
) -> Result<T, ProviderUnavailable> {
    let mut asked = pin!(asked);
    if let Poll::Ready(there) = poll_fn(|cx| Poll::Ready(asked.as_mut().poll(cx))).await {
        return Ok(there);
    }
    let _permit = place(waits, context, issuer(), purpose)?;
    Ok(asked.await)
}

/// As [`wait_for`], for work that must not begin without a place: it always takes one, before it does anything.
pub(super) async fn wait_in_place<T>(
    waits: &Waits,
    context: &RequestContext<'_>,
    purpose: WaitReason,
    work: impl Future<Output = T> + Send,
) -> Result<T, ProviderUnavailable> {
    let _permit = place(waits, context, &context.application.relying_party.issuer, purpose)?;
    Ok(work.await)
}

/// Waits for the turn to redeem a code of this attempt; `None` when another request is redeeming one already. Nothing
/// is consumed before the turn has come.
pub(super) async fn redemption(
    waits: &Waits,
    context: &RequestContext<'_>,
    attempt: &AttemptId,
) -> Result<Option<Redemption>, ProviderUnavailable> {
    let Some(claim) = waits.claim(attempt) else { return Ok(None) };
    let issuer = &context.application.relying_party.issuer;
    let place = place(waits, context, issuer, WaitReason::Redemption)?;
    let turn = waits.turn(issuer).await;
    Ok(Some(Redemption { _claim: claim, _permit: place, _turn: turn }))
}

fn place(
    waits: &Waits,
    context: &RequestContext<'_>,
    issuer: &str,
    purpose: WaitReason,
) -> Result<WaitPermit, ProviderUnavailable> {
    match waits.take(purpose, issuer, context.request.head.client) {
        Ok(place) => {
            (context.on_wait)();
            Ok(place)
        }
        Err(full) => {
            let (purpose, setting) = (purpose.as_str(), full.setting());
            let cause = format!("too many requests wait already ({purpose}; the limit is `{setting}`)");
            Err(ProviderUnavailable { issuer: issuer.to_owned(), cause })
        }
    }
}

#[cfg(test)]
mod tests;
