//! Random sequences of operations on every store, beside a model that is small enough to be right.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::testing::{at, attempt, block_on, key, session, stores, user};
use crate::ports::{SessionStore, Spent};

const SUBJECTS: [&str; 3] = ["jane", "mary", "john"];

#[derive(Clone, Debug)]
pub(super) enum Step {
    Save { number: u64, subject: usize, created: u64, lasts: u64 },
    Load { number: u64 },
    Touch { number: u64, last_seen: u64 },
    End { number: u64 },
    EndUser { subject: usize },
    Spend { number: u8, until: u64 },
    Expire { now: u64, idle: u64 },
}

/// Far from the epoch, at which the clocks of these tests stand: nothing is over by itself.
const BEGINNING: u64 = 1000;

pub(super) fn step() -> impl Strategy<Value = Step> {
    let (number, subject, time) = (0..6_u64, 0..SUBJECTS.len(), BEGINNING..BEGINNING + 60);
    prop_oneof![
        4 => (number.clone(), subject.clone(), time.clone(), 1..40_u64)
            .prop_map(|(number, subject, created, lasts)| Step::Save { number, subject, created, lasts }),
        4 => number.clone().prop_map(|number| Step::Load { number }),
        3 => (number.clone(), time.clone()).prop_map(|(number, last_seen)| Step::Touch { number, last_seen }),
        1 => number.prop_map(|number| Step::End { number }),
        1 => subject.prop_map(|subject| Step::EndUser { subject }),
        2 => (0..3_u8, time.clone()).prop_map(|(number, until)| Step::Spend { number, until }),
        1 => (time, 0..30_u64).prop_map(|(now, idle)| Step::Expire { now, idle }),
    ]
}

#[derive(Default)]
struct Model {
    /// Subject, end and last use of each session.
    sessions: BTreeMap<u64, (usize, u64, u64)>,
    spent: BTreeMap<u8, u64>,
}

impl Model {
    fn remove(&mut self, doomed: impl Fn(&(usize, u64, u64)) -> bool) -> usize {
        let before = self.sessions.len();
        self.sessions.retain(|_, session| !doomed(session));
        before - self.sessions.len()
    }
}

async fn check(store: &Arc<dyn SessionStore>, model: &mut Model, step: Step) {
    match step {
        Step::Save { number, subject, created, lasts } => {
            store.save(&key(number), session(SUBJECTS[subject], created, created + lasts)).await.expect("saves");
            model.sessions.insert(number, (subject, created + lasts, created));
        }
        Step::Load { number } => {
            let found = store.load(&key(number)).await.expect("loads").map(|stored| {
                let record = stored.session.record();
                (record.user.subject.clone(), record.ends, stored.last_seen)
            });
            let expected = model.sessions.get(&number);
            let expected = expected.map(|(subject, ends, seen)| (SUBJECTS[*subject].to_owned(), at(*ends), at(*seen)));
            assert_eq!(found, expected);
        }
        Step::Touch { number, last_seen } => {
            store.touch(&key(number), at(last_seen)).await.expect("touches");
            if let Some((_, _, seen)) = model.sessions.get_mut(&number) {
                *seen = last_seen.max(*seen);
            }
        }
        Step::End { number } => {
            store.end(&key(number)).await.expect("ends");
            model.sessions.remove(&number);
        }
        Step::EndUser { subject } => {
            let count = store.end_user(&user(SUBJECTS[subject])).await.expect("ends").len();
            assert_eq!(count, model.remove(|(owner, ..)| *owner == subject));
        }
        Step::Spend { number, until } => {
            let spent = store.spend(&attempt(number), at(until)).await.expect("spends");
            assert_eq!(spent == Spent::Before, model.spent.contains_key(&number));
            model.spent.entry(number).or_insert(until);
        }
        Step::Expire { now, idle } => {
            let idle_since = now.saturating_sub(idle);
            let count = store.expire(at(now), at(idle_since)).await.expect("expires");
            assert_eq!(count, model.remove(|(_, ends, seen)| *ends <= now || *seen < idle_since));
            model.spent.retain(|_, until| *until > now);
        }
    }
}

/// Holds an empty store against a model of its own.
pub(super) async fn check_all(store: &Arc<dyn SessionStore>, steps: Vec<Step>) {
    let mut model = Model::default();
    for step in steps {
        check(store, &mut model, step).await;
    }
    for number in 0..6 {
        check(store, &mut model, Step::Load { number }).await;
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
