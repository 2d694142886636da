//! The context of one request of an application while it is decided.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::StatusCode;
use url::Url;

use super::request::Request;
use super::routed_request::RoutedRequest;
use crate::domain::application::resource_metadata::ResourceIdentifier;
use crate::domain::application::return_address::{Refused, ReturnAddress};
use crate::domain::application::{Application, Mode};
use crate::domain::decision::pages::{Action, Design, Pages};
use crate::domain::decision::{AuditRecord, Decision, Reason, Verdict};
use crate::domain::http::{ClientKind, Scheme};
use crate::domain::session::SessionKey;
use crate::ports::Audit;

/// The context of one request while it is decided.
pub(super) struct RequestContext<'a> {
    pub(super) request: &'a Request,
    pub(super) application: &'a Arc<Application>,
    pub(super) kind: ClientKind,
    pub(super) id: String,
    pub(super) user: Option<String>,
    /// The key of the session by which the user is known.
    pub(super) session: Option<SessionKey>,
    /// The address at which the request is retried, where it is not the request's own.
    pub(super) again: Option<String>,
    /// How long the request may wait for work that its answer does not require.
    pub(super) refresh_timeout: Duration,
    /// Called when the request begins to wait in a place of [`super::waits`].
    pub(super) on_wait: fn(),
    pub(super) audit: &'a Audit,
    design: &'a ArcSwap<Design>,
}

impl<'a> RequestContext<'a> {
    /// The context of a request that was routed to `application`; `id` is the decision id.
    pub(super) fn new(
        routed: &'a RoutedRequest<'_>,
        application: &'a Arc<Application>,
        id: String,
        design: &'a ArcSwap<Design>,
        audit: &'a Audit,
    ) -> Self {
        let RoutedRequest { request, refresh_timeout, on_wait, .. } = *routed;
        let kind = request.head.client_kind();
        let (user, session, again) = (None, None, None);
        Self { request, application, kind, id, user, session, again, refresh_timeout, on_wait, audit, design }
    }
}

impl RequestContext<'_> {
    /// The pages for the reader of the answer. Only a request that is answered with one has its language determined.
    pub(super) fn pages(&self) -> Pages {
        Pages::new(self.request.head.reader(), self.design.load_full())
    }

    /// The decision, with its audit note.
    pub(super) fn decided(self, verdict: Verdict, reason: Reason) -> Decision {
        let audit =
            AuditRecord { id: self.id, application: Some(self.application.slug.clone()), user: self.user, reason };
        Decision { verdict, audit }
    }

    /// Whether it is a plain-http request to an application that is reached over https.
    pub(super) fn comes_plainly(&self) -> bool {
        self.request.head.scheme == Some(Scheme::Http) && self.application.external.scheme() == Scheme::Https
    }

    /// The resource that the request is for, if there is metadata about it.
    pub(super) fn resource(&self) -> Option<ResourceIdentifier> {
        let metadata = self.application.resource_metadata.as_ref()?;
        Some(metadata.resource.identifier(self.application.external.scheme(), &self.request.head.authority))
    }

    /// The status of a redirect to another address: after a form post the browser must not post the form there as well
    /// (RFC 9110 section 15.4.4).
    pub(super) fn redirect_status(&self) -> StatusCode {
        if self.request.head.method == "POST" { StatusCode::SEE_OTHER } else { StatusCode::FOUND }
    }

    /// The request's own address if a browser may be sent back to it, else the application's landing address.
    pub(super) fn own_address(&self) -> String {
        self.address_of(self.request.head.target.raw())
    }

    /// The address of a request for this target, in its original spelling.
    pub(super) fn address_of(&self, target: &str) -> String {
        let address = self.base().map(|base| format!("{}{target}", base.trim_end_matches('/')));
        address.map_or_else(|| ReturnAddress::landing(self.application), |address| self.address_as_asked(&address))
    }

    /// `address` in its original spelling if it passes the rules for return addresses, else the landing address.
    pub(super) fn address_as_asked(&self, address: &str) -> String {
        self.or_landing(ReturnAddress::as_asked(address, self.application))
    }

    /// `raw`, which is untrusted, if it passes the rules for return addresses, else the landing address.
    pub(super) fn return_address(&self, raw: &str) -> String {
        let base = self.base().and_then(|base| Url::parse(&base).ok());
        let Some(base) = base else { return ReturnAddress::landing(self.application) };
        self.or_landing(ReturnAddress::check(raw, self.application, &base))
    }

    pub(super) fn or_landing(&self, checked: Result<ReturnAddress, Refused>) -> String {
        match checked {
            Ok(address) => address.as_str().to_owned(),
            Err(rule) => {
                tracing::info!(decision_id = self.id, application = %self.application.slug, %rule, "return address replaced");
                self.landing()
            }
        }
    }

    /// The default end of a sign-in: in domain mode the requested host, else the application's address.
    pub(super) fn landing(&self) -> String {
        match (&self.application.mode, self.base()) {
            (Mode::ForwardDomain(_), Some(base)) => base,
            _ => ReturnAddress::landing(self.application),
        }
    }

    /// The root of the requested host, if it belongs to the application.
    pub(super) fn base(&self) -> Option<String> {
        let scheme = self.application.external.scheme();
        let authority = &self.request.head.authority;
        self.application
            .owns(authority, scheme)
            .then(|| format!("{}://{}/", scheme.as_str(), authority.to_text(scheme)))
    }

    /// The action that retries the request at its exact address; after a callback, at the address of a new sign-in.
    pub(super) fn again(&self) -> Action {
        let base = self.base().filter(|_| self.request.head.target.raw().starts_with('/'));
        let own = base.map(|base| format!("{}{}", base.trim_end_matches('/'), self.request.head.target.raw()));
        Action::Again(self.again.clone().or(own).unwrap_or_else(|| self.landing()))
    }

    /// The return address of a user that signs in by a link: the page that contains the form or the frame, if the
    /// browser names one of the application's in `Referer`; else, and for a page itself, `address`.
    pub(super) fn page_around(&self, address: String) -> String {
        let is_page = self.kind != ClientKind::Frame && matches!(self.request.head.method.as_str(), "GET" | "HEAD");
        let referer = self.request.head.headers.text("referer").filter(|_| !is_page);
        let base = self.base().and_then(|base| Url::parse(&base).ok());
        let page = referer.zip(base).and_then(|(raw, base)| ReturnAddress::check(raw, self.application, &base).ok());
        page.map_or(address, |page| page.as_str().to_owned())
    }
}
