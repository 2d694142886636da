//! Sign-in: the way to the provider and the way back.

use url::form_urlencoded;

use super::faults::Fault;
use super::waits::Purpose;
use super::{Outcome, Outpost, Visit, answers};
use crate::domain::application::Application;
use crate::domain::cookies::{self, OwnCookies};
use crate::domain::decision::{Reason, Redirect, Verdict};
use crate::domain::id_token::SignedIn;
use crate::domain::identity;
use crate::domain::one_time::OneTime;
use crate::domain::pages::{self, Action, Message};
use crate::domain::request::ClientKind;
use crate::domain::session::{Session, SessionId};
use crate::domain::sign_in::{
    Attempt, AttemptId, Binding, Callback, MatchedCode, Mismatch, ProviderError, ResponseFault, authorization_url,
};
use crate::ports::{ExchangeFault, Spent};

/// How nginx names the address of the request that it sends to `start`.
const NGINX_ORIGINAL_URL: &str = "x-original-url";

/// Why a callback cannot be used, although a sign-in that starts again may well succeed.
enum Setback {
    /// Tabs that started at once each set a binding cookie, and this one's was replaced. Until the last of them has set
    /// its own, it may happen again.
    Raced,
    /// The attempt is over, or the browser keeps no binding.
    Stale(Mismatch),
    UsedBefore,
    CodeRefused,
}

impl Setback {
    fn of(mismatch: Mismatch, binding: Option<&Binding>) -> Self {
        if mismatch == Mismatch::OtherBrowser && binding.is_some() { Self::Raced } else { Self::Stale(mismatch) }
    }

    /// How often a sign-in may have started again already. Browsers follow some 20 redirects in a row, and each start
    /// takes two or three.
    const fn restarts(&self) -> u8 {
        match self {
            Self::Raced => 5,
            Self::Stale(_) | Self::UsedBefore | Self::CodeRefused => 1,
        }
    }

    const fn cause(&self) -> &'static str {
        match self {
            Self::Raced => "another tab replaced the binding",
            Self::Stale(Mismatch::Expired) => "the attempt has expired",
            Self::Stale(Mismatch::OtherBrowser) => "the browser sent no binding",
            Self::UsedBefore => "used before",
            Self::CodeRefused => "the provider refused the code",
        }
    }
}

impl Outpost {
    /// `start`: signs in whoever asks, and leads to `rd` if that is the application's. A front proxy sends a refused
    /// request here whatever its method, so one that cannot follow a redirect is told so here, too.
    pub(super) async fn start(&self, visit: &mut Visit<'_>) -> Outcome {
        let return_address = match return_parameter(visit.head.target.query().unwrap_or_default()) {
            Some(raw) => visit.return_address(&raw),
            None => visit.landing(),
        };
        if !visit.begins_sign_in() {
            return Ok(answers::sign_in_required(visit, return_address));
        }
        let own = OwnCookies::read(&visit.head.headers, visit.application)?;
        self.begin_sign_in(visit, &own, return_address, 0).await
    }

    /// Sends the browser to the provider. Nothing is stored: the attempt travels in `state`.
    pub(super) async fn begin_sign_in(
        &self,
        visit: &Visit<'_>,
        own: &OwnCookies,
        return_address: String,
        restarts: u8,
    ) -> Outcome {
        let application = visit.application;
        let relying_party = &application.relying_party;
        let metadata = self.parts.provider.metadata(relying_party);
        let metadata = self.wait_for(visit, Purpose::Metadata, metadata).await??;
        let (binding, new_cookie) = if let Some(binding) = &own.binding {
            (binding.clone(), None)
        } else {
            let binding = Binding::new(self.random()?);
            let cookie = cookies::set_binding(application, &binding);
            (binding, Some(cookie))
        };
        let (keys, now) = (&self.parts.sealing, self.parts.clock.now());
        let attempt = Attempt::begin(AttemptId::new(self.random()?), &binding, return_address, restarts, now, keys);
        let state = attempt.seal(application, keys, self.random()?);
        let location = authorization_url(&metadata, relying_party, &attempt, &binding, &state).into();
        let reason = if restarts == 0 { Reason::SignInStarted } else { Reason::SignInRestarted };
        Ok((Verdict::Redirect(Redirect { status: 302, location, cookies: new_cookie.into_iter().collect() }), reason))
    }

