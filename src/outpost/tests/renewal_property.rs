//! PR-9: for any order of touch, refresh, logout and clock moves, whoever is let through is within both limits and was not
//! signed out before.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use tokio::sync::Semaphore;

use super::desk::{down, refused};
use super::house::{Browser, House, LIFETIMES, PAGE, allowed, house};
use crate::domain::oidc::user::User;
use crate::ports::{Clock as _, ExchangeFault, SessionStore as _};

#[derive(Clone, Debug)]
enum Step {
    Ask,
    /// Asks, and lets the renewal come to its end.
    AskAndSettle,
    Pass(u64),
    TurnBack(u64),
    SignOut,
    EndElsewhere,
    /// How the provider answers from now on.
    Answer(Option<fn() -> ExchangeFault>),
    /// Refreshes wait from now on, or no more.
    Hold,
    LetGo,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Ask),
        6 => Just(Step::AskAndSettle),
        6 => (0..700_u64).prop_map(Step::Pass),
        2 => (0..20_000_u64).prop_map(Step::Pass),
        1 => (0..5000_u64).prop_map(Step::TurnBack),
        1 => Just(Step::SignOut),
        1 => Just(Step::EndElsewhere),
        2 => prop_oneof![Just(None), Just(Some(down as fn() -> ExchangeFault)), Just(Some(refused as fn() -> ExchangeFault))]
            .prop_map(Step::Answer),
        1 => Just(Step::Hold),
        1 => Just(Step::LetGo),
    ]
}

/// What must hold, kept apart from everything that is tested.
struct Model {
    created: u64,
    last: u64,
    ended: bool,
}

struct Play {
    house: House,
    browser: Browser,
    model: Model,
    held: Option<Arc<Semaphore>>,
}

impl Play {
    async fn begin() -> Self {
        let house = house();
        house.provider.desk.opens.store(true, Ordering::Relaxed);
        house.provider.desk.life.store(300, Ordering::Relaxed);
        let mut browser = Browser::default();
        browser.sign_in(&house, "https://wiki.example.com/").await;
        let now = house.clock.now().as_unix();
        Self { house, browser, model: Model { created: now, last: now, ended: false }, held: None }
    }

    async fn ask(&mut self) {
        let head = self.browser.head("https://wiki.example.com/", &[PAGE]);
        let errand = self.house.outpost.sort(&head).within(std::time::Duration::from_millis(5));
        let is_allowed = allowed(&self.house.outpost.answer(&errand).await).is_some();
        let (now, model) = (self.house.clock.now().as_unix(), &mut self.model);
        if is_allowed {
            assert!(!model.ended, "signed out before");
            assert!(now < model.created + LIFETIMES.absolute.as_secs(), "past its absolute end");
            assert!(now < model.last + LIFETIMES.idle.as_secs(), "idle for too long");
            model.last = model.last.max(now);
        }
    }

    async fn take(&mut self, step: Step) {
        let desk = &self.house.provider.desk;
        match step {
            Step::Ask => self.ask().await,
            Step::AskAndSettle => {
                self.ask().await;
                if self.held.is_none() {
                    self.house.outpost.settled().await;
                }
            }
            Step::Pass(seconds) => self.house.pass(seconds),
            Step::TurnBack(seconds) => self.house.turn_back(seconds),
            Step::SignOut => self.sign_out().await,
            Step::EndElsewhere => {
                let user = User { issuer: "https://sso.example.com/".into(), subject: "sub-alice".into() };
                self.house.store.end_user(&user).await.expect("ends");
                self.model.ended = true;
            }
            Step::Answer(fault) => desk.answer_with(fault),
            Step::Hold if self.held.is_none() => self.held = Some(desk.close_gate()),
            Step::Hold => {}
            Step::LetGo => {
                if let Some(gate) = self.held.take() {
                    *desk.gate.lock().unwrap() = None;
                    gate.add_permits(1000);
                }
                self.house.outpost.settled().await;
            }
        }
    }

    async fn sign_out(&mut self) {
        let address = "https://wiki.example.com/outpost.goauthentik.io/sign_out";
        let head = self.browser.head(address, &[PAGE, ("sec-fetch-site", "none")]);
        // The cookies stay: they are what a thief would have.
        let decision = self.house.ask(&head).await;
        if decision.note.user.is_some() {
            self.model.ended = true;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn pr_9_nobody_passes_after_an_end(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let mut play = Play::begin().await;
            for step in steps {
                play.take(step).await;
            }
        });
    }
}
