//! Sessions: store, sealing keys, lifetimes.

use std::path::PathBuf;

use super::shared_store;
use crate::config::raw::{self, Store};
use crate::config::reader::{Reader, Setting, Spanned};
use crate::config::secret_file;
use crate::domain::crypto::sealing::{SealingKey, SealingKeys};
use crate::domain::session::Lifetimes;
use crate::outbound::store::StoreSettings;
use crate::server::Sealing;

pub(super) fn session(written: &raw::Session, reader: &mut Reader<'_>) -> Option<(StoreSettings, Sealing, Lifetimes)> {
    let store = store(written, reader);
    let sealing = sealing(written, reader);
    let lifetimes = lifetimes(written, reader);
    Some((store?, sealing?, lifetimes))
}

fn store(written: &raw::Session, reader: &mut Reader<'_>) -> Option<StoreSettings> {
    let store = &written.store;
    let path = written.path.given();
    if let (Store::Memory | Store::Redis, Some(path)) = (store.value, path) {
        let (problem, help) = match store.value {
            Store::Memory => ("store `memory` does not use a file", "remove `path`, or write `store: file`"),
            Store::Redis | Store::File => {
                ("store `redis` does not use a file", "remove `path`, or write `store: file`")
            }
        };
        reader.fault(&path.location, problem, help);
    }
    let settings = written.redis.given().and_then(|section| shared_store::redis(&section.value, reader));
    match (store.value, &written.redis) {
        (Store::Redis, Setting::Absent) => {
            let help = "add a section `redis` with its `url`, or choose another store";
            reader.fault(&store.location, "store `redis` requires the address of a server", help);
            None
        }
        (Store::Redis, Setting::Given(_) | Setting::Faulty) => {
            settings.map(|settings| StoreSettings::Redis(Box::new(settings))).filter(|_| path.is_none())
        }
        (Store::Memory | Store::File, Setting::Given(section)) => {
            reader.fault(
                &section.location,
                "it has no effect with another store",
                "write `store: redis`, or remove the section",
            );
            None
        }
        (Store::Memory | Store::File, Setting::Faulty) => None,
        (Store::Memory, Setting::Absent) => path.is_none().then_some(StoreSettings::Memory),
        (Store::File, Setting::Absent) => {
            let path = path.map_or_else(|| default_path(reader), |path| path.value.clone());
            Some(StoreSettings::File { path })
        }
    }
}

/// The session file where neither `session.path` nor systemd names one. It is relative to the working directory.
pub const UNPLACED_SESSION_FILE: &str = "gatepost-sessions.db";

/// The folder of systemd's `StateDirectory=` if there is one; of several folders, the first.
pub(super) fn default_path(reader: &Reader<'_>) -> PathBuf {
    let folder = (reader.environment)("STATE_DIRECTORY").unwrap_or_default();
    match folder.split(':').next() {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder).join("sessions.db"),
        _ => PathBuf::from(UNPLACED_SESSION_FILE),
    }
}

fn sealing(written: &raw::Session, reader: &mut Reader<'_>) -> Option<Sealing> {
    let absent = written.sealing_key.is_absent() && written.sealing_key_file.is_absent();
    let current = secret_file::either(&written.sealing_key, &written.sealing_key_file, reader)
        .and_then(|Spanned { location, value }| secret_file::sealing_key(&value, &location, reader));
    let previous = previous(written, reader);
    if !absent {
        return Some(Sealing::Given(SealingKeys::new(current?, previous?)));
    }
    let lists = [
        (!written.previous_sealing_keys.value.is_empty(), &written.previous_sealing_keys.location),
        (!written.previous_sealing_keys_files.value.is_empty(), &written.previous_sealing_keys_files.location),
    ];
    let mut sound = previous.is_some();
    if written.store.value == Store::Redis {
        let help =
            "add `sealing_key_file`, with the same key at every replica; make one with `openssl rand -base64 32`";
        reader.fault(&written.store.location, "store `redis` needs a sealing key that all replicas share", help);
        sound = false;
    }
    for (_, location) in lists.iter().filter(|(given, _)| *given) {
        let help = "add `sealing_key` or `sealing_key_file`, the key that encrypts from now on";
        reader.fault(location, "previous sealing keys require a current one", help);
        sound = false;
    }
    sound.then_some(Sealing::BesideStore)
}

fn previous(written: &raw::Session, reader: &mut Reader<'_>) -> Option<Vec<SealingKey>> {
    let mut keys = Vec::new();
    for Spanned { location, value } in &written.previous_sealing_keys.value {
        keys.push(secret_file::sealing_key(value, location, reader));
    }
    for path in &written.previous_sealing_keys_files.value {
        let text = secret_file::secret(path, reader);
        keys.push(text.and_then(|text| secret_file::sealing_key(&text, &path.location, reader)));
    }
    keys.into_iter().collect()
}

fn lifetimes(written: &raw::Session, reader: &mut Reader<'_>) -> Lifetimes {
    let (absolute, idle) = (&written.absolute_lifetime, &written.idle_lifetime);
    if idle.value.0 > absolute.value.0 {
        let problem = "the idle lifetime is longer than the absolute one and has no effect";
        reader.warn(&idle.location, problem, "shorten it, or lengthen `absolute_lifetime`");
    }
    Lifetimes { absolute: absolute.value.0, idle: idle.value.0 }
}
