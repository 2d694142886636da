//! An outpost with fakes behind its ports, and a browser that sends requests to it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use url::Url;

use crate::domain::application::Application;
use crate::domain::application::registry::Applications;
use crate::domain::decision::{Decision, Page, Redirect, Verdict};
use crate::domain::http::{RequestHead, Scheme};
use crate::domain::slug::Slug;
use crate::outpost::{Outpost, Parts};
use crate::ports::Audit;
pub(super) use crate::testing::LIFETIMES;
use crate::testing::{
    CountingEntropy, FakeProvider, FakeStore, KeptAudit, Loading, ManualClock, application, domain_application,
    request, sealing_keys,
};

pub(super) const PAGE: (&str, &str) = ("accept", "text/html");

/// An outpost that guards `wiki` and `board` (single mode) and `portal` (domain mode under `corp.example.com`).
pub(super) struct TestOutpost {
    pub outpost: Outpost,
    pub store: Arc<FakeStore>,
    pub provider: Arc<FakeProvider>,
    pub clock: Arc<ManualClock>,
    pub audit: Arc<KeptAudit>,
}

pub(super) fn test_outpost() -> TestOutpost {
    outpost_with(|_| {})
}

/// The applications of a [`TestOutpost`] after this change of each.
pub(super) fn applications(change: impl Fn(&mut Application)) -> Applications {
    let named = |slug: &str, application: Application| Application { slug: Slug::parse(slug).unwrap(), ..application };
    let mut all = vec![
        named("wiki", application("https://wiki.example.com")),
        named("board", application("https://board.example.com")),
        named("portal", domain_application("https://auth.corp.example.com", "corp.example.com")),
    ];
    all.iter_mut().for_each(change);
    Applications::new(all).unwrap()
}

pub(super) fn outpost_with(change: impl Fn(&mut Application)) -> TestOutpost {
    let clock = ManualClock::at(1_000_000);
    let store = FakeStore::new(Loading::Answers);
    let provider = Arc::new(FakeProvider::new(clock.clone()));
    provider.verifies_credentials.store(true, Ordering::Relaxed);
    let audit = Arc::new(KeptAudit::default());
    let outpost = Outpost::new(Parts {
        applications: applications(change).into(),
        name: "outpost".into(),
        lifetimes: LIFETIMES,
        sealing: sealing_keys(1),
        store: store.clone(),
        provider: provider.clone(),
        clock: clock.clone(),
        entropy: Arc::new(CountingEntropy::default()),
        audit: Audit::to(audit.clone()),
    });
    TestOutpost { outpost: outpost.unwrap(), store, provider, clock, audit }
}

impl TestOutpost {
    pub(super) fn pass(&self, seconds: u64) {
        self.clock.pass(seconds);
    }

    pub(super) fn turn_back(&self, seconds: u64) {
        self.clock.turn_back(seconds);
    }

    pub(super) fn sessions(&self) -> usize {
        self.store.all().len()
    }

    pub(super) fn fail_store_at(&self, call: usize) {
        self.store.fail_at.store(call, Ordering::Relaxed);
    }

    pub(super) async fn ask(&self, head: &RequestHead) -> Decision {
        self.outpost.answer(&self.outpost.route(&head.clone().into())).await
    }
}

/// A browser: its cookies by name, and requests that carry them.
#[derive(Clone, Default)]
pub(super) struct Browser {
    pub cookies: HashMap<String, String>,
}

impl Browser {
    pub(super) fn head(&self, url: &str, headers: &[(&str, &str)]) -> RequestHead {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (host, target) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let cookie = (!cookies.is_empty()).then_some(("cookie", cookies.as_str()));
        let lines: Vec<_> = headers.iter().copied().chain(cookie).collect();
        let target = if target.is_empty() { "/" } else { target };
        RequestHead { scheme: Scheme::parse(scheme), ..request(host, target, &lines) }
    }

    /// Opens a page and stores the cookies.
    pub(super) async fn open(&mut self, test_outpost: &TestOutpost, url: &str) -> Decision {
        self.send(test_outpost, &self.head(url, &[PAGE])).await
    }

    pub(super) async fn send(&mut self, test_outpost: &TestOutpost, head: &RequestHead) -> Decision {
        let decision = test_outpost.ask(head).await;
        let cookies = match &decision.verdict {
            Verdict::Allow(allow) => allow.cookies(),
            Verdict::Redirect(Redirect { cookies, .. })
            | Verdict::Page(Page { cookies, .. })
            | Verdict::Deny(Page { cookies, .. }) => cookies,
        };
        for cookie in cookies {
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.cookies.remove(name);
            if !cookie.contains("Max-Age=0;") {
                self.cookies.insert(name.into(), value.into());
            }
        }
        decision
    }

    /// The callback address to which the provider would send this browser after `location`.
    pub(super) fn callback(location: &str) -> String {
        let query: HashMap<_, _> = Url::parse(location).unwrap().query_pairs().into_owned().collect();
        format!("{}&code=code&state={}", query["redirect_uri"], query["state"])
    }

    /// Signs in by way of `url`; returns the address at which the browser ends.
    pub(super) async fn sign_in(&mut self, test_outpost: &TestOutpost, url: &str) -> String {
        let started = location(&self.open(test_outpost, url).await);
        location(&self.open(test_outpost, &Self::callback(&started)).await)
    }
}

pub(super) fn location(decision: &Decision) -> String {
    let Verdict::Redirect(redirect) = &decision.verdict else { panic!("no redirect: {decision:?}") };
    redirect.location.clone()
}

pub(super) fn denied(decision: &Decision) -> &Page {
    let Verdict::Deny(page) = &decision.verdict else { panic!("no denial: {decision:?}") };
    page
}

/// The user in the identity headers, if the request was allowed.
pub(super) fn allowed(decision: &Decision) -> Option<String> {
    let Verdict::Allow(allow) = &decision.verdict else { return None };
    let user = allow.set().find(|(name, _)| name == "x-authentik-username");
    Some(user.map(|(_, value)| String::from_utf8(value.as_bytes().to_vec()).unwrap()).unwrap_or_default())
}
