//! Compression of sessions at rest: what all of them have in common (claim names, groups, issuer) is stored once as a
//! dictionary, and each session as the difference to it. Several hundred bytes become about one hundred.

use std::sync::OnceLock;

use lz4_flex::block::{compress_prepend_size_with_dict, decompress_size_prepended_with_dict};
use serde_json::Value;
use zeroize::Zeroizing;

use super::record::{self, Wiped};
use crate::domain::oidc::claims::Claims;
use crate::domain::oidc::user::User;
use crate::domain::session::SessionRecord;

/// A session without the tokens that only its refresh and its end need.
pub(super) type CompressedRecord = Zeroizing<Box<[u8]>>;

/// Compresses sessions, with a dictionary made from the first.
#[derive(Default)]
pub(super) struct RecordCompression {
    pattern: OnceLock<Box<[u8]>>,
}

impl RecordCompression {
    pub(super) fn pack(&self, record: &SessionRecord) -> CompressedRecord {
        let pattern = self.pattern.get_or_init(|| (*record::encode_without_tokens(&in_common(record))).into());
        let plain = record::encode_without_tokens(record);
        // Copied, because truncating the buffer would leave its spare capacity allocated.
        Zeroizing::new(compress_prepend_size_with_dict(&plain, pattern).as_slice().into())
    }

    /// `None` for data that this value has not compressed.
    pub(super) fn unpack(&self, packed: &CompressedRecord) -> Option<SessionRecord> {
        let plain = decompress_size_prepended_with_dict(packed, self.pattern.get()?).ok()?;
        record::decode(&Wiped(plain))
    }
}

/// The parts that other sessions are likely to have as well: nothing that identifies this user, because the dictionary is
/// kept for the lifetime of the process.
fn in_common(record: &SessionRecord) -> SessionRecord {
    let mut claims = record.claims.as_object().clone();
    for value in claims.values_mut().filter(|value| value.is_string() || value.is_object()) {
        *value = Value::String(String::new());
    }
    SessionRecord {
        user: User { issuer: record.user.issuer.clone(), subject: String::new() },
        claims: Claims::new(claims),
        access_token: None,
        sent_id_token: None,
        provider_session: None,
        step_up: None,
        ..record.clone()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;
    use crate::outbound::store::testing;

    fn record(name: &str) -> SessionRecord {
        let claims = json!({
            "sub": name, "preferred_username": name, "email": format!("{name}@example.com"), "email_verified": true,
            "name": format!("The name of {name}"), "groups": ["staff", "wiki-editors"], "entitlements": ["editor"],
        });
        let claims = Claims::new(claims.as_object().unwrap().clone());
        SessionRecord { claims, access_token: None, ..testing::record(name, 1, 2) }
    }

    #[test]
    fn what_was_packed_comes_back_without_the_tokens() {
        let compression = RecordCompression::default();
        for name in ["jane", "mary", "ünïcode"] {
            let whole = SessionRecord { access_token: Some("access".into()), ..record(name) };
            let back = compression.unpack(&compression.pack(&whole)).unwrap();
            assert_eq!((&back.user, &back.application, &back.claims), (&whole.user, &whole.application, &whole.claims));
            assert_eq!((back.created, back.ends, back.generation), (whole.created, whole.ends, whole.generation));
            assert_eq!(back.provider_session, whole.provider_session);
            assert_eq!(back.access_token.as_ref().map(ExposeSecret::expose_secret), Some("access"));
            assert!(back.id_token.is_none() && back.refresh_token().is_none());
        }
    }

    #[test]
    fn sessions_of_one_provider_take_little_room() {
        let compression = RecordCompression::default();
        compression.pack(&record("jane"));
        let (packed, plain) =
            (compression.pack(&record("user-000042")), record::encode_without_tokens(&record("user-000042")));
        assert!(packed.len() * 2 < plain.len(), "{} of {}", packed.len(), plain.len());
    }

    #[test]
    fn the_pattern_tells_nothing_about_the_first_user() {
        let compression = RecordCompression::default();
        compression.pack(&SessionRecord { access_token: Some("access".into()), ..record("jane") });
        let pattern = String::from_utf8_lossy(compression.pattern.get().unwrap()).into_owned();
        for private in ["jane", "access", "sid-1", "header.", "refresh"] {
            assert!(!pattern.contains(private), "{pattern}");
        }
        assert!(pattern.contains("preferred_username") && pattern.contains("wiki-editors"));
    }
}
