//! Random sequences of operations on every store, compared with a model that is small enough to be correct.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use crate::domain::session::{Session, SessionKey, SessionRecord};
use crate::outbound::store::testing::{at, attempt, block_on, key, provider_session, record, stores, user};
use crate::ports::{Consumption, Cursor, Lease, ProviderSessionEnd, SessionStore, StoredSession};

const SUBJECTS: [&str; 3] = ["jane", "mary", "john"];
/// The ids of provider sessions; the last stands for none.
const SIDS: [Option<&str>; 3] = [Some("a"), Some("b"), None];

#[derive(Clone, Debug)]
pub(in crate::outbound::store) enum Step {
    Save {
        number: u64,
        subject: usize,
        sid: usize,
        created: u64,
        lasts: u64,
    },
    Touch {
        number: u64,
        last_seen: u64,
    },
    /// Refreshes by this many generations; only one is valid.
    Refresh {
        number: u64,
        by: u32,
        lasts: u64,
    },
    ConsumeOnce {
        number: u8,
        until: u64,
    },
    Remove(Removal),
    Read(Reading),
}

#[derive(Clone, Debug)]
pub(in crate::outbound::store) enum Removal {
    End { number: u64 },
    User { subject: usize },
    ProviderSession { sid: usize, of: Option<usize> },
    Expired { now: u64, idle: u64 },
}

#[derive(Clone, Debug)]
pub(in crate::outbound::store) enum Reading {
    Load { number: u64 },
    Lease { number: u64 },
    Walk { limit: usize },
    OfUser { subject: usize },
}

/// Far from the epoch, at which the clocks of these tests stand: nothing expires by itself.
const BEGINNING: u64 = 1000;

pub(in crate::outbound::store) fn step() -> impl Strategy<Value = Step> {
    let (number, subject, time) = (0..6_u64, 0..SUBJECTS.len(), BEGINNING..BEGINNING + 60);
    prop_oneof![
        5 => (number.clone(), subject, 0..SIDS.len(), time.clone(), 1..40_u64).prop_map(
            |(number, subject, sid, created, lasts)| Step::Save { number, subject, sid, created, lasts }
        ),
        3 => (number.clone(), time.clone()).prop_map(|(number, last_seen)| Step::Touch { number, last_seen }),
        3 => (number, prop_oneof![4 => Just(1_u32), 1 => 0..3_u32], 1..40_u64)
            .prop_map(|(number, by, lasts)| Step::Refresh { number, by, lasts }),
        2 => (0..3_u8, time).prop_map(|(number, until)| Step::ConsumeOnce { number, until }),
        5 => removal().prop_map(Step::Remove),
        7 => reading().prop_map(Step::Read),
    ]
}

fn removal() -> impl Strategy<Value = Removal> {
    let (number, subject, time) = (0..6_u64, 0..SUBJECTS.len(), BEGINNING..BEGINNING + 60);
    prop_oneof![
        1 => number.prop_map(|number| Removal::End { number }),
        1 => subject.clone().prop_map(|subject| Removal::User { subject }),
        2 => (0..SIDS.len() - 1, prop::option::of(subject))
            .prop_map(|(sid, of)| Removal::ProviderSession { sid, of }),
        1 => (time, 0..30_u64).prop_map(|(now, idle)| Removal::Expired { now, idle }),
    ]
}

