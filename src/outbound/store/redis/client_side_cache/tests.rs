//! The client-side cache with a simulated server: in any order of events, no session is answered after its end was
//! received, and none 900 ms after its end was acknowledged to the client that ended it.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::domain::session::Session;
use crate::outbound::store::testing::{at, key, session};

type Find = fn(&ClientSideCache, &SessionKey, Instant) -> Option<StoredSession>;

const GRACE: Duration = Duration::from_secs(5);
const SESSIONS: usize = 3;
const USERS: usize = 2;

const fn index_hash(user: usize) -> IndexHash {
    [if user == 0 { 1 } else { 2 }; 32]
}

/// Sessions 0 and 2 belong to the same user.
const fn user_of(session: usize) -> usize {
    session % USERS
}

fn found(number: usize, generation: u32) -> Found {
    let mut record = session("jane", 0, 1_000_000).record().clone();
    record.generation = generation;
    let session = Session::restore(record);
    Found { session, user: index_hash(user_of(number)), last_seen: at(100) }
}

#[derive(Clone, Debug)]
enum Step {
    /// A look-up missed: the read command is sent.
    Ask(usize),
    /// The server executes one of the reads.
    Read(usize),
    /// One of the read replies arrives.
    Land(usize),
    /// Another replica saves or refreshes a session.
    Change(usize),
    /// Another replica ends it.
    End(usize),
    OwnEnd(usize),
    OwnEndOfUser(usize),
    Flush,
    /// A heartbeat is sent.
    Ask250,
    /// The server executes one of the heartbeats.
    Answer(usize),
    /// An iteration of the server's event loop: it sends invalidations, and the replies to what it executed.
    Turn,
    /// A complete load, without other events in between.
    Load(usize),
    /// A complete heartbeat on one of the links, without other events in between.
    Heartbeat(usize),
    /// One of the server's messages arrives.
    Hear(usize),
    /// The network breaks a link; messages in transit may still arrive.
    Cut,
    /// The break is noticed.
    Notice(usize),
    /// A link to the same server, or to one that took over.
    NewLink(bool),
    /// Milliseconds pass.
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let session = || 0..SESSIONS;
    prop_oneof![
        2 => session().prop_map(Step::Ask),
        2 => (0..4_usize).prop_map(Step::Read),
        2 => (0..4_usize).prop_map(Step::Land),
        4 => session().prop_map(Step::Load),
        2 => session().prop_map(Step::Change),
        3 => session().prop_map(Step::End),
        1 => session().prop_map(Step::OwnEnd),
        1 => (0..USERS).prop_map(Step::OwnEndOfUser),
        1 => Just(Step::Flush),
        2 => Just(Step::Ask250),
        2 => (0..3_usize).prop_map(Step::Answer),
        3 => Just(Step::Turn),
        4 => (0..3_usize).prop_map(Step::Hear),
        4 => (0..2_usize).prop_map(Step::Heartbeat),
        2 => Just(Step::Cut),
        1 => (0..3_usize).prop_map(Step::Notice),
        2 => any::<bool>().prop_map(Step::NewLink),
        2 => (1..700_u64).prop_map(Step::Pass),
    ]
}

#[derive(Clone, Debug)]
enum Said {
    Changed(Vec<(usize, u32)>),
    Emptied(Vec<(usize, u32)>),
    Answered(Instant),
}

struct Link {
    number: LinkNumber,
    /// Whether messages of the server still arrive.
    whole: bool,
    /// Whether another server took over; this one still answers but learns of no change.
    deposed: bool,
    /// What the server has written but not sent.
    written: VecDeque<Said>,
    on_its_way: VecDeque<Said>,
    heartbeats: VecDeque<Instant>,
}

/// What became of a former state of a session.
#[derive(Clone, Copy, Default)]
struct Outdated {
    acknowledged: Option<Instant>,
    heard: bool,
}

struct TwoStores {
    client_side_cache: ClientSideCache,
    now: Instant,
    /// What the server stores: the present state of each session, and whether the session exists.
    state: [(u32, bool); SESSIONS],
    /// For each session, every state that it has left.
    outdated: [Vec<Outdated>; SESSIONS],
    changed_in_turn: Vec<(usize, u32)>,
    questions: VecDeque<(usize, Loading)>,
    read: VecDeque<(usize, Loading, Option<u32>)>,
    links: Vec<Link>,
}

