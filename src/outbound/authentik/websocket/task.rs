//! Keeps one WebSocket open, for ever.

use tokio::time::{sleep, timeout};

use super::backoff::Backoff;
use super::dial::Dial;
use super::reports::Reports;
use super::session::Session;
use super::settings::WebSocketSettings;

/// Connects, and connects anew whenever the connection ends.
pub(super) async fn keep_connected(dial: impl Dial, hello: String, settings: WebSocketSettings, reports: Reports) {
    let mut backoff = Backoff::new(settings.first_delay, settings.longest_delay);
    for attempt in 0_u64.. {
        let ended = match timeout(settings.connect_timeout, dial.dial(attempt)).await {
            Ok(Ok(transport)) => {
                let session = Session::new(transport, &hello, settings, &reports, attempt > 0);
                session.await.run(&mut backoff).await
            }
            Ok(Err(cause)) => cause,
            Err(_) => "the connection was not made in time".to_owned(),
        };
        reports.connected.send_replace(false);
        let delay = backoff.delay();
        tracing::warn!(
            attempt,
            "the WebSocket of authentik is not connected: {ended}; until it is, changes are read at the refresh interval only, and \
             sessions that end at authentik are not reported. The next attempt is in {} s",
            delay.as_secs()
        );
        sleep(delay).await;
    }
}
