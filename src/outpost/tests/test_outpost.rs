//! An outpost with fakes behind its ports, and a browser that sends requests to it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::domain::application::Application;
use crate::domain::application::registry::Applications;
use crate::domain::crypto::replay::ReplayKey;
use crate::domain::crypto::sealing::{SealingKey, SealingKeys};
use crate::domain::decision::{Decision, Page, Redirect, Verdict};
use crate::domain::http::{Authority, CookieForm, HeaderLines, RequestHead, RequestTarget, Scheme};
use crate::domain::oidc::credentials::{Credential, Refusal, VerifiedCredential};
use crate::domain::oidc::id_token::{Expected, SignedIn, VerifiedIdToken};
use crate::domain::oidc::jws::Purpose;
use crate::domain::oidc::jwt::TokenFault;
use crate::domain::oidc::logout_token::{self, VerifiedLogoutToken};
use crate::domain::oidc::relying_party::RelyingParty;
use crate::domain::oidc::sign_in::{MatchedCode, Nonce, ProviderMetadata};
use crate::domain::oidc::user::{ProviderSession, User};
use crate::domain::session::{Lifetimes, Refreshed, Session, SessionKey, SessionRecord};
use crate::domain::slug::Slug;
use crate::domain::testing::{application, domain_application, signing, verified};
use crate::domain::time::Timestamp;
use crate::outpost::tests::refresh_token_server::RefreshTokenServer;
use crate::outpost::{Outpost, Parts};
use crate::ports::{
    Clock, Consumption, CredentialFault, Cursor, Entropy, EntropyFault, ExchangeFault, IdentityProvider, Lease,
    LeaseHolder, ListedSession, LogoutTokenFault, ProviderSessionEnd, ProviderUnavailable, SessionPage, SessionStore,
    StoreFault, StoredSession,
};

pub(super) const PAGE: (&str, &str) = ("accept", "text/html");
pub(super) const LIFETIMES: Lifetimes =
    Lifetimes { absolute: Duration::from_secs(86_400), idle: Duration::from_secs(3600) };

/// An in-memory store that can be made to fail.
#[derive(Default)]
pub(super) struct Store {
    pub sessions: Mutex<HashMap<SessionKey, StoredSession>>,
    consumed: Mutex<Vec<ReplayKey>>,
    /// The call to fail, counted from now; 0 for none.
    pub fail_at: AtomicUsize,
    pub touches: AtomicUsize,
    /// Another process holds every lease.
    pub leased_out: AtomicBool,
    /// How many renewals fail from now on.
    pub failing_renewals: AtomicUsize,
    /// How many pages of a scan were requested.
    pub pages: AtomicUsize,
}

impl Store {
    fn call(&self) -> Result<(), StoreFault> {
        let counts_down = |left: usize| left.checked_sub(1);
        match self.fail_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, counts_down) {
            Ok(1) => Err(StoreFault("told to fail".into())),
            _ => Ok(()),
        }
    }
}

impl Store {
    fn take_out(&self, doomed: impl Fn(&Session) -> bool) -> Vec<Arc<Session>> {
        let mut sessions = self.sessions.lock().unwrap();
        sessions.extract_if(|_, stored| doomed(&stored.session)).map(|(_, stored)| stored.session).collect()
    }
}

impl Store {
    fn listed(&self, wanted: impl Fn(&Session) -> bool) -> Vec<ListedSession> {
        let sessions = self.sessions.lock().unwrap();
        let wanted = sessions.iter().filter(|(_, stored)| wanted(&stored.session));
        wanted.map(|(key, stored)| ListedSession { key: *key, stored: stored.clone() }).collect()
    }
}

#[async_trait]
impl SessionStore for Store {
    async fn load(&self, key: &SessionKey) -> Result<Option<StoredSession>, StoreFault> {
        self.call()?;
        Ok(self.sessions.lock().unwrap().get(key).cloned())
    }

    async fn save(&self, key: &SessionKey, session: Session) -> Result<(), StoreFault> {
        self.call()?;
        let last_seen = session.record().created;
        self.sessions.lock().unwrap().insert(*key, StoredSession { session: Arc::new(session), last_seen });
        Ok(())
    }

