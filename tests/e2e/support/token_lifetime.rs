//! Tokens that expire while a test waits. A session is refreshed when a fifth of the lifetime of its tokens is left.

use std::time::{Duration, Instant};

use super::process::eventually;
use super::site::Site;

/// Waits, without any request, until the tokens that were issued last have expired; they are valid for `seconds`.
pub(crate) async fn expired(site: &Site, seconds: u64) {
    let lifetime = Duration::from_secs(seconds + 1);
    let refreshes = || site.provider.as_ref().map_or(0, |provider| provider.refreshes(0));
    let (mut seen, mut since) = (refreshes(), Instant::now());
    eventually("the tokens expire", async || {
        // On a busy machine the sign-in itself may take so long that its last request begins a refresh.
        if refreshes() != seen {
            (seen, since) = (refreshes(), Instant::now());
        }
        (since.elapsed() > lifetime).then_some(())
    })
    .await;
}

/// How often a session can have been due since `begun`: once, and again on a machine that is so busy that the new tokens are due
/// before the test is over.
pub(crate) fn most_refreshes(begun: Instant, seconds: u64) -> usize {
    let again = begun.elapsed().as_secs() / (seconds - seconds.div_ceil(5));
    1 + usize::try_from(again).expect("is small")
}
