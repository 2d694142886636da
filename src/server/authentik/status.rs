//! What operators see of the connection to authentik: metrics, some under the names that authentik's own outpost has.

use metrics::{counter, gauge};
use tokio::sync::watch;

use crate::domain::time::Timestamp;
use crate::outbound::authentik::Outpost;
use crate::telemetry::names;

/// Counts a reading of the applications.
pub(super) fn count_update(is_success: bool) {
    let outcome = if is_success { "success" } else { "failure" };
    counter!(names::AUTHENTIK_UPDATES, "outcome" => outcome).increment(1);
}

/// Records when authentik gave the answer in service.
pub(super) fn note_answer(outpost: &Outpost, at: Timestamp) {
    let seconds = f64::from(u32::try_from(at.as_unix()).unwrap_or(u32::MAX));
    gauge!(names::AUTHENTIK_ANSWER).set(seconds);
    let [name, kind, uuid] = labels(outpost);
    gauge!(names::OUTPOST_LAST_UPDATE, &[name.clone(), kind.clone(), uuid.clone()]).set(seconds);
    let version = ("version", env!("CARGO_PKG_VERSION").to_owned());
    gauge!(names::OUTPOST_INFO, &[name, kind, uuid, version, ("build", String::new())]).set(1.0);
}

fn labels(outpost: &Outpost) -> [(&'static str, String); 3] {
    let (name, kind, uuid) = (outpost.name.clone(), outpost.kind.clone(), outpost.pk.as_str().to_owned());
    [("outpost_name", name), ("outpost_type", kind), ("uuid", uuid)]
}

/// Reports whether authentik answers on the WebSocket, until the connection is given up.
pub(super) async fn report_connection(outpost: Outpost, mut connected: watch::Receiver<bool>) {
    loop {
        let is_connected = *connected.borrow_and_update();
        let value = if is_connected { 1.0 } else { 0.0 };
        gauge!(names::AUTHENTIK_CONNECTED).set(value);
        gauge!(names::OUTPOST_CONNECTION, &labels(&outpost)).set(value);
        if connected.changed().await.is_err() {
            return;
        }
    }
}