    async fn replace(&self, key: &SessionKey, session: Session) -> Result<bool, StoreFault> {
        self.call()?;
        let counts_down = |left: usize| left.checked_sub(1);
        if self.failing_renewals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, counts_down).is_ok() {
            return Err(StoreFault("told to fail".into()));
        }
        let mut sessions = self.sessions.lock().unwrap();
        let Some(stored) = sessions.get_mut(key) else { return Ok(false) };
        if stored.session.record().generation + 1 != session.record().generation {
            return Ok(false);
        }
        stored.session = Arc::new(session);
        Ok(true)
    }

    async fn touch(&self, key: &SessionKey, last_seen: Timestamp) -> Result<(), StoreFault> {
        self.touches.fetch_add(1, Ordering::Relaxed);
        self.call()?;
        if let Some(stored) = self.sessions.lock().unwrap().get_mut(key) {
            stored.last_seen = last_seen;
        }
        Ok(())
    }

    async fn end(&self, key: &SessionKey) -> Result<Option<Arc<Session>>, StoreFault> {
        self.call()?;
        Ok(self.sessions.lock().unwrap().remove(key).map(|stored| stored.session))
    }

    async fn end_user(&self, user: &User) -> Result<Vec<Arc<Session>>, StoreFault> {
        self.call()?;
        Ok(self.take_out(|session| session.record().user == *user))
    }

    async fn end_provider_session(
        &self,
        ended: &ProviderSession,
        of: Option<&User>,
    ) -> Result<ProviderSessionEnd, StoreFault> {
        self.call()?;
        let rests_on = |session: &Session| session.provider_session().as_ref() == Some(ended);
        let others = |stored: &StoredSession| {
            rests_on(&stored.session) && of.is_some_and(|user| stored.session.record().user != *user)
        };
        if self.sessions.lock().unwrap().values().any(others) {
            return Ok(ProviderSessionEnd::OtherUser);
        }
        Ok(ProviderSessionEnd::Ended(self.take_out(rests_on)))
    }

    async fn is_consumed(&self, key: &ReplayKey) -> Result<bool, StoreFault> {
        self.call()?;
        Ok(self.consumed.lock().unwrap().contains(key))
    }

    async fn consume_once(&self, key: &ReplayKey, _until: Timestamp) -> Result<Consumption, StoreFault> {
        self.call()?;
        let mut consumed = self.consumed.lock().unwrap();
        if consumed.contains(key) {
            return Ok(Consumption::Repeated);
        }
        consumed.push(*key);
        Ok(Consumption::First)
    }

    async fn lease(&self, key: &SessionKey, _: &LeaseHolder, _: Duration) -> Result<Lease, StoreFault> {
        self.call()?;
        if self.leased_out.load(Ordering::Relaxed) {
            return Ok(Lease::Taken);
        }
        Ok(Lease::Held(self.sessions.lock().unwrap().get(key).cloned()))
    }

    async fn release(&self, _: &SessionKey, _: &LeaseHolder) -> Result<(), StoreFault> {
        self.call()
    }

    async fn expire(&self, _now: Timestamp, _idle_since: Timestamp) -> Result<usize, StoreFault> {
        Ok(0)
    }

    async fn page(&self, _: &Cursor, _: usize) -> Result<SessionPage, StoreFault> {
        self.pages.fetch_add(1, Ordering::Relaxed);
        self.call()?;
        Ok(SessionPage { sessions: self.listed(|_| true), next: None })
    }

    async fn of_user(&self, user: &User) -> Result<Vec<ListedSession>, StoreFault> {
        self.call()?;
        Ok(self.listed(|session| session.record().user == *user))
    }
}

/// A provider that signs in the user that is set.
pub(super) struct Provider {
    pub down: AtomicBool,
    pub user: Mutex<String>,
    pub refuses: Mutex<Option<ExchangeFault>>,
    /// How many calls waited for its metadata.
    pub asked: AtomicUsize,
    pub exchanges: AtomicUsize,
    /// How many credentials it verified.
    pub verified: AtomicUsize,
    pub end_session: AtomicBool,
    /// Seconds from now to the end of the ID Token.
    pub token_life: AtomicU64,
    /// The provider session id, where it issues one.
    pub sid: Mutex<Option<String>>,
    /// The tokens that it was asked to revoke, and the client of each.
    pub revoked: Mutex<Vec<(String, String)>>,
    pub refresh_token_server: RefreshTokenServer,
    clock: Arc<ManualClock>,
}

#[async_trait]
impl IdentityProvider for Provider {
    fn cached_metadata(&self, _: &RelyingParty) -> Option<Arc<ProviderMetadata>> {
        None
    }