fn reading() -> impl Strategy<Value = Reading> {
    prop_oneof![
        4 => (0..6_u64).prop_map(|number| Reading::Load { number }),
        1 => (0..6_u64).prop_map(|number| Reading::Lease { number }),
        1 => (1..8_usize).prop_map(|limit| Reading::Walk { limit }),
        1 => (0..SUBJECTS.len()).prop_map(|subject| Reading::OfUser { subject }),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Modelled {
    subject: usize,
    sid: usize,
    generation: u32,
    created: u64,
    ends: u64,
    seen: u64,
}

impl Modelled {
    fn session(self) -> Session {
        let Self { subject, sid, generation, created, ends, .. } = self;
        let provider_session = SIDS[sid].map(str::to_owned);
        Session::restore(SessionRecord { provider_session, generation, ..record(SUBJECTS[subject], created, ends) })
    }

    fn of(stored: &StoredSession) -> Self {
        let record = stored.session.record();
        let position = SUBJECTS.iter().position(|subject| *subject == record.user.subject);
        Self {
            subject: position.expect("a known subject"),
            sid: SIDS.iter().position(|sid| *sid == record.provider_session.as_deref()).expect("a known session"),
            generation: record.generation,
            created: record.created.as_unix() - at(0).as_unix(),
            ends: record.ends.as_unix() - at(0).as_unix(),
            seen: stored.last_seen.as_unix() - at(0).as_unix(),
        }
    }
}

#[derive(Default)]
struct Model {
    sessions: BTreeMap<u64, Modelled>,
    consumed: BTreeMap<u8, u64>,
}

impl Model {
    fn remove(&mut self, doomed: impl Fn(&Modelled) -> bool) -> usize {
        let before = self.sessions.len();
        self.sessions.retain(|_, session| !doomed(session));
        before - self.sessions.len()
    }

    fn those(&self, wanted: impl Fn(&Modelled) -> bool) -> BTreeMap<SessionKey, Modelled> {
        let found = self.sessions.iter().filter(|(_, session)| wanted(session));
        found.map(|(number, session)| (key(*number), *session)).collect()
    }
}

type Store = Arc<dyn SessionStore>;

async fn check(store: &Store, model: &mut Model, step: Step) {
    match step {
        Step::Save { number, subject, sid, created, lasts } => {
            let saved = Modelled { subject, sid, generation: 0, created, ends: created + lasts, seen: created };
            store.save(&key(number), saved.session()).await.expect("saves");
            model.sessions.insert(number, saved);
        }
        Step::Touch { number, last_seen } => {
            store.touch(&key(number), at(last_seen)).await.expect("touches");
            if let Some(session) = model.sessions.get_mut(&number) {
                session.seen = last_seen.max(session.seen);
            }
        }
        Step::Refresh { number, by, lasts } => refresh(store, model, number, by, lasts).await,
        Step::ConsumeOnce { number, until } => {
            let consumed = store.consume_once(&attempt(number), at(until)).await.expect("spends");
            assert_eq!(consumed == Consumption::Repeated, model.consumed.contains_key(&number));
            model.consumed.entry(number).or_insert(until);
        }
        Step::Remove(removal) => remove(store, model, removal).await,
        Step::Read(reading) => read(store, model, reading).await,
    }
}

async fn refresh(store: &Store, model: &mut Model, number: u64, by: u32, lasts: u64) {
    let before = model.sessions.get(&number).copied();
    // For a session that does not exist, a plausible template.
    let template = Modelled { subject: 0, sid: 0, generation: 0, created: 1, ends: 2, seen: 1 };
    let template = before.unwrap_or(template);
    let next = Modelled { generation: template.generation + by, ends: template.created + lasts, ..template };
    let refreshed = store.replace(&key(number), next.session()).await.expect("is no fault");
    assert_eq!(refreshed, before.is_some() && by == 1);
    if refreshed {
        model.sessions.insert(number, next);
    }
}

async fn remove(store: &Store, model: &mut Model, removal: Removal) {
    match removal {
        Removal::End { number } => {
            let ended = store.end(&key(number)).await.expect("ends");
            let expected = model.sessions.remove(&number);
            let generation = ended.map(|session| session.record().generation);
            assert_eq!(generation, expected.map(|session| session.generation));
        }
        Removal::User { subject } => {
            let count = store.end_user(&user(SUBJECTS[subject])).await.expect("ends").len();
            assert_eq!(count, model.remove(|session| session.subject == subject));
        }
        Removal::ProviderSession { sid, of } => {
            let id = provider_session(SIDS[sid].expect("a session of the provider's"));
            let user = of.map(|subject| user(SUBJECTS[subject]));
            let end = store.end_provider_session(&id, user.as_ref()).await.expect("ends");
            let others = model.those(|session| session.sid == sid && of.is_some_and(|of| of != session.subject));
            match end {
                ProviderSessionEnd::OtherUser => assert!(!others.is_empty()),
                ProviderSessionEnd::Ended(ended) => {
                    assert!(others.is_empty());
                    assert_eq!(ended.len(), model.remove(|session| session.sid == sid));
                }
            }
        }
        Removal::Expired { now, idle } => {
            let idle_since = now.saturating_sub(idle);
            let count = store.expire(at(now), at(idle_since)).await.expect("expires");
            assert_eq!(count, model.remove(|session| session.ends <= now || session.seen < idle_since));
            model.consumed.retain(|_, until| *until > now);
        }
    }
}

async fn read(store: &Store, model: &Model, reading: Reading) {
    match reading {
        Reading::Load { number } => {
            let found = store.load(&key(number)).await.expect("loads");
            assert_eq!(found.as_ref().map(Modelled::of).as_ref(), model.sessions.get(&number));
        }
        Reading::Lease { number } => {
            let holder = [1; 16];
            let span = std::time::Duration::from_secs(2);
            let Lease::Held(found) = store.lease(&key(number), &holder, span).await.expect("leases") else {
                panic!("nobody else is there")
            };
            assert_eq!(found.as_ref().map(Modelled::of).as_ref(), model.sessions.get(&number));
            store.release(&key(number), &holder).await.expect("releases");
        }
        Reading::Walk { limit } => {
            let (mut met, mut next) = (BTreeMap::new(), Some(Cursor::default()));
            while let Some(cursor) = next {
                let page = store.page(&cursor, limit).await.expect("a page");
                met.extend(page.sessions.iter().map(|listed| (listed.key, Modelled::of(&listed.stored))));
                next = page.next;
            }
            assert_eq!(met, model.those(|_| true));
        }
        Reading::OfUser { subject } => {
            let listed = store.of_user(&user(SUBJECTS[subject])).await.expect("lists");
            let listed: BTreeMap<_, _> =
                listed.iter().map(|listed| (listed.key, Modelled::of(&listed.stored))).collect();
            assert_eq!(listed, model.those(|session| session.subject == subject));
        }
    }
}

/// Runs the steps on an empty store and on a model, and compares them.
pub(in crate::outbound::store) async fn check_all(store: &Store, steps: Vec<Step>) {
    let mut model = Model::default();
    for step in steps {
        check(store, &mut model, step).await;
    }
    for number in 0..6 {
        read(store, &model, Reading::Load { number }).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_store_behaves_like_the_model(steps in prop::collection::vec(step(), 1..60)) {
        for (_, store, _directory) in stores() {
            block_on(check_all(&store, steps.clone()));
        }
    }
}
