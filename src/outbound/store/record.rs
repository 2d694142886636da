//! Session records as bytes: length-delimited protobuf fields (`proto/gatepost/store`).

use std::mem::take;
use std::ops::Deref;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prost::Message as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use zeroize::Zeroize as _;

use crate::domain::oidc::claims::Claims;
use crate::domain::oidc::json;
use crate::domain::oidc::user::User;
use crate::domain::session::{Refresh, SessionRecord};
use crate::domain::slug::Slug;
use crate::domain::time::Timestamp;

#[expect(unreachable_pub, reason = "generated; the generator knows one visibility")]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/gatepost.store.v1.rs"));
}

/// Bytes that are wiped when they are dropped. They are wiped as a slice: `Zeroizing<Vec<u8>>` goes byte by byte with a
/// fence after each, and then over its capacity once more, which took longer than to find and to open a record.
pub(super) struct Wiped(pub(super) Vec<u8>);

impl Deref for Wiped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

/// A record as a message; its tokens are wiped when it is dropped.
struct Message(proto::SessionRecord);

impl Message {
    /// Wipes the tokens that stay in the store.
    fn leave_tokens(&mut self) {
        wipe(&mut self.0.id_token);
        self.0.id_token_parts.drain(..).for_each(|part| drop(Wiped(part)));
        self.0.refresh.iter_mut().for_each(|refresh| wipe(&mut refresh.refresh_token));
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        self.leave_tokens();
        self.0.access_token.iter_mut().chain(&mut self.0.sent_id_token).for_each(wipe);
    }
}

fn wipe(text: &mut String) {
    drop(Wiped(take(text).into_bytes()));
}

/// Encodes the whole record; `None` when tokens are missing that were left in the store.
pub(super) fn encode(record: &SessionRecord) -> Option<Wiped> {
    let is_whole = record.id_token.is_some() && (record.refresh.is_none() || record.refresh_token().is_some());
    is_whole.then(|| Wiped(message(record).0.encode_to_vec()))
}

/// Encodes the record without those tokens ([`SessionRecord::without_tokens`]).
pub(super) fn encode_without_tokens(record: &SessionRecord) -> Wiped {
    let mut message = message(record);
    message.leave_tokens();
    Wiped(message.0.encode_to_vec())
}

/// Decodes a record, with or without those tokens.
pub(super) fn decode(bytes: &[u8]) -> Option<SessionRecord> {
    record(Message(proto::SessionRecord::decode(bytes).ok()?))
}

/// Decodes a record, and omits those tokens in any case.
pub(super) fn decode_without_tokens(bytes: &[u8]) -> Option<SessionRecord> {
    let mut message = Message(proto::SessionRecord::decode(bytes).ok()?);
    message.leave_tokens();
    record(message)
}

fn record(mut message: Message) -> Option<SessionRecord> {
    let message = &mut message.0;
    let claims = Claims::new(json::object(&message.claims)?);
    Some(SessionRecord {
        user: User { issuer: take(&mut message.issuer), subject: take(&mut message.subject) },
        application: Slug::parse(&message.application).ok()?,
        client_id: if message.client_id.is_empty() { sole_audience(&claims)? } else { take(&mut message.client_id) },
        claims,
        id_token: token(if message.id_token_parts.is_empty() {
            take(&mut message.id_token)
        } else {
            joined(&message.id_token_parts)
        }),
        access_token: message.access_token.take().map(SecretString::from),
        sent_id_token: message.sent_id_token.take().map(SecretString::from),
        provider_session: message.provider_session.take(),
        refresh: message.refresh.as_mut().map(|refresh| Refresh {
            refresh_token: token(take(&mut refresh.refresh_token)),
            due: Timestamp::from_unix(refresh.due),
            stale: Timestamp::from_unix(refresh.stale),
        }),
        step_up: message.step_up,
        generation: message.generation,
        created: Timestamp::from_unix(message.created),
        created_millis: u16::try_from(message.created_millis).ok()?,
        ends: Timestamp::from_unix(message.ends),
    })
}

/// The client of a record that names none: earlier builds stored it as the `aud` of the ID Token only.
fn sole_audience(claims: &Claims) -> Option<String> {
    let audience = claims.as_object().get("aud")?;
    let sole = audience.as_array().map_or(Some(audience), |list| list.first().filter(|_| list.len() == 1));
    sole.and_then(Value::as_str).map(str::to_owned)
}

/// An empty text stands for an absent token: no token is empty.
fn token(text: String) -> Option<SecretString> {
    (!text.is_empty()).then(|| SecretString::from(text))
}

/// The decoded parts of a token in compact form (RFC 7515 section 7.1); empty where they would not encode to the same text.
fn parts(token: &str) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    for part in token.split('.') {
        // This engine rejects every text that it would not produce itself.
        let Ok(part) = URL_SAFE_NO_PAD.decode(part) else {
            parts.drain(..).for_each(|part| drop(Wiped(part)));
            break;
        };
        parts.push(part);
    }
    parts
}

fn joined(parts: &[Vec<u8>]) -> String {
    // A text that grew, or was longer than its contents, would leave copies behind.
    let encoded = parts.iter().map(|part| base64::encoded_len(part.len(), false).unwrap_or_default());
    let mut token = String::with_capacity(encoded.sum::<usize>() + parts.len().saturating_sub(1));
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            token.push('.');
        }
        URL_SAFE_NO_PAD.encode_string(part, &mut token);
    }
    token
}