    async fn metadata(&self, relying_party: &RelyingParty) -> Result<Arc<ProviderMetadata>, ProviderUnavailable> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let issuer = relying_party.issuer.clone();
        if self.down.load(Ordering::Relaxed) {
            return Err(ProviderUnavailable { issuer, cause: "told to be down".into() });
        }
        let url = |path: &str| Url::parse(&format!("{issuer}{path}")).unwrap();
        let end_session = self.end_session.load(Ordering::Relaxed).then(|| url("end"));
        Ok(Arc::new(ProviderMetadata {
            authorization_endpoint: url("authorize"),
            end_session_endpoint: end_session,
            jwks_uri: url("jwks"),
            authorization_response_iss_parameter_supported: false,
            issuer,
        }))
    }

    async fn exchange(&self, relying_party: &RelyingParty, code: MatchedCode) -> Result<SignedIn, ExchangeFault> {
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        if let Some(fault) = self.refuses.lock().unwrap().take() {
            return Err(fault);
        }
        let user = self.user.lock().unwrap().clone();
        let signed_in = self.sign_in(relying_party, &user, Some(code.nonce()))?;
        if !self.refresh_token_server.opens.load(Ordering::Relaxed) {
            return Ok(signed_in);
        }
        Ok(signed_in.renewable(self.refresh_token_server.issue(), Some(self.refresh_token_server.expires_in())))
    }

    async fn refresh(&self, relying_party: &RelyingParty, of: &SessionRecord) -> Result<Refreshed, ExchangeFault> {
        let refresh_token = self.refresh_token_server.redeem(of).await?;
        let user = self.user.lock().unwrap().clone();
        let (raw, now) = (self.id_token(relying_party, &user, None), self.clock.now());
        let expected = expected(relying_party, None, now);
        let signed = verified(&raw, Purpose::IdToken(relying_party))?;
        let token = VerifiedIdToken::check_refreshed(signed, &expected, of.claims.text("nonce"))?;
        Ok(Refreshed::new(None, Some(refresh_token), Some(self.refresh_token_server.expires_in()))
            .with_id_token(token, of)?)
    }

    /// Valid are the bearer token `good` and the app password `good`; `slow` is answered after the timeout.
    async fn verify(
        &self,
        application: &Arc<Application>,
        credential: &Credential,
    ) -> Result<Arc<VerifiedCredential>, CredentialFault> {
        self.verified.fetch_add(1, Ordering::Relaxed);
        let (user, secret) = match credential {
            Credential::Token(token) => ("robot", token.expose_secret()),
            Credential::AppPassword(app_password) => {
                (app_password.user.as_str(), app_password.password.expose_secret())
            }
        };
        match secret {
            "good" => {
                let signed_in = self.sign_in(&application.relying_party, user, None).map_err(Refusal::Token)?;
                Ok(Arc::new(VerifiedCredential::of_sign_in(signed_in)))
            }
            "slow" => {
                let issuer = application.relying_party.issuer.clone();
                Err(ProviderUnavailable { issuer, cause: "too slow".into() }.into())
            }
            _ => Err(Refusal::Inactive.into()),
        }
    }

    async fn verify_logout_token(
        &self,
        relying_party: &RelyingParty,
        raw: &SecretString,
    ) -> Result<VerifiedLogoutToken, LogoutTokenFault> {
        let issuer = relying_party.issuer.clone();
        if self.down.load(Ordering::Relaxed) {
            return Err(ProviderUnavailable { issuer, cause: "told to be down".into() }.into());
        }
        let signed = verified(raw.expose_secret(), Purpose::LogoutToken(relying_party))?;
        let expected = logout_token::Expected { relying_party, now: self.clock.now() };
        Ok(VerifiedLogoutToken::check(signed, &expected)?)
    }

    fn revoke(&self, relying_party: &RelyingParty, refresh_token: &SecretString) {
        let token = refresh_token.expose_secret().to_owned();
        self.revoked.lock().unwrap().push((relying_party.client_id.clone(), token));
    }

    async fn settled(&self) {}
}

impl Provider {
    fn sign_in(&self, party: &RelyingParty, user: &str, nonce: Option<&Nonce>) -> Result<SignedIn, TokenFault> {
        let signed = verified(&self.id_token(party, user, nonce), Purpose::IdToken(party))?;
        Ok(SignedIn::new(VerifiedIdToken::check(signed, &expected(party, nonce, self.clock.now()))?, None))
    }