impl TwoStores {
    fn new() -> Self {
        let origin = Instant::now();
        let mut world = Self {
            client_side_cache: ClientSideCache::new(1 << 20, GRACE, origin),
            now: origin,
            state: [(0, true); SESSIONS],
            outdated: [const { Vec::new() }; SESSIONS],
            changed_in_turn: Vec::new(),
            questions: VecDeque::new(),
            read: VecDeque::new(),
            links: Vec::new(),
        };
        world.step(&Step::NewLink(false));
        world
    }

    /// Gives the session a new state; returns the session and its former state.
    fn outdate(&mut self, number: usize, there: bool) -> (usize, u32) {
        let before = self.state[number].0;
        self.state[number] = (before + 1, there);
        self.outdated[number].push(Outdated::default());
        (number, before)
    }

    fn change(&mut self, number: usize, there: bool) {
        let change = self.outdate(number, there);
        self.changed_in_turn.push(change);
    }

    fn flush(&mut self) {
        let changes: Vec<_> = (0..SESSIONS).map(|number| self.outdate(number, false)).collect();
        for link in self.links.iter_mut().filter(|link| !link.deposed) {
            link.written.push_back(Said::Emptied(changes.clone()));
        }
        for (number, before) in changes {
            self.outdated[number][before as usize].acknowledged = Some(self.now);
        }
    }

    fn turn(&mut self) {
        let changes = std::mem::take(&mut self.changed_in_turn);
        for (number, before) in &changes {
            self.outdated[*number][*before as usize].acknowledged = Some(self.now);
        }
        for link in &mut self.links {
            if !changes.is_empty() && !link.deposed {
                link.written.push_back(Said::Changed(changes.clone()));
            }
            let written = std::mem::take(&mut link.written);
            if link.whole {
                link.on_its_way.extend(written);
            }
        }
    }

    /// Records that every state up to `before` is known to be out of date.
    fn know(&mut self, changes: &[(usize, u32)]) {
        for (number, before) in changes {
            self.outdated[*number][..=*before as usize].iter_mut().for_each(|state| state.heard = true);
        }
    }

    fn hear(&mut self, link: usize) {
        let Some(link) = self.links.get_mut(link) else { return };
        let number = link.number;
        match link.on_its_way.pop_front() {
            None => {}
            Some(Said::Answered(sent)) => self.client_side_cache.confirm(number, sent),
            Some(Said::Emptied(changes)) => {
                self.client_side_cache.drop_all();
                self.know(&changes);
            }
            Some(Said::Changed(changes)) => {
                for (number, _) in &changes {
                    self.client_side_cache.drop_session(&key(*number as u64));
                }
                self.know(&changes);
            }
        }
    }