    /// `callback`: the provider sent the browser back.
    pub(super) async fn callback(&self, visit: &mut Visit<'_>) -> Outcome {
        if visit.head.method != "GET" {
            return Ok(answers::method_not_allowed(visit, "GET"));
        }
        visit.again = Some(self.begin_anew(visit));
        let (application, keys) = (visit.application, &self.parts.sealing);
        let own = OwnCookies::read(&visit.head.headers, application)?;
        let callback = match Callback::parse(visit.head.target.query().unwrap_or_default()) {
            Ok(callback) => callback,
            Err(fault) => {
                return Ok(visit.failed(400, "The address you came back with is incomplete.", &fault.to_string()));
            }
        };
        let Ok(attempt) = Attempt::open(callback.state(), application, keys) else {
            return Ok(visit.failed(
                400,
                "This sign-in was not started here, or too long ago.",
                "the state does not open",
            ));
        };
        let matched = match attempt.matching(own.binding.as_ref(), self.parts.clock.now()) {
            Ok(matched) => matched,
            Err(mismatch) => {
                let setback = Setback::of(mismatch, own.binding.as_ref());
                return self.restart(visit, &own, &attempt, &setback).await;
            }
        };
        let metadata = self.parts.provider.metadata(&application.relying_party);
        let metadata = self.wait_for(visit, Purpose::Metadata, metadata).await??;
        let code = match callback.into_code(&matched, &metadata) {
            Ok(code) => code,
            Err(ResponseFault::Provider(error)) => return Ok(visit.provider_refused(&error, &attempt)),
            Err(fault @ ResponseFault::OtherIssuer(_)) => {
                return Ok(visit.failed(
                    400,
                    "The answer did not come from the identity provider that was asked.",
                    &fault.to_string(),
                ));
            }
        };
        // The attempt is used up when its turn has come and not before, so that who was turned away may reload.
        let Some(_redemption) = self.redemption(visit, matched.id()).await? else {
            return self.restart(visit, &own, &attempt, &Setback::UsedBefore).await;
        };
        match self.parts.store.spend(&OneTime::attempt(matched.id()), matched.expires()).await? {
            Spent::Now => self.redeem(visit, &own, &attempt, code).await,
            Spent::Before => self.restart(visit, &own, &attempt, &Setback::UsedBefore).await,
        }
    }

    /// Where a callback that fails is tried again: by another sign-in that ends where this one should have. Its own address holds a
    /// code, which stands in no page.
    pub(super) fn begin_anew(&self, visit: &Visit<'_>) -> String {
        let callback = Callback::parse(visit.head.target.query().unwrap_or_default()).ok();
        let attempt = callback.and_then(|it| Attempt::open(it.state(), visit.application, &self.parts.sealing).ok());
        let address = attempt.map(|attempt| visit.return_address(attempt.return_address()));
        address.map_or_else(|| visit.landing(), |address| start_again(visit.application, &address))
    }

    /// Turns a matched code into a session, or says why not.
    async fn redeem(&self, visit: &mut Visit<'_>, own: &OwnCookies, attempt: &Attempt, code: MatchedCode) -> Outcome {
        match self.parts.provider.exchange(&visit.application.relying_party, code).await {
            Ok(signed_in) => self.begin_session(visit, own, attempt, signed_in).await,
            Err(ExchangeFault::Unavailable(fault)) => Err(Fault::Provider(fault)),
            Err(ExchangeFault::Refused(error)) if error == "invalid_grant" => {
                self.restart(visit, own, attempt, &Setback::CodeRefused).await
            }
            Err(fault) => {
                let text = "The identity provider's answer could not be accepted. Please tell the operator the reference below.";
                let (verdict, _) = visit.failed(403, text, &fault.to_string());
                Ok((verdict, Reason::ProviderUntrustworthy))
            }
        }
    }