    fn id_token(&self, party: &RelyingParty, user: &str, nonce: Option<&Nonce>) -> String {
        let now = self.clock.now();
        let life = Duration::from_secs(self.token_life.load(Ordering::Relaxed));
        let mut payload = serde_json::json!({
            "iss": party.issuer, "aud": party.client_id, "sub": format!("sub-{user}"),
            "iat": now.as_unix(), "exp": now.plus(life).as_unix(), "preferred_username": user,
            "groups": *self.refresh_token_server.groups.lock().unwrap(),
        });
        if let Some(sid) = &*self.sid.lock().unwrap() {
            payload["sid"] = sid.as_str().into();
        }
        if let Some(nonce) = nonce {
            payload["nonce"] = nonce.expose().into();
        }
        signing::token(r#"{"alg":"RS256"}"#, &payload.to_string())
    }
}

const fn expected<'a>(party: &'a RelyingParty, nonce: Option<&'a Nonce>, now: Timestamp) -> Expected<'a> {
    Expected { relying_party: party, nonce, access_token: None, now }
}

/// A clock that is set manually.
pub(super) struct ManualClock(AtomicU64);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.0.load(Ordering::Relaxed))
    }
}

/// Counts instead of drawing random values; every value is different.
#[derive(Default)]
struct Counter(AtomicU64);

impl Entropy for Counter {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFault> {
        let count = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        bytes.iter_mut().zip(count.iter().rev().cycle()).for_each(|(to, from)| *to = *from);
        Ok(())
    }
}

/// An outpost that guards `wiki` and `board` (single mode) and `portal` (domain mode under `corp.example.com`).
pub(super) struct TestOutpost {
    pub outpost: Outpost,
    pub store: Arc<Store>,
    pub provider: Arc<Provider>,
    pub clock: Arc<ManualClock>,
}

pub(super) fn test_outpost() -> TestOutpost {
    outpost_with(|_| {})
}

pub(super) fn outpost_with(change: impl Fn(&mut Application)) -> TestOutpost {
    let named = |slug: &str, application: Application| Application { slug: Slug::parse(slug).unwrap(), ..application };
    let mut all = vec![
        named("wiki", application("https://wiki.example.com")),
        named("board", application("https://board.example.com")),
        named("portal", domain_application("https://auth.corp.example.com", "corp.example.com")),
    ];
    all.iter_mut().for_each(change);
    let clock = Arc::new(ManualClock(AtomicU64::new(1_000_000)));
    let store = Arc::new(Store::default());
    let provider = Arc::new(Provider {
        down: AtomicBool::new(false),
        user: Mutex::new("alice".into()),
        refuses: Mutex::new(None),
        asked: AtomicUsize::new(0),
        exchanges: AtomicUsize::new(0),
        verified: AtomicUsize::new(0),
        end_session: AtomicBool::new(true),
        token_life: AtomicU64::new(7200),
        sid: Mutex::default(),
        revoked: Mutex::default(),
        refresh_token_server: RefreshTokenServer::default(),
        clock: clock.clone(),
    });
    let outpost = Outpost::new(Parts {
        applications: Applications::new(all).unwrap(),
        name: "outpost".into(),
        lifetimes: LIFETIMES,
        sealing: SealingKeys::new(SealingKey::new([1; 32]), Vec::new()),
        store: store.clone(),
        provider: provider.clone(),
        clock: clock.clone(),
        entropy: Arc::new(Counter::default()),
    });
    TestOutpost { outpost: outpost.unwrap(), store, provider, clock }
}

impl TestOutpost {
    pub(super) fn pass(&self, seconds: u64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(super) fn turn_back(&self, seconds: u64) {
        self.clock.0.fetch_sub(seconds, Ordering::Relaxed);
    }

    pub(super) fn sessions(&self) -> usize {
        self.store.sessions.lock().unwrap().len()
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
        let cookie = (!cookies.is_empty()).then(|| ("cookie".to_owned(), cookies.join("; ").into_bytes()));
        let lines = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        RequestHead {
            method: "GET".into(),
            scheme: Scheme::parse(scheme),
            authority: Authority::parse(host).unwrap(),
            target: RequestTarget::read(if target.is_empty() { "/".into() } else { target.into() }).unwrap(),
            headers: HeaderLines::new(lines.chain(cookie), CookieForm::Lines),
            client: None,
            application: None,
            request_id: None,
        }
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
