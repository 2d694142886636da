//! Keeps one WebSocket open, for ever.

use tokio::time::{sleep, timeout};

use super::backoff::Backoff;
use super::dial::Dial;
use super::reports::Reports;
use super::session::Session;
use super::settings::WebSocketSettings;
use super::state::WebSocketState;

/// Connects, and connects anew whenever the connection ends.
pub(super) async fn keep_connected(dial: impl Dial, hello: String, settings: WebSocketSettings, reports: Reports) {
    let mut backoff = Backoff::new(settings.first_delay, settings.longest_delay);
    let mut reported = None;
    for attempt in 0_u64.. {
        let ended = match timeout(settings.connect_timeout, dial.dial(attempt)).await {
            Ok(Ok(transport)) => {
                let session = Session::new(transport, &hello, settings, &reports, attempt > 0);
                session.await.run(&mut backoff).await
            }
            Ok(Err(cause)) => cause,
            Err(_) => "the connection was not made in time".to_owned(),
        };
        let before = reports.state.send_replace(WebSocketState::Disconnected(ended.clone()));
        // The same cause is logged once, until a connection was made.
        if before.is_connected() || reported.as_ref() != Some(&ended) {
            tracing::warn!(
                attempt,
                "the WebSocket of authentik is not connected: {ended}; until it is, changes are read at the refresh interval only, and \
                 sessions that end at authentik are not reported"
            );
        }
        reported = Some(ended);
        sleep(backoff.delay()).await;
    }
}
