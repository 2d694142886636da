//! SM-4 inside one process: once an end has returned, no reader sees the session, with any load or refresh in progress.

use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

use crate::outbound::store::file::write_behind::{LoadPurpose, PendingWrites};
use crate::outbound::store::file::*;
use crate::outbound::store::testing::{at, block_on, key, keys, session, user};
use crate::testing::SystemEntropy;

const KEYS: u64 = 8;
const ROUNDS: u64 = 60;
const READERS: usize = 6;

/// For each key the newest generation that has ended. A session's generation is its `created`.
struct Ended([AtomicU64; 8]);

/// Every load that begins after an end must find a later generation, or nothing.
async fn read_until_done(store: Arc<FileStore>, ended: Arc<Ended>, done: Arc<AtomicU64>) -> u64 {
    let mut seen = 0;
    while done.load(Ordering::SeqCst) < KEYS {
        for number in 0..KEYS {
            let known = ended.0[usize::try_from(number).unwrap()].load(Ordering::SeqCst);
            if let Some(stored) = store.load(&key(number)).await.unwrap() {
                let generation = stored.session.record().created.as_unix();
                assert!(generation > known, "key {number}: generation {generation} after the end of {known}");
                store.touch(&key(number), at(generation)).await.unwrap();
                seen += 1;
            }
        }
        // Cached sessions are returned without waiting; the task that ends them needs the executor, too.
        task::yield_now().await;
    }
    seen
}

async fn save_and_end(store: Arc<FileStore>, number: u64, ended: Arc<Ended>, done: Arc<AtomicU64>) {
    let subject = format!("user-{number}");
    for generation in 1..=ROUNDS {
        store.save(&key(number), session(&subject, generation, 1_000_000)).await.unwrap();
        // Found once before it ends, and from then on also by the readers.
        assert!(store.load(&key(number)).await.unwrap().is_some());
        match generation % 3 {
            0 => assert_eq!(store.end_user(&user(&subject)).await.unwrap().len(), 1),
            1 => assert!(store.end(&key(number)).await.unwrap().is_some()),
            _ => {
                // Sessions under other keys are of about the same age; they may expire too, which is harmless.
                store.end(&key(number)).await.unwrap();
                store.expire(at(0), at(0)).await.unwrap();
            }
        }
        ended.0[usize::try_from(number).unwrap()].store(generation, Ordering::SeqCst);
    }
    done.fetch_add(1, Ordering::SeqCst);
}

#[test]
fn sm_4_an_ended_session_is_never_served_again() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("sessions.db");
    let store = Arc::new(FileStore::open(&path, keys(1), Arc::new(SystemEntropy)).unwrap());
    let (ended, done) = (Arc::new(Ended(Default::default())), Arc::new(AtomicU64::new(0)));
    let seen = block_on(async {
        let readers: Vec<_> =
            (0..READERS).map(|_| tokio::spawn(read_until_done(store.clone(), ended.clone(), done.clone()))).collect();
        let writers: Vec<_> = (0..KEYS)
            .map(|number| tokio::spawn(save_and_end(store.clone(), number, ended.clone(), done.clone())))
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let mut seen = 0;
        for reader in readers {
            seen += reader.await.unwrap();
        }
        seen
    });
    assert!(seen > 0, "the readers saw sessions at all");
}

/// The same without a disk, whose syncs would prevent most interleavings: one key, a file that is a number (the
/// generation that lives, 0 for none), and threads that load and end as fast as they can.
#[test]
fn sm_4_loads_and_ends_in_any_order_leave_no_ended_session_in_the_cache() {
    const GENERATIONS: u64 = 20_000;
    let recent = WriteBehindCache::new(1 << 20);
    let (file, ended) = (AtomicU64::new(0), AtomicU64::new(0));
    let load = || {
        let known = ended.load(Ordering::SeqCst);
        let stored = recent.cached(&key(1)).or_else(|| {
            let loading = recent.begin_load(&key(1))?;
            let generation = Some(file.load(Ordering::SeqCst)).filter(|generation| *generation > 0)?;
            std::thread::yield_now();
            recent.finish_load(&loading, found(generation), 1, LoadPurpose::Use)
        })?;
        let generation = stored.session.record().created.as_unix();
        assert!(generation > known, "generation {generation} after the end of {known}");
        Some(())
    };
    let seen: usize = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let loads = std::iter::from_fn(|| (ended.load(Ordering::SeqCst) < GENERATIONS).then(load));
                    loads.flatten().count()
                })
            })
            .collect();
        for generation in 1..=GENERATIONS {
            file.store(generation, Ordering::SeqCst);
            recent.settle(&PendingWrites::default(), [key(1)]);
            std::thread::yield_now();
            file.store(0, Ordering::SeqCst);
            recent.settle(&PendingWrites::default(), [key(1)]);
            ended.store(generation, Ordering::SeqCst);
        }
        readers.into_iter().map(|reader| reader.join().unwrap()).sum()
    });
    assert!(seen > 1000, "the readers saw sessions at all: {seen}");
}

/// A session as read from the file.
fn found(created: u64) -> StoredSession {
    StoredSession { session: Arc::new(session("jane", created, 2)), last_seen: at(1) }
}

/// The interleaving that a cache without an epoch gets wrong, step by step.
#[test]
fn a_load_that_was_overtaken_by_an_end_is_not_cached() {
    let recent = WriteBehindCache::new(1 << 20);
    let loading = recent.begin_load(&key(1)).unwrap();
    recent.settle(&recent.unwritten(), [key(1)]);
    assert!(recent.finish_load(&loading, found(1), 1, LoadPurpose::Use).is_some(), "the load began before the end");
    assert!(recent.cached(&key(1)).is_none());

    let loading = recent.begin_load(&key(1)).unwrap();
    assert!(recent.finish_load(&loading, found(1), 1, LoadPurpose::Use).is_some());
    assert!(recent.cached(&key(1)).is_some());
}

#[test]
fn ends_that_could_not_be_written_hold_in_this_process() {
    let recent = WriteBehindCache::new(1 << 20);
    for number in 1..=3 {
        let loading = recent.begin_load(&key(number)).unwrap();
        recent.finish_load(&loading, found(1), if number == 3 { 3 } else { 1 }, LoadPurpose::Use);
    }
    let overtaken = recent.begin_load(&key(1)).unwrap();
    recent.end(key(1));
    assert!(recent.cached(&key(1)).is_none() && recent.begin_load(&key(1)).is_none());
    assert!(recent.finish_load(&overtaken, found(1), 1, LoadPurpose::Use).is_none());
    recent.end_user(1);
    assert!(recent.cached(&key(2)).is_none() && recent.cached(&key(3)).is_some());
    let loading = recent.begin_load(&key(2)).unwrap();
    assert!(recent.finish_load(&loading, found(1), 1, LoadPurpose::Use).is_none());
    let overtaken = recent.begin_load(&key(2)).unwrap();
    recent.settle(&recent.unwritten(), [key(2)]);
    assert!(recent.unwritten().is_empty());
    assert!(!recent.is_current(&overtaken), "what it found in the file before has to be read again");
}

#[test]
fn the_cache_is_bounded() {
    let recent = WriteBehindCache::new(100 * 1024);
    for number in 0..1000 {
        let loading = recent.begin_load(&key(number)).unwrap();
        recent.finish_load(&loading, found(1), 1, LoadPurpose::Use);
    }
    let cached = (0..1000).filter(|number| recent.cached(&key(*number)).is_some()).count();
    assert!((1..=100 * 1024 / 256).contains(&cached), "{cached}");
}