    fn own_end(&mut self, sessions: impl IntoIterator<Item = usize>, drop: impl FnOnce(&ClientSideCache)) {
        for number in sessions {
            self.change(number, false);
        }
        self.turn();
        drop(&self.client_side_cache);
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Ask(number) => {
                self.questions.push_back((number, self.client_side_cache.begin_load(&key(number as u64))));
            }
            Step::Read(which) => {
                if let Some((number, loading)) = self.questions.remove(which) {
                    let (state, there) = self.state[number];
                    self.read.push_back((number, loading, there.then_some(state)));
                }
            }
            Step::Land(which) => {
                if let Some((number, loading, Some(state))) = self.read.remove(which) {
                    self.client_side_cache.finish_load(&loading, found(number, state));
                }
            }
            Step::Change(number) => self.change(number, true),
            Step::End(number) => self.change(number, false),
            Step::OwnEnd(number) => {
                self.own_end([number], |client_side_cache| client_side_cache.drop_session(&key(number as u64)));
                self.know(&[(number, self.state[number].0 - 1)]);
            }
            Step::OwnEndOfUser(user) => {
                let sessions: Vec<_> = (0..SESSIONS).filter(|number| user_of(*number) == user).collect();
                self.own_end(sessions.clone(), |client_side_cache| client_side_cache.drop_user(&index_hash(user)));
                let changes: Vec<_> = sessions.into_iter().map(|number| (number, self.state[number].0 - 1)).collect();
                self.know(&changes);
            }
            Step::Flush => self.flush(),
            Step::Ask250 => {
                let now = self.now;
                self.links.iter_mut().for_each(|link| link.heartbeats.push_back(now));
            }
            Step::Answer(which) => {
                for link in &mut self.links {
                    if let Some(sent) = link.heartbeats.remove(which) {
                        link.written.push_back(Said::Answered(sent));
                    }
                }
            }
            Step::Turn => self.turn(),
            Step::Load(number) => {
                let loading = self.client_side_cache.begin_load(&key(number as u64));
                if let (state, true) = self.state[number] {
                    self.client_side_cache.finish_load(&loading, found(number, state));
                }
            }
            Step::Heartbeat(link) => self.heartbeat(self.links.len().saturating_sub(1 + link)),
            Step::Hear(link) => self.hear(self.links.len().saturating_sub(1 + link)),
            Step::Cut => self.links.iter_mut().for_each(|link| link.whole = false),
            Step::Notice(link) => {
                if let Some(link) = self.links.get(link) {
                    self.client_side_cache.lose(link.number);
                }
            }
            Step::NewLink(elsewhere) => self.new_link(elsewhere),
            Step::Pass(millis) => self.now += Duration::from_millis(millis),
        }
    }

    fn heartbeat(&mut self, link: usize) {
        self.links[link].written.push_back(Said::Answered(self.now));
        self.turn();
        while !self.links[link].on_its_way.is_empty() {
            self.hear(link);
        }
    }

    fn new_link(&mut self, elsewhere: bool) {
        let number = self.client_side_cache.new_link();
        self.turn();
        self.links.iter_mut().for_each(|link| link.deposed |= elsewhere);
        let (written, on_its_way, heartbeats) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
        self.links.push(Link { number, whole: true, deposed: false, written, on_its_way, heartbeats });
        self.client_side_cache.open(number);
    }

    /// No answer is out of date after the invalidation was received, nor `window` after the change was acknowledged, even if
    /// nothing arrives any more.
    fn check(&self) -> Result<(), TestCaseError> {
        for number in 0..SESSIONS {
            let key = key(number as u64);
            let ways: [(Find, Duration); 2] =
                [(ClientSideCache::find, CONFIRMED_FOR), (ClientSideCache::in_grace, GRACE)];
            for (find, window) in ways {
                for (state, outdated) in self.outdated[number].iter().enumerate() {
                    let is_found = |at_time| {
                        find(&self.client_side_cache, &key, at_time)
                            .is_some_and(|stored| stored.session.record().generation as usize == state)
                    };
                    prop_assert!(!(outdated.heard && is_found(self.now)), "{number} is found, its change was heard of");
                    if let Some(then) = outdated.acknowledged {
                        prop_assert!(!is_found(self.now.max(then + window)), "{number} is found too late");
                    }
                }
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_end_is_overlooked(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = TwoStores::new();
        for step in &steps {
            world.step(step);
            world.check()?;
        }
    }
}

/// A confirmed cache that contains session 0.
fn warm() -> (ClientSideCache, LinkNumber, Instant) {
    let origin = Instant::now();
    let client_side_cache = ClientSideCache::new(1 << 20, GRACE, origin);
    let link = client_side_cache.new_link();
    client_side_cache.open(link);
    client_side_cache.confirm(link, origin);
    client_side_cache.finish_load(&client_side_cache.begin_load(&key(0)), found(0, 0));
    (client_side_cache, link, origin)
}

fn finds(client_side_cache: &ClientSideCache, now: Instant) -> (bool, bool) {
    (client_side_cache.find(&key(0), now).is_some(), client_side_cache.in_grace(&key(0), now).is_some())
}

#[test]
fn what_was_loaded_is_found_while_confirmed_and_then_in_grace() {
    let (client_side_cache, link, origin) = warm();
    let after = |millis| origin + Duration::from_millis(millis);
    assert_eq!(finds(&client_side_cache, after(899)), (true, true));
    assert_eq!(finds(&client_side_cache, after(900)), (false, true));
    assert_eq!(finds(&client_side_cache, after(4999)), (false, true));
    assert_eq!(finds(&client_side_cache, after(5000)), (false, false));
    client_side_cache.confirm(link, after(6000));
    assert_eq!(finds(&client_side_cache, after(6001)), (true, true), "the same link heard of everything meanwhile");
    client_side_cache.lose(link);
    assert_eq!(finds(&client_side_cache, after(6001)), (false, true));
    client_side_cache.open(client_side_cache.new_link());
    assert_eq!(finds(&client_side_cache, after(6001)), (false, false));
}

#[test]
fn without_a_grace_there_is_none() {
    let origin = Instant::now();
    let client_side_cache = ClientSideCache::new(1 << 20, Duration::ZERO, origin);
    let link = client_side_cache.new_link();
    client_side_cache.open(link);
    client_side_cache.finish_load(&client_side_cache.begin_load(&key(0)), found(0, 0));
    assert_eq!(finds(&client_side_cache, origin), (false, false), "not confirmed");
    client_side_cache.confirm(link, origin);
    assert_eq!(finds(&client_side_cache, origin), (true, false));
}

#[test]
fn an_old_link_has_nothing_to_say() {
    let (client_side_cache, old, origin) = warm();
    let new = client_side_cache.new_link();
    client_side_cache.confirm(new, origin);
    assert_eq!(finds(&client_side_cache, origin), (true, true), "a link that is being made changes nothing");
    client_side_cache.open(new);
    client_side_cache.finish_load(&client_side_cache.begin_load(&key(0)), found(0, 0));
    client_side_cache.confirm(old, origin);
    assert!(!finds(&client_side_cache, origin).0, "confirmed by the new one alone");
    client_side_cache.confirm(new, origin);
    client_side_cache.lose(old);
    client_side_cache.open(old);
    assert!(finds(&client_side_cache, origin).0, "and lost with the new one alone");
}

#[test]
fn a_load_from_before_a_change_stays_outside() {
    type Change = fn(&ClientSideCache);
    let changes: [(&str, Change); 4] = [
        ("of the session", |client_side_cache| client_side_cache.drop_session(&key(0))),
        ("of the user", |client_side_cache| client_side_cache.drop_user(&index_hash(0))),
        ("of everything", ClientSideCache::drop_all),
        ("of the link", |client_side_cache| client_side_cache.open(client_side_cache.new_link())),
    ];
    for (change, make) in changes {
        let (client_side_cache, _, origin) = warm();
        let loading = client_side_cache.begin_load(&key(0));
        make(&client_side_cache);
        assert!(!client_side_cache.cache.is_current(&loading), "{change}");
        let stored = client_side_cache.finish_load(&loading, found(0, 7));
        assert_eq!(stored.session.record().generation, 7, "{change}: it is an answer to those who asked before");
        assert_eq!(finds(&client_side_cache, origin), (false, false), "{change}");
    }
    let (client_side_cache, _, origin) = warm();
    client_side_cache.drop_user(&index_hash(1));
    assert!(finds(&client_side_cache, origin).0, "another user's");
}

#[test]
fn a_last_use_never_goes_back() {
    let (client_side_cache, _, origin) = warm();
    let last_seen = || client_side_cache.find(&key(0), origin).expect("there").last_seen;
    client_side_cache.touch(&key(0), at(150));
    assert_eq!(last_seen(), at(150));
    client_side_cache.touch(&key(0), at(120));
    assert_eq!(last_seen(), at(150));
}

#[test]
fn it_grows_to_its_bound_and_no_further() {
    let origin = Instant::now();
    let client_side_cache = ClientSideCache::new(1 << 22, Duration::ZERO, origin);
    for number in 0..10_000 {
        let key = key(number);
        client_side_cache.finish_load(&client_side_cache.begin_load(&key), found(0, 0));
    }
    let kept = (0..10_000).filter(|number| client_side_cache.cache.get(&key(*number)).is_some()).count();
    assert!((4000..(1 << 22) / 256).contains(&kept), "{kept}");
}
