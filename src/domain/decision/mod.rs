//! Everything that can be said back to a front proxy, as one value.

mod admission;
pub mod pages;
mod reason;

use std::borrow::Cow;
use std::sync::Arc;

use http::header::{CACHE_CONTROL, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use http::{HeaderName, HeaderValue, StatusCode};

use super::http::Header;
use super::policy::backend::Upstream;
use super::policy::identity_headers::IdentityHeaders;
use super::slug::Slug;

pub use admission::{ForwardedRequest, allow_public, allow_signed_in};
pub use reason::Reason;

/// The answer to one [`RequestHead`](super::http::RequestHead).
#[derive(Debug)]
pub struct Decision {
    /// What is to happen with the request.
    pub verdict: Verdict,
    /// What is recorded about it.
    pub note: Note,
}

/// What is to happen with a request.
#[derive(Debug)]
pub enum Verdict {
    /// The request goes on to the application.
    Allow(Allow),
    /// The browser is sent elsewhere.
    Redirect(Redirect),
    /// We answer ourselves, as asked: one of our own endpoints.
    Page(Page),
    /// The request is refused.
    Deny(Page),
}

/// Changes to a request that goes on. Only [`admission`] makes one, and only from the proof that the rules let a
/// known user pass, or that a path is public.
#[derive(Debug)]
pub struct Allow {
    /// The same for every request of one user.
    identity_headers: Arc<IdentityHeaders>,
    /// Of this request alone.
    set: Vec<Header>,
    /// As the client spelled them: whatever it sent under them goes, though HTTP would not allow such a name.
    remove: Vec<Cow<'static, str>>,
    cookies: Vec<String>,
    upstream: Option<Upstream>,
}

impl Allow {
    /// Request headers to set; each overwrites whatever the client sent.
    pub fn set(&self) -> impl Iterator<Item = &Header> {
        self.identity_headers.set().iter().chain(&self.set)
    }

    /// Request headers to remove; none of them is also set.
    pub fn remove(&self) -> impl Iterator<Item = &str> {
        self.identity_headers.remove().chain(self.remove.iter().map(AsRef::as_ref))
    }

    /// Identity headers of the application that have no value on this request: removed, or set to nothing by front
    /// proxies that pass the client's own on where an answer lacks them.
    #[must_use]
    pub fn unset(&self) -> &[HeaderName] {
        self.identity_headers.unset()
    }

    /// The part of [`Self::set`] and [`Self::remove`] that is the same for every request of this user.
    #[must_use]
    pub fn identity_headers(&self) -> &IdentityHeaders {
        &self.identity_headers
    }

    /// The other part: headers to set and to remove because of this very request.
    #[must_use]
    pub fn of_request(&self) -> (&[Header], &[Cow<'static, str>]) {
        (&self.set, &self.remove)
    }

    /// `Set-Cookie` values for the response.
    #[must_use]
    pub fn cookies(&self) -> &[String] {
        &self.cookies
    }

    /// Where the request goes; always there in mode `proxy`, never in another.
    #[must_use]
    pub const fn upstream(&self) -> Option<&Upstream> {
        self.upstream.as_ref()
    }
}

/// What every answer of our own carries, whatever it says: nothing of it is stored, embedded or told on.
pub static COMMON_HEADERS: [Header; 4] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// The browser is sent to `location`.
#[derive(Debug)]
pub struct Redirect {
    /// 302, or 303 after a form post.
    pub status: StatusCode,
    /// An absolute address.
    pub location: String,
    /// `Set-Cookie` values.
    pub cookies: Vec<String>,
}

/// A small answer of our own.
#[derive(Debug)]
pub struct Page {
    /// HTTP status; on a [`Verdict::Deny`] never below 400.
    pub status: StatusCode,
    /// Headers besides `content-type`, `set-cookie` and those that every answer of ours carries.
    pub headers: Vec<Header>,
    /// Media type of the body.
    pub content_type: &'static str,
    /// The body; may be empty.
    pub body: String,
    /// The text of an HTML body, line by line and without its markup, for output that is no browser.
    pub lines: Vec<String>,
    /// `Set-Cookie` values.
    pub cookies: Vec<String>,
    /// Whether a frame may show it, in which its own policy allows that: it goes without `x-frame-options`.
    pub framed: bool,
}

impl Page {
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

    /// Adds a header. No value of ours is one that a header cannot hold; if one were, nothing of the page would be sent.
    pub fn add(&mut self, name: HeaderName, value: impl TryInto<HeaderValue>) {
        match value.try_into() {
            Ok(value) => self.headers.push((name, value)),
            Err(_) => *self = Self::empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// [`COMMON_HEADERS`], as far as this page carries them.
    pub fn common_headers(&self) -> impl Iterator<Item = &'static Header> + use<> {
        let framed = self.framed;
        COMMON_HEADERS.iter().filter(move |(name, _)| !framed || *name != X_FRAME_OPTIONS)
    }
}

/// What is recorded about a decision: in the log, in metrics and in Envoy's dynamic metadata.
#[derive(Debug, Clone)]
pub struct Note {
    /// Random id of this decision, shown on error pages and in the log.
    pub id: String,
    /// The application that owns the request.
    pub application: Option<Slug>,
    /// `preferred_username` of the signed-in user, or the subject.
    pub user: Option<String>,
    /// Why it was decided so.
    pub reason: Reason,
}
