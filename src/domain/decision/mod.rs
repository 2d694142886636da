//! The decision on a request: every possible answer to a front proxy, as one value.

mod allow;
pub mod pages;
mod reason;

use std::borrow::Cow;
use std::sync::Arc;

use http::header::{CACHE_CONTROL, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use super::http::Header;
use super::policy::backend::Upstream;
use super::policy::identity_headers::IdentityHeaders;
use super::slug::Slug;

pub use allow::{ForwardedRequest, allow_public, allow_signed_in};
pub use reason::Reason;

/// The answer to one [`RequestHead`](super::http::RequestHead).
#[derive(Debug)]
pub struct Decision {
    /// What happens to the request.
    pub verdict: Verdict,
    /// The audit record of the decision.
    pub audit: AuditRecord,
}

/// What happens to a request.
#[derive(Debug)]
pub enum Verdict {
    /// The request is passed to the application.
    Allow(Allow),
    /// The browser is redirected.
    Redirect(Redirect),
    /// Gatepost answers the request itself: it is for one of its own endpoints.
    Page(Page),
    /// The request is denied.
    Deny(Page),
}

/// Changes to a request that is allowed. Only the module `admission` creates one, and only from the proof that the rules permit
/// a known user, or that a path is public.
#[derive(Debug)]
pub struct Allow {
    /// Shared by all requests of one user.
    identity_headers: Arc<IdentityHeaders>,
    /// For this request only.
    set: Vec<Header>,
    /// The names as the client spelled them: a header is removed even if HTTP would not allow its name.
    remove: Vec<Cow<'static, str>>,
    cookies: Vec<String>,
    upstream: Option<Upstream>,
}

impl Allow {
    /// Request headers to set; each replaces the client's header of that name.
    pub fn set(&self) -> impl Iterator<Item = &Header> {
        self.identity_headers.set().iter().chain(&self.set)
    }

    /// Request headers to remove; none of them is also set.
    pub fn remove(&self) -> impl Iterator<Item = &str> {
        self.identity_headers.remove().chain(self.remove.iter().map(AsRef::as_ref))
    }

    /// Identity headers of the application that have no value for this request: removed, or set to an empty value by
    /// front proxies that pass on the client's header where an answer lacks it.
    #[must_use]
    pub fn unset(&self) -> &[HeaderName] {
        self.identity_headers.unset()
    }

    /// The part of [`Self::set`] and [`Self::remove`] that is the same for every request of this user.
    #[must_use]
    pub fn identity_headers(&self) -> &IdentityHeaders {
        &self.identity_headers
    }

    /// The rest: headers to set and to remove because of this request only.
    #[must_use]
    pub fn of_request(&self) -> (&[Header], &[Cow<'static, str>]) {
        (&self.set, &self.remove)
    }

    /// `Set-Cookie` values for the response.
    #[must_use]
    pub fn cookies(&self) -> &[String] {
        &self.cookies
    }

    /// The upstream of the request; present in mode `proxy` only, and always there.
    #[must_use]
    pub const fn upstream(&self) -> Option<&Upstream> {
        self.upstream.as_ref()
    }
}

/// The headers of every answer that Gatepost itself gives: no answer may be cached, unless it says so, embedded or named in a
/// referrer.
pub static COMMON_HEADERS: [Header; 4] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// A redirect of the browser to `location`.
#[derive(Debug)]
pub struct Redirect {
    /// 302, or 303 after a form post.
    pub status: StatusCode,
    /// An absolute address.
    pub location: String,
    /// `Set-Cookie` values.
    pub cookies: Vec<String>,
}

/// A small answer that Gatepost itself gives.
#[derive(Debug)]
pub struct Page {
    /// HTTP status; on a [`Verdict::Deny`] never below 400.
    pub status: StatusCode,
    /// Headers besides `content-type`, `set-cookie` and [`COMMON_HEADERS`].
    pub headers: Vec<Header>,
    /// Media type of the body.
    pub content_type: &'static str,
    /// The body; may be empty.
    pub body: String,
    /// The text of an HTML body, line by line and without markup, for output outside a browser.
    pub lines: Vec<String>,
    /// `Set-Cookie` values.
    pub cookies: Vec<String>,
    /// Whether a frame may show the page, where its own policy allows that: it then lacks `x-frame-options`.
    pub framed: bool,
}

impl Page {
    /// A document of this JSON media type.
    #[must_use]
    pub fn json(status: StatusCode, content_type: &'static str, document: &Value) -> Self {
        Self { content_type, body: document.to_string(), ..Self::empty(status) }
    }

    /// An answer without a body.
    #[must_use]
    pub const fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content_type: "text/plain; charset=utf-8",
            body: String::new(),
            lines: Vec::new(),
            cookies: Vec::new(),
            framed: false,
        }
    }

    /// Adds a header. Every value that Gatepost sets is valid in a header; if one were not, an empty 500 replaces the
    /// page.
    pub fn add(&mut self, name: HeaderName, value: impl TryInto<HeaderValue>) {
        match value.try_into() {
            Ok(value) => self.headers.push((name, value)),
            Err(_) => *self = Self::empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// The [`COMMON_HEADERS`] that this page carries; its own `cache-control` takes the place of the common one.
    pub fn common_headers(&self) -> impl Iterator<Item = &'static Header> + use<> {
        let (framed, cached) = (self.framed, self.headers.iter().any(|(name, _)| name == CACHE_CONTROL));
        let is_left_out =
            move |name: &HeaderName| (framed && *name == X_FRAME_OPTIONS) || (cached && *name == CACHE_CONTROL);
        COMMON_HEADERS.iter().filter(move |(name, _)| !is_left_out(name))
    }
}

/// The audit record of a decision: for the log, metrics and Envoy's dynamic metadata.
#[derive(Debug, Clone)]
pub struct AuditRecord {
    /// The unique id of this decision, shown on error pages and in the log.
    pub id: String,
    /// The application that owns the request.
    pub application: Option<Slug>,
    /// `preferred_username` of the signed-in user, or the subject.
    pub user: Option<String>,
    /// The reason for the decision.
    pub reason: Reason,
}
