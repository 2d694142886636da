//! Whether the UserInfo endpoint of an issuer fails, which is reported once.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing::{debug, info, warn};

/// Whether a provider's UserInfo fails: logged when it begins and when it ends, not with every sign-in.
#[derive(Default)]
pub(super) struct UserInfoOutageLog(AtomicBool);

impl UserInfoOutageLog {
    pub(super) fn began(&self, issuer: &str, cause: &str) {
        if self.0.swap(true, Ordering::Relaxed) {
            debug!(issuer, cause, "the UserInfo endpoint returns no claims");
        } else {
            warn!(
                issuer,
                cause,
                "the UserInfo endpoint returns no claims; until it does, sign-ins continue with the claims of the ID Token"
            );
        }
    }

    pub(super) fn ended(&self, issuer: &str) {
        if self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::Relaxed) {
            info!(issuer, "the UserInfo endpoint returns claims again");
        }
    }
}
