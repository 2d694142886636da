//! The facts of a session as bytes: protobuf fields behind their lengths (`proto/gatepost/store`).

use prost::Message as _;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::{Zeroize as _, Zeroizing};

use crate::domain::application::Slug;
use crate::domain::claims::Claims;
use crate::domain::json;
use crate::domain::session::{Renewal, SessionRecord, User};
use crate::domain::time::Timestamp;

#[expect(unreachable_pub, reason = "generated; the generator knows one visibility")]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/gatepost.store.v1.rs"));
}

/// All facts; `None` when tokens are missing that were left in the store.
pub(super) fn encode(record: &SessionRecord) -> Option<Zeroizing<Vec<u8>>> {
    let is_whole = record.id_token.is_some() && (record.renewal.is_none() || record.refresh_token().is_some());
    is_whole.then(|| Zeroizing::new(message(record).encode_to_vec()))
}

/// The facts without those tokens ([`SessionRecord::without_tokens`]).
pub(super) fn encode_without_tokens(record: &SessionRecord) -> Zeroizing<Vec<u8>> {
    let mut message = message(record);
    message.id_token.zeroize();
    message.renewal.iter_mut().for_each(|renewal| renewal.refresh_token.zeroize());
    Zeroizing::new(message.encode_to_vec())
}

/// What was encoded, with or without.
pub(super) fn decode(bytes: &[u8]) -> Option<SessionRecord> {
    let message = proto::SessionRecord::decode(bytes).ok()?;
    Some(SessionRecord {
        user: User { issuer: message.issuer, subject: message.subject },
        application: Slug::parse(&message.application).ok()?,
        claims: Claims::new(json::object(&message.claims)?),
        id_token: token(message.id_token),
        access_token: message.access_token.map(SecretString::from),
        provider_session: message.provider_session,
        renewal: message.renewal.map(|renewal| Renewal {
            refresh_token: token(renewal.refresh_token),
            due: Timestamp::from_unix(renewal.due),
            stale: Timestamp::from_unix(renewal.stale),
        }),
        generation: message.generation,
        created: Timestamp::from_unix(message.created),
        ends: Timestamp::from_unix(message.ends),
    })
}

/// No token is empty.
fn token(text: String) -> Option<SecretString> {
    (!text.is_empty()).then(|| SecretString::from(text))
}

fn message(record: &SessionRecord) -> proto::SessionRecord {
    let SessionRecord {
        user,
        application,
        claims,
        id_token,
        access_token,
        provider_session,
        renewal,
        generation,
        created,
        ends,
    } = record;
    let text = |token: &SecretString| token.expose_secret().to_owned();
    proto::SessionRecord {
        issuer: user.issuer.clone(),
        subject: user.subject.clone(),
        application: application.as_str().to_owned(),
        // A map with text as keys always has a JSON form; an empty one would not decode, and be a miss.
        claims: serde_json::to_vec(claims.as_object()).unwrap_or_default(),
        id_token: id_token.as_ref().map(text).unwrap_or_default(),
        access_token: access_token.as_ref().map(text),
        provider_session: provider_session.clone(),
        renewal: renewal.as_ref().map(|renewal| proto::Renewal {
            refresh_token: renewal.refresh_token.as_ref().map(text).unwrap_or_default(),
            due: renewal.due.as_unix(),
            stale: renewal.stale.as_unix(),
        }),
        generation: *generation,
        created: created.as_unix(),
        ends: ends.as_unix(),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::outbound::store::testing;

    #[test]
    fn records_come_back_whole_or_without_the_tokens() {
        let record = testing::record("jane", 1, 2);
        let whole = decode(&encode(&record).unwrap()).unwrap();
        assert_eq!(whole.id_token.as_ref().map(ExposeSecret::expose_secret), Some("header.jane.signature"));
        assert_eq!(whole.refresh_token().map(ExposeSecret::expose_secret), Some("refresh"));

        let without = decode(&encode_without_tokens(&record)).unwrap();
        assert!(without.id_token.is_none() && without.refresh_token().is_none());
        assert_eq!(without.access_token.as_ref().map(ExposeSecret::expose_secret), Some("access"));
        assert_eq!(encode_without_tokens(&without), encode_without_tokens(&record));
    }

    #[test]
    fn without_its_tokens_a_record_is_not_kept() {
        let record = testing::record("jane", 1, 2);
        assert!(encode(&record.clone().without_tokens()).is_none());
        let no_id_token = SessionRecord { id_token: None, ..record.clone() };
        assert!(encode(&no_id_token).is_none());
        let no_renewal = SessionRecord { renewal: None, ..record };
        assert!(encode(&no_renewal).is_some());
    }
}