    /// Saves a session under a new id; whatever id the browser presented is never kept.
    async fn begin_session(
        &self,
        visit: &mut Visit<'_>,
        own: &OwnCookies,
        attempt: &Attempt,
        signed_in: SignedIn,
    ) -> Outcome {
        let (application, now) = (visit.application, self.parts.clock.now());
        let session = Session::begin(signed_in, application, now, self.parts.lifetimes);
        let lifetime = session.record().ends.since(now);
        visit.user = Some(identity::display_name(&session.record().claims, &session.record().user).to_owned());
        if lifetime.is_zero() {
            return Ok(visit.failed(
                403,
                "The identity provider's token had already ended. Please tell the operator.",
                "the session would have ended at its beginning",
            ));
        }
        if let Err(over) = self.rehearse(visit, session.record().into()) {
            return Ok(visit.too_much(&over));
        }
        let id = SessionId::new(self.random()?);
        for presented in &own.sessions {
            self.parts.store.end(&presented.key()).await?;
        }
        self.parts.store.save(&id.key(), session).await?;
        let location = visit.return_address(attempt.return_address());
        let cookies = vec![cookies::set_session(application, &id, lifetime)];
        Ok((Verdict::Redirect(Redirect { status: 302, location, cookies }), Reason::SignInCompleted))
    }

    /// A callback that cannot be used: who is signed in by now goes on; anybody else starts again, but not for ever.
    async fn restart(&self, visit: &mut Visit<'_>, own: &OwnCookies, attempt: &Attempt, setback: &Setback) -> Outcome {
        let location = visit.return_address(attempt.return_address());
        if let Some(found) = self.session(visit.application, own).await? {
            visit.user = Some(found.name().to_owned());
            return Ok((
                Verdict::Redirect(Redirect { status: 302, location, cookies: Vec::new() }),
                Reason::AlreadySignedIn,
            ));
        }
        let cause = setback.cause();
        if attempt.restarts() >= setback.restarts() {
            let text = "The sign-in could not be completed. If this happens again, check that your browser accepts cookies from this site.";
            return Ok(visit.failed(400, text, cause));
        }
        tracing::info!(decision_id = visit.id, application = %visit.application.slug, cause, "sign-in starts again");
        self.begin_sign_in(visit, own, location, attempt.restarts() + 1).await
    }
}

/// `rd`, when it is there exactly once.
fn return_parameter(query: &str) -> Option<String> {
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "rd");
    let first = values.next().map(|(_, value)| value.into_owned());
    first.filter(|_| values.next().is_none())
}

impl Visit<'_> {
    /// Whether `start` was opened as an address: by a page load, or by a client that takes anything and was shown the link
    /// (another page with the same link would lead nowhere). nginx sends a refused request here that asked for something
    /// else, and names that in a header.
    fn begins_sign_in(&self) -> bool {
        let is_handed_on = self.head.headers.all(NGINX_ORIGINAL_URL).next().is_some();
        let opens = matches!(self.head.method.as_str(), "GET" | "HEAD") && !is_handed_on;
        self.kind == ClientKind::Navigation || (self.kind == ClientKind::Html && opens)
    }

    /// A page that says that the sign-in failed and how to begin another.
    pub(super) fn failed(&self, status: u16, text: &str, cause: &str) -> (Verdict, Reason) {
        tracing::warn!(decision_id = self.id, application = %self.application.slug, cause, "sign-in failed");
        let again = Action::Link { address: self.landing(), label: "Open the application" };
        let message = Message { status, title: "Sign-in failed", text, id: &self.id, action: Some(again) };
        (Verdict::Deny(pages::render(&message, self.kind)), Reason::SignInFailed)
    }

    /// The provider said no, in its own words.
    fn provider_refused(&self, error: &ProviderError, attempt: &Attempt) -> (Verdict, Reason) {
        let temporary = matches!(error.error.as_str(), "temporarily_unavailable" | "server_error");
        let description = error.description.as_deref().unwrap_or("It gave no description.");
        let text = format!("The identity provider answered “{}”. {description}", error.error);
        tracing::warn!(decision_id = self.id, application = %self.application.slug, error = error.error, "the provider refused the sign-in");
        let again = Action::Link {
            address: start_again(self.application, &self.return_address(attempt.return_address())),
            label: "Try again",
        };
        let status = if temporary { 503 } else { 403 };
        let message = Message { status, title: "Sign-in refused", text: &text, id: &self.id, action: Some(again) };
        (Verdict::Deny(pages::render(&message, self.kind)), Reason::ProviderRefused)
    }
}

/// The address that begins a sign-in which ends at `return_address`.
pub(super) fn start_again(application: &Application, return_address: &str) -> String {
    let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("rd", return_address).finish();
    format!("{}?{query}", application.endpoint("start"))
}
