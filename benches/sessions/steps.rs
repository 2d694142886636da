//! The steps that are measured with each store, in this order.
#![expect(clippy::disallowed_methods, reason = "measuring durations is what this program is for")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use gatepost::domain::time::Timestamp;
use gatepost::ports::{Cursor, SessionStore};

use crate::figures::{mebibytes, memory, processor_time, say, say_line, spread, time};
use crate::population::{self, ENDS_EARLY, SESSIONS_OF_SOME, SOME_USERS, begun, early_end, key, session, user};
use crate::store::StoreKind;
use crate::{Outcome, crash};

/// Concurrent sign-ins.
const AT_ONCE: usize = 512;
/// Look-ups of each kind.
const LOOK_UPS: u64 = 20_000;
/// Users who are active at the same time, few and many.
const HOT: u64 = 1000;
const IN_USE: u64 = 100_000;
const PAGE: usize = 500;

type Store = Arc<dyn SessionStore>;

pub(crate) async fn all(kind: StoreKind, sessions: u64, directory: &Path) -> Outcome<()> {
    say_line(&format!("store `{}`", kind.name()));
    let before = memory()?;
    let store = kind.open(directory)?;
    ready(&store).await?;
    fill(&store, sessions).await?;
    sizes(kind, sessions, directory, before)?;
    look_up(&store, sessions).await?;
    in_use(&store, sessions).await?;
    walk(&store, sessions).await?;
    let store = if kind.lasts() { start_again(kind, store, sessions, directory).await? } else { store };
    end_users(&store).await?;
    if kind.expires() {
        expire(&store, sessions).await?;
    }
    say("memory in the end", &mebibytes(memory()?));
    if kind.lasts() { shrink(kind, store, directory).await } else { Ok(()) }
}

