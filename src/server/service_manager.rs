//! Messages to the service manager (systemd, `Type=notify-reload`; `sd_notify(3)`). Without one they have no effect.

use sd_notify::NotifyState;

/// The service accepts connections with the present configuration.
pub(super) fn ready() {
    send(&[NotifyState::Ready]);
}

/// A reload begins; [`ready`] ends it.
pub(super) fn reloading() {
    // Without its time the manager would ignore the message.
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        send(&[NotifyState::Reloading, now]);
    }
}

/// The service stops.
pub(super) fn stopping() {
    send(&[NotifyState::Stopping]);
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(fault) = sd_notify::notify(states) {
        tracing::warn!(%fault, "the service manager cannot be notified");
    }
}
