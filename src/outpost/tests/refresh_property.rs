//! PR-9: for any order of touch, refresh, logout and clock changes, every allowed request is within both lifetime
//! limits and its session was not signed out before; and every other request begins a sign-in, for one of these reasons.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use tokio::sync::Semaphore;

use super::test_outpost::{Browser, LIFETIMES, PAGE, TestOutpost, allowed, test_outpost};
use crate::domain::decision::Reason;
use crate::domain::oidc::user::User;
use crate::outpost::Request;
use crate::ports::{Clock as _, ExchangeFault, SessionStore as _};
use crate::testing::{invalid_grant, unavailable};

#[derive(Clone, Debug)]
enum Step {
    Ask,
    /// Sends a request, and waits for the refresh.
    AskAndSettle,
    Pass(u64),
    TurnBack(u64),
    SignOut,
    EndElsewhere,
    /// Sets the provider's answer from now on.
    Answer(Option<fn() -> ExchangeFault>),
    /// Suspends refreshes, or resumes them.
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
        2 => prop_oneof![Just(None), Just(Some(unavailable as fn() -> ExchangeFault)), Just(Some(invalid_grant as fn() -> ExchangeFault))]
            .prop_map(Step::Answer),
        1 => Just(Step::Hold),
        1 => Just(Step::LetGo),
    ]
}

/// The expected state, independent of the code under test.
struct Model {
    created: u64,
    last: u64,
    ended: bool,
    /// Whether the session may have ended: by the provider's answer to a refresh, if there was one, or by a sign-out after it
    /// had expired.
    may_have_ended: bool,
}

impl Model {
    fn is_within_limits(&self, now: u64) -> bool {
        now < self.created + LIFETIMES.absolute.as_secs() && now < self.last + LIFETIMES.idle.as_secs()
    }

    /// The last use may be recorded later than it was, by up to this interval.
    fn must_be_live(&self, now: u64) -> bool {
        !self.ended && !self.may_have_ended && self.is_within_limits(now + LIFETIMES.touch_interval().as_secs())
    }
}

struct Play {
    test_outpost: TestOutpost,
    browser: Browser,
    model: Model,
    held: Option<Arc<Semaphore>>,
}

impl Play {
    async fn begin() -> Self {
        let test_outpost = test_outpost();
        test_outpost.provider.refresh_tokens.enabled.store(true, Ordering::Relaxed);
        test_outpost.provider.refresh_tokens.lifetime.store(300, Ordering::Relaxed);
        let mut browser = Browser::default();
        browser.sign_in(&test_outpost, "https://wiki.example.com/").await;
        let now = test_outpost.clock.now().as_unix();
        Self {
            test_outpost,
            browser,
            model: Model { created: now, last: now, ended: false, may_have_ended: false },
            held: None,
        }
    }

    async fn ask(&mut self) {
        let request = Request::from(self.browser.head("https://wiki.example.com/", &[PAGE]));
        let routed = self.test_outpost.outpost.route(&request).within(std::time::Duration::from_millis(5));
        let decision = self.test_outpost.outpost.answer(&routed).await;
        let (now, model) = (self.test_outpost.clock.now().as_unix(), &mut self.model);
        if allowed(&decision).is_some() {
            assert!(!model.ended, "signed out before");
            assert!(now < model.created + LIFETIMES.absolute.as_secs(), "past its absolute end");
            assert!(now < model.last + LIFETIMES.idle.as_secs(), "idle for too long");
            model.last = model.last.max(now);
        } else {
            assert_eq!(decision.audit.reason, Reason::SignInStarted);
            assert!(!model.must_be_live(now), "a live session does not count");
        }
    }

    async fn take(&mut self, step: Step) {
        let refresh_tokens = &self.test_outpost.provider.refresh_tokens;
        match step {
            Step::Ask => self.ask().await,
            Step::AskAndSettle => {
                self.ask().await;
                if self.held.is_none() {
                    self.test_outpost.outpost.settled().await;
                }
            }
            Step::Pass(seconds) => self.test_outpost.pass(seconds),
            Step::TurnBack(seconds) => self.test_outpost.turn_back(seconds),
            Step::SignOut => self.sign_out().await,
            Step::EndElsewhere => {
                let user = User { issuer: "https://sso.example.com/".into(), subject: "sub-alice".into() };
                self.test_outpost.store.end_user(&user).await.expect("ends");
                self.model.ended = true;
            }
            Step::Answer(fault) => {
                let ends = fault.is_some_and(|fault| matches!(fault(), ExchangeFault::Refused(_)));
                self.model.may_have_ended |= ends;
                refresh_tokens.answer_with(fault);
            }
            Step::Hold if self.held.is_none() => self.held = Some(refresh_tokens.close_gate()),
            Step::Hold => {}
            Step::LetGo => {
                if let Some(gate) = self.held.take() {
                    *refresh_tokens.gate.lock().unwrap() = None;
                    gate.add_permits(1000);
                }
                self.test_outpost.outpost.settled().await;
            }
        }
    }

    async fn sign_out(&mut self) {
        let address = "https://wiki.example.com/outpost.goauthentik.io/sign_out";
        let head = self.browser.head(address, &[PAGE, ("sec-fetch-site", "none")]);
        // The cookies stay: a thief would have them as well.
        let decision = self.test_outpost.ask(&head).await;
        if decision.audit.user.is_some() {
            self.model.ended = true;
        }
        self.model.may_have_ended = true;
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