/// Waits until the store answers: a server may have to be connected to first.
async fn ready(store: &Store) -> Outcome<()> {
    let began = Instant::now();
    while let Err(fault) = store.load(&key(0)).await {
        if began.elapsed() > Duration::from_secs(10) {
            return Err(fault.into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

async fn fill(store: &Store, sessions: u64) -> Outcome<()> {
    let began = Instant::now();
    let saves = stream::iter(0..sessions).map(|number| {
        let store = Arc::clone(store);
        async move { store.save(&key(number), session(number)).await }
    });
    let mut outcomes = saves.buffer_unordered(AT_ONCE);
    while let Some(outcome) = outcomes.next().await {
        outcome?;
    }
    let rate = u128::from(sessions) * 1000 / began.elapsed().as_millis().max(1);
    say("filled", &format!("in {}: {rate} sign-ins per second", time(began.elapsed())));
    let began = Instant::now();
    let mut alone = Vec::new();
    for number in 0..200 {
        let began = Instant::now();
        store.save(&key(sessions + 1 + number), session(sessions + 1 + number)).await?;
        alone.push(began.elapsed());
    }
    say("a sign-in alone", &format!("{} (in {})", spread(alone), time(began.elapsed())));
    Ok(())
}

fn sizes(kind: StoreKind, sessions: u64, directory: &Path, before: u64) -> Outcome<()> {
    let taken = memory()?.saturating_sub(before);
    say("memory", &format!("{}: {} bytes per session", mebibytes(taken), taken / sessions));
    if kind != StoreKind::Memory {
        let outside = kind.outside(directory)?;
        say("size outside", &format!("{}: {} bytes per session", mebibytes(outside), outside / sessions));
    }
    Ok(())
}

/// Sessions that are far apart from each other, so that none was just read together with its neighbour.
fn scattered(sessions: u64) -> impl Iterator<Item = u64> {
    (0..LOOK_UPS).map(move |number| (number * 7919 + sessions / 2) % sessions)
}

async fn look_up(store: &Store, sessions: u64) -> Outcome<()> {
    let began = processor_time()?;
    let times = timed(store, scattered(sessions)).await?;
    let each = processor_time()?.saturating_sub(began) / u32::try_from(times.len())?;
    say("look-up, not cached", &format!("{}; {} of processor time each", spread(times), time(each)));
    let hot = || (0..LOOK_UPS).map(|number| (number % HOT) * (sessions / HOT));
    timed(store, hot()).await?;
    say("look-up, cached", &spread(timed(store, hot()).await?));
    Ok(())
}

/// Many users are active at the same time, more than are cached.
async fn in_use(store: &Store, sessions: u64) -> Outcome<()> {
    let used = sessions.min(IN_USE);
    let spread_over =
        |round: u64| (0..IN_USE).map(move |number| (number * 7919 + round * 31) % used * (sessions / used));
    timed(store, spread_over(1)).await?;
    let (before, began) = (memory()?, processor_time()?);
    let times = timed(store, spread_over(2)).await?;
    let each = processor_time()?.saturating_sub(began) / u32::try_from(times.len())?;
    say("look-up, 100,000 in use", &format!("{}; {} of processor time each", spread(times), time(each)));
    say("memory then", &mebibytes(before));
    Ok(())
}

async fn timed(store: &Store, numbers: impl Iterator<Item = u64>) -> Outcome<Vec<Duration>> {
    let mut times = Vec::new();
    for number in numbers {
        let key = key(number);
        let began = Instant::now();
        let found = store.load(&key).await?;
        times.push(began.elapsed());
        found.ok_or_else(|| format!("session {number} is missing"))?;
    }
    Ok(times)
}

/// An operator lists all sessions while other users are active.
async fn walk(store: &Store, sessions: u64) -> Outcome<()> {
    let began = Instant::now();
    let (mut met, mut pages, mut next) = (0, Vec::new(), Some(Cursor::default()));
    while let Some(cursor) = next {
        let began = Instant::now();
        let page = store.page(&cursor, PAGE).await?;
        pages.push(began.elapsed());
        met += page.sessions.len() as u64;
        next = page.next;
    }
    if met < sessions {
        return Err(format!("the walk met {met} of {sessions} sessions").into());
    }
    say("walk through all", &format!("in {}; pages of {PAGE}: {}", time(began.elapsed()), spread(pages)));
    let hot = (0..HOT).map(|number| number * (sessions / HOT));
    say("look-up of active users after that", &spread(timed(store, hot).await?));
    Ok(())
}

async fn start_again(kind: StoreKind, store: Store, sessions: u64, directory: &Path) -> Outcome<Store> {
    let began = Instant::now();
    drop(store);
    say("stop", &time(began.elapsed()));
    drop(start(kind, directory, "start after a stop, until the first answer").await?);
    crash(kind, sessions, directory)?;
    let store = start(kind, directory, "start after `kill -9`, until the first answer").await?;
    if store.load(&key(sessions)).await?.is_none() {
        return Err("the session saved just before `kill -9` is missing".into());
    }
    Ok(store)
}

async fn start(kind: StoreKind, directory: &Path, what: &str) -> Outcome<Store> {
    let began = Instant::now();
    let store = kind.open(directory)?;
    store.load(&key(0)).await?.ok_or("the first session is missing")?;
    say(what, &time(began.elapsed()));
    Ok(store)
}

async fn end_users(store: &Store) -> Outcome<()> {
    let mut times = Vec::new();
    for number in 0..SOME_USERS {
        let user = user(number * SESSIONS_OF_SOME);
        let began = Instant::now();
        let ended = store.end_user(&user).await?.len() as u64;
        times.push(began.elapsed());
        if ended != SESSIONS_OF_SOME {
            return Err(format!("{ended} sessions ended instead of {SESSIONS_OF_SOME}").into());
        }
    }
    say("end all 10 sessions of a user", &spread(times));
    Ok(())
}

async fn expire(store: &Store, sessions: u64) -> Outcome<()> {
    let began = Instant::now();
    let expired = store.expire(early_end(), begun()).await? as u64;
    if expired + SESSIONS_OF_SOME * SOME_USERS < sessions / ENDS_EARLY {
        return Err(format!("only {expired} sessions expired").into());
    }
    say("expire", &format!("{expired} in {}", time(began.elapsed())));
    Ok(())
}

/// Nearly all sessions end, as over a weekend.
async fn shrink(kind: StoreKind, store: Store, directory: &Path) -> Outcome<()> {
    let (full, began) = (kind.outside(directory)?, Instant::now());
    let expired = store.expire(Timestamp::from_unix(u64::MAX), population::begun()).await?;
    let took = time(began.elapsed());
    let empty = kind.outside(directory)?;
    drop(store);
    let stopped = kind.outside(directory)?;
    drop(start_empty(kind, directory)?);
    let sizes = [full, empty, stopped, kind.outside(directory)?].map(mebibytes);
    say("expire all", &format!("{expired} in {took}"));
    say("size before, after, after a stop, after a start", &sizes.join(", "));
    Ok(())
}

fn start_empty(kind: StoreKind, directory: &Path) -> Outcome<Store> {
    let began = Instant::now();
    let store = kind.open(directory)?;
    say("start of an emptied store", &time(began.elapsed()));
    Ok(store)
}
