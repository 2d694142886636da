//! What operators see of the connection to authentik: metrics, some under the names that authentik's own outpost has.

use metrics::{counter, gauge};
use tokio::sync::watch;

use crate::domain::time::Timestamp;
use crate::inbound::ops::Readiness;
use crate::outbound::authentik::{Outpost, WebSocketState};
use crate::telemetry::names;

const SUCCESS: &str = "success";
const FAILURE: &str = "failure";

/// Creates the counters of readings. One that appears with its first event hides this event from `increase` and `rate`.
pub(super) fn register() {
    for outcome in [SUCCESS, FAILURE] {
        counter!(names::AUTHENTIK_UPDATES, "outcome" => outcome).absolute(0);
    }
}

/// Counts a reading of the applications.
pub(super) fn count_update(is_success: bool) {
    let outcome = if is_success { SUCCESS } else { FAILURE };
    counter!(names::AUTHENTIK_UPDATES, "outcome" => outcome).increment(1);
}

/// Records when authentik gave the answer in service; `before` is the outpost of the answer before it.
pub(super) fn note_answer(outpost: &Outpost, before: Option<&Outpost>, at: Timestamp) {
    if let Some(before) = before.filter(|before| labels(before) != labels(outpost)) {
        gauge!(names::OUTPOST_LAST_UPDATE, &labels(before)).set(0.0);
        gauge!(names::OUTPOST_INFO, &info_labels(before)).set(0.0);
    }
    let seconds = f64::from(u32::try_from(at.as_unix()).unwrap_or(u32::MAX));
    gauge!(names::AUTHENTIK_ANSWER).set(seconds);
    gauge!(names::OUTPOST_LAST_UPDATE, &labels(outpost)).set(seconds);
    gauge!(names::OUTPOST_INFO, &info_labels(outpost)).set(1.0);
}

fn info_labels(outpost: &Outpost) -> [(&'static str, String); 5] {
    let [name, kind, uuid] = labels(outpost);
    [name, kind, uuid, ("version", env!("CARGO_PKG_VERSION").to_owned()), ("build", String::new())]
}

fn labels(outpost: &Outpost) -> [(&'static str, String); 3] {
    let (name, kind, uuid) = (outpost.name.clone(), outpost.kind.clone(), outpost.pk.as_str().to_owned());
    [("outpost_name", name), ("outpost_type", kind), ("uuid", uuid)]
}

/// Reports whether authentik answers on the WebSocket, until the connection is given up. The outpost may be renamed meanwhile.
pub(super) async fn report_connection(
    mut outpost: watch::Receiver<Outpost>,
    mut state: watch::Receiver<WebSocketState>,
    readiness: Readiness,
) {
    let mut reported: Option<Outpost> = None;
    loop {
        let (present, state_now) = (outpost.borrow_and_update().clone(), state.borrow_and_update().clone());
        if let Some(before) = reported.filter(|before| labels(before) != labels(&present)) {
            gauge!(names::OUTPOST_CONNECTION, &labels(&before)).set(0.0);
        }
        let value = if state_now.is_connected() { 1.0 } else { 0.0 };
        gauge!(names::AUTHENTIK_CONNECTED).set(value);
        gauge!(names::OUTPOST_CONNECTION, &labels(&present)).set(value);
        let fault = match state_now {
            WebSocketState::Disconnected(fault) => Some(format!("not connected: {fault}")),
            WebSocketState::Connecting | WebSocketState::Connected => None,
        };
        readiness.note("authentik WebSocket", fault);
        reported = Some(present);
        let changed = tokio::select! {
            changed = outpost.changed() => changed,
            changed = state.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}
