//! Sign-out: all sessions of the user end here, durably, before the browser goes on to the provider.

use super::{Outcome, Outpost, Visit, answers};
use crate::domain::cookies::{self, OwnCookies};
use crate::domain::decision::{Page, Reason, Redirect, Verdict};
use crate::domain::pages::{self, Action, Message};
use crate::domain::request::ClientKind;
use crate::domain::session::SessionRecord;
use crate::domain::sign_out::{EndSession, end_session, is_deliberate};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

impl Outpost {
    /// `sign_out`: ends every session of this user in this outpost, then asks the provider to end its own.
    pub(super) async fn sign_out(&self, visit: &mut Visit<'_>) -> Outcome {
        if !matches!(visit.head.method.as_str(), "GET" | "POST") {
            return Ok(answers::method_not_allowed(visit, "GET, POST"));
        }
        if visit.head.headers.text("accept").is_some_and(|accept| accept.contains("text/html")) {
            // A form post is no navigation that could start a sign-in, but it is read by a person.
            visit.kind = ClientKind::Navigation;
        }
        let own = OwnCookies::read(&visit.head.headers, visit.application)?;
        let found = self.session(visit.application, &own).await?;
        let Some(found) = found else {
            return Ok((Verdict::Page(visit.signed_out()), Reason::SignedOut));
        };
        visit.user = Some(found.name().to_owned());
        if !is_deliberate(visit.head, visit.application) {
            return Ok(visit.ask_first());
        }
        let record = found.session.record();
        let ended = self.parts.store.end_user(&record.user).await?.len();
        tracing::info!(decision_id = visit.id, application = %visit.application.slug, ended, "sessions of the user ended");
        let mut verdict = self.end_at_provider(visit, record).await?;
        match &mut verdict {
            Verdict::Redirect(Redirect { cookies, .. }) | Verdict::Page(Page { cookies, .. }) => {
                cookies.extend(cookies::delete_all(visit.application));
            }
            Verdict::Allow(_) | Verdict::Deny(_) => {}
        }
        Ok((verdict, Reason::SignedOut))
    }

    /// On to the provider, if it has an endpoint for that and can be asked where; signed out here in any case.
    async fn end_at_provider(&self, visit: &Visit<'_>, record: &SessionRecord) -> Result<Verdict, super::Fault> {
        let application = visit.application;
        let metadata = self.parts.provider.metadata(&application.relying_party).await.ok();
        let Some(endpoint) = metadata.and_then(|metadata| metadata.end_session_endpoint.clone()) else {
            return Ok(Verdict::Page(visit.signed_out()));
        };
        let state = URL_SAFE_NO_PAD.encode(self.random::<16>()?);
        Ok(match end_session(&endpoint, application, &record.id_token, &state) {
            EndSession::Redirect(location) => {
                let status = if visit.head.method == "POST" { 303 } else { 302 };
                Verdict::Redirect(Redirect { status, location, cookies: Vec::new() })
            }
            EndSession::Form { action, fields } => {
                let form = Action::Form { address: action, label: "Sign out there too", fields };
                let text = "You are signed out here. One step is left at the identity provider.";
                Verdict::Page(visit.page(200, "Signed out", text, form))
            }
        })
    }
}

impl Visit<'_> {
    fn signed_out(&self) -> Page {
        let link = Action::Link { address: self.landing(), label: "Sign in again" };
        self.page(200, "Signed out", "You are signed out of this application.", link)
    }

    /// Another site's image, link or script may have caused this; the user decides.
    fn ask_first(&self) -> (Verdict, Reason) {
        let address = self.application.endpoint("sign_out");
        let form = Action::Form { address, label: "Sign out", fields: Vec::new() };
        let reason = Reason::SignOutUnconfirmed;
        if self.kind == ClientKind::Navigation {
            return (Verdict::Page(self.page(200, "Sign out?", "Do you want to sign out?", form)), reason);
        }
        let text = "Only the user can sign out, by a visit to this address.";
        (Verdict::Deny(self.page(403, "Sign-out refused", text, form)), reason)
    }

    fn page(&self, status: u16, title: &str, text: &str, action: Action) -> Page {
        pages::render(&Message { status, title, text, id: "", action: Some(action) }, self.kind)
    }
}
