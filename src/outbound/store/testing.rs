//! Shared helpers of all store tests: sessions, keys and stores.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use tempfile::TempDir;

use super::StoreSettings;
use super::file::{FileStore, Limits};
use crate::domain::crypto::replay::ReplayKey;
use crate::domain::oidc::user::{ProviderSession, User};
use crate::domain::session::{Lifetimes, Refresh, Session, SessionId, SessionKey, SessionRecord};
use crate::domain::time::Timestamp;
use crate::ports::SessionStore;
pub(super) use crate::testing::sealing_keys as keys;
use crate::testing::{ManualClock, SystemEntropy, session_record};

pub(super) const ISSUER: &str = "https://sso.example.com/application/o/wiki/";

/// Lifetimes longer than all times in tests.
pub(super) const LIFETIMES: Lifetimes =
    Lifetimes { absolute: Duration::from_hours(24), idle: Duration::from_hours(12) };

fn open(settings: &StoreSettings) -> Arc<dyn SessionStore> {
    super::open(settings, keys(1), LIFETIMES, Arc::new(SystemEntropy), ManualClock::at(0)).expect("opens").store
}

pub(super) fn key(number: u64) -> SessionKey {
    let mut random = [0; 32];
    random[..8].copy_from_slice(&number.to_be_bytes());
    SessionId::new(random).key()
}

pub(super) fn attempt(number: u8) -> ReplayKey {
    ReplayKey::from_bytes([number; 16])
}

pub(super) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix(seconds)
}

pub(super) fn user(subject: &str) -> User {
    User { issuer: ISSUER.to_owned(), subject: subject.to_owned() }
}

/// The record of a session of `subject` from `created` until `ends`, with every optional part.
pub(super) fn record(subject: &str, created: u64, ends: u64) -> SessionRecord {
    let claims =
        json!({ "sub": subject, "preferred_username": "jane", "groups": ["staff", "wiki"], "n": { "deep": null } });
    SessionRecord {
        user: user(subject),
        id_token: Some(format!("header.{subject}.signature").into()),
        access_token: Some(SecretString::from("access")),
        sent_id_token: Some(SecretString::from("sent")),
        provider_session: Some("sid-1".to_owned()),
        refresh: Some(Refresh { refresh_token: Some("refresh".into()), due: at(created), stale: at(ends) }),
        step_up: Some(7),
        created_millis: 999,
        ends: at(ends),
        ..session_record(subject, &claims, created)
    }
}

/// The session of [`record`].
pub(super) fn session(subject: &str, created: u64, ends: u64) -> Session {
    Session::restore(record(subject, created, ends))
}

/// The same session after `generation` refreshes; its tokens contain the generation.
pub(super) fn refreshed(subject: &str, created: u64, ends: u64, generation: u32) -> Session {
    let refresh_token = Some(format!("refresh {generation}").into());
    Session::restore(SessionRecord {
        generation,
        id_token: Some(format!("header.{subject}.signature {generation}").into()),
        refresh: Some(Refresh { refresh_token, due: at(created), stale: at(ends) }),
        ..record(subject, created, ends)
    })
}

/// The provider session with the id `id`.
pub(super) fn provider_session(id: &str) -> ProviderSession {
    ProviderSession { issuer: ISSUER.to_owned(), id: id.to_owned() }
}

/// A session that belongs to the provider session with the id `id`, or to none.
pub(super) fn resting_on(id: Option<&str>, subject: &str, created: u64, ends: u64) -> Session {
    Session::restore(SessionRecord { provider_session: id.map(str::to_owned), ..record(subject, created, ends) })
}

pub(super) fn open_file(path: &Path) -> Arc<dyn SessionStore> {
    let settings = StoreSettings::File { path: path.to_owned() };
    open(&settings)
}

/// A file store without a cache.
pub(super) fn open_uncached(path: &Path) -> Arc<FileStore> {
    let limits = Limits { cache_bytes: 0, ..Limits::USUAL };
    Arc::new(FileStore::open_with(path, keys(1), Arc::new(SystemEntropy), limits).expect("opens"))
}

/// Every kind of store, empty, with the directory that must outlive it.
pub(super) fn stores() -> Vec<(&'static str, Arc<dyn SessionStore>, TempDir)> {
    let in_memory = open(&StoreSettings::Memory);
    let [unused, cached, uncached] = [(), (), ()].map(|()| TempDir::new().expect("a directory"));
    let in_file = open_file(&cached.path().join("sessions.db"));
    let in_uncached_file = open_uncached(&uncached.path().join("sessions.db"));
    vec![("memory", in_memory, unused), ("file", in_file, cached), ("file, no cache", in_uncached_file, uncached)]
}

pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}