fn message(record: &SessionRecord) -> Message {
    let SessionRecord {
        user,
        application,
        client_id,
        claims,
        id_token,
        access_token,
        sent_id_token,
        provider_session,
        refresh,
        step_up,
        generation,
        created,
        created_millis,
        ends,
    } = record;
    let text = |token: &SecretString| token.expose_secret().to_owned();
    let id_token_parts = id_token.as_ref().map(|token| parts(token.expose_secret())).unwrap_or_default();
    let whole_id_token = id_token.as_ref().filter(|_| id_token_parts.is_empty());
    Message(proto::SessionRecord {
        issuer: user.issuer.clone(),
        subject: user.subject.clone(),
        application: application.as_str().to_owned(),
        client_id: client_id.clone(),
        // A map with text keys always has a JSON form; an empty value would not decode, and be a miss.
        claims: serde_json::to_vec(claims.as_object()).unwrap_or_default(),
        id_token: whole_id_token.map(text).unwrap_or_default(),
        id_token_parts,
        access_token: access_token.as_ref().map(text),
        sent_id_token: sent_id_token.as_ref().map(text),
        provider_session: provider_session.clone(),
        refresh: refresh.as_ref().map(|refresh| proto::RefreshState {
            refresh_token: refresh.refresh_token.as_ref().map(text).unwrap_or_default(),
            due: refresh.due.as_unix(),
            stale: refresh.stale.as_unix(),
        }),
        step_up: *step_up,
        generation: *generation,
        created: created.as_unix(),
        created_millis: u32::from(*created_millis),
        ends: ends.as_unix(),
    })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;
    use crate::outbound::store::testing;

    #[test]
    fn records_come_back_whole_or_without_the_tokens() {
        let record = testing::record("jane", 1, 2);
        let whole = decode(&encode(&record).unwrap()).unwrap();
        assert_eq!(whole.id_token.as_ref().map(ExposeSecret::expose_secret), Some("header.jane.signature"));
        assert_eq!(whole.refresh_token().map(ExposeSecret::expose_secret), Some("refresh"));

        let without = decode(&encode_without_tokens(&record)).unwrap();
        let left = decode_without_tokens(&encode(&record).unwrap()).unwrap();
        assert_eq!(*encode_without_tokens(&left), *encode_without_tokens(&without));
        assert!(left.id_token.is_none() && left.refresh_token().is_none());
        assert!(without.id_token.is_none() && without.refresh_token().is_none());
        assert_eq!(without.access_token.as_ref().map(ExposeSecret::expose_secret), Some("access"));
        assert_eq!(without.sent_id_token.as_ref().map(ExposeSecret::expose_secret), Some("sent"));
        assert_eq!(*encode_without_tokens(&without), *encode_without_tokens(&record));
    }

    #[test]
    fn a_record_without_a_client_is_of_its_only_audience() {
        for (audience, client) in [
            (json!({ "aud": "wiki" }), Some("wiki")),
            (json!({ "aud": ["wiki"] }), Some("wiki")),
            (json!({ "aud": ["wiki", "api"] }), None),
            (json!({ "aud": [] }), None),
            (json!({ "aud": 1 }), None),
            (json!({}), None),
        ] {
            let claims = Claims::new(audience.as_object().unwrap().clone());
            let stored = encode(&SessionRecord { claims, client_id: String::new(), ..testing::record("jane", 1, 2) });
            let client_id = decode(&stored.unwrap()).map(|record| record.client_id);
            assert_eq!(client_id.as_deref(), client, "{audience}");
        }
    }

    #[test]
    fn an_id_token_comes_back_to_the_letter() {
        let signed = format!("{}.{}.{}", URL_SAFE_NO_PAD.encode("{}"), URL_SAFE_NO_PAD.encode("{\"a\":1}"), "c2ln");
        // Padding, unused bits that are set, the other alphabet, empty parts; and a token with none of these.
        for token in [signed.as_str(), "a", "YQ==", "YR", "YQ+/.YQ", "..", "YQ..", ".", "header.jane.signature", "ü"] {
            let record = SessionRecord { id_token: Some(token.into()), ..testing::record("jane", 1, 2) };
            let back = decode(&encode(&record).unwrap()).unwrap();
            assert_eq!(back.id_token.as_ref().map(ExposeSecret::expose_secret), Some(token));
        }
        assert_eq!(parts(&signed).len(), 3);
        assert_eq!(joined(&parts(&signed)).capacity(), signed.len(), "no copy is left behind");
    }

    #[test]
    fn a_record_that_is_taken_from_its_message_leaves_no_token_there() {
        let mut taken = message(&testing::record("jane", 1, 2));
        assert!(taken.0.access_token.is_some() && !taken.0.id_token.is_empty());
        taken.leave_tokens();
        assert!(taken.0.id_token.is_empty() && taken.0.id_token_parts.is_empty());
        assert!(taken.0.refresh.iter().all(|refresh| refresh.refresh_token.is_empty()));
    }

    #[test]
    fn without_its_tokens_a_record_is_not_kept() {
        let record = testing::record("jane", 1, 2);
        assert!(encode(&record.clone().without_tokens()).is_none());
        let no_id_token = SessionRecord { id_token: None, ..record.clone() };
        assert!(encode(&no_id_token).is_none());
        let no_refresh = SessionRecord { refresh: None, ..record };
        assert!(encode(&no_refresh).is_some());
    }
}
