//! The recent sign-in that a user needs in order to end sessions: a browser that was left open, or a cookie that was stolen, is not
//! to sign its user out elsewhere.

use std::time::Duration;

use super::AuthenticationRequirement;
use crate::domain::oidc::jwt::{LEEWAY, seconds};
use crate::domain::session::SessionRecord;
use crate::domain::time::Timestamp;

/// How old the sign-in may be.
pub const RECENT: Duration = Duration::from_secs(10 * 60);

/// What the provider is asked for.
#[must_use]
pub const fn recent_sign_in() -> AuthenticationRequirement {
    AuthenticationRequirement { acr: Vec::new(), max_age: Some(RECENT) }
}

/// Whether the user of this session signed in recently: at the provider (`auth_time`), or where the provider does not tell, here.
#[must_use]
pub fn is_recent(record: &SessionRecord, now: Timestamp) -> bool {
    match seconds(record.claims.as_object(), "auth_time") {
        Ok(at_provider) => {
            let signed_in = at_provider.unwrap_or(record.created);
            signed_in <= now.plus(LEEWAY) && now.since(signed_in) <= RECENT
        }
        Err(_) => false,
    }
}

/// Whether the session is the provider's answer to [`recent_sign_in`], and was none from the beginning.
#[must_use]
pub fn was_asked_in_vain(record: &SessionRecord) -> bool {
    record.step_up == Some(recent_sign_in().fingerprint()) && !is_recent(record, record.created)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::session_record;

    #[test]
    fn the_time_at_the_provider_counts_and_else_that_of_the_session() {
        let created = Timestamp::from_unix(1_000_000);
        let record = |auth_time: Value| session_record("alice", &json!({ "auth_time": auth_time }), created.as_unix());
        let later = |seconds: u64| created.plus(Duration::from_secs(seconds));
        for (auth_time, now, expected) in [
            (Value::Null, later(600), true),
            (Value::Null, later(601), false),
            (json!(1_000_000), later(600), true),
            (json!(999_400), created, true),
            (json!(999_399), created, false),
            (json!(1_000_300), later(900), true),
            (json!(1_000_061), created, false),
            (json!("1000000"), created, false),
            (json!(-1), created, false),
        ] {
            assert_eq!(is_recent(&record(auth_time.clone()), now), expected, "{auth_time} at {now:?}");
        }
        let asked = |auth_time, step_up| SessionRecord { step_up, ..record(auth_time) };
        let fingerprint = Some(recent_sign_in().fingerprint());
        assert!(was_asked_in_vain(&asked(json!(1), fingerprint)));
        assert!(!was_asked_in_vain(&asked(json!(1), None)));
        assert!(!was_asked_in_vain(&asked(json!(1_000_000), fingerprint)));
    }
}
