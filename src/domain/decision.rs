//! Everything that can be said back to a front proxy, as one value.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::{CACHE_CONTROL, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use http::{HeaderName, HeaderValue, StatusCode};

use super::application::Slug;
use super::backend::Upstream;
use super::headers::Told;

/// The answer to one [`RequestHead`](super::request::RequestHead).
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

/// A header line to be set, of a request or of an answer. The value is opaque bytes without control characters, as a `cookie` line
/// may hold.
pub type Header = (HeaderName, HeaderValue);

/// Changes to a request that goes on. Only [`headers`](super::headers) makes one, and only from the proof that the rules let a
/// known user pass, or that a path is public.
#[derive(Debug)]
pub struct Allow {
    /// The same for every request of one user.
    pub(in crate::domain) told: Arc<Told>,
    /// Of this request alone.
    pub(in crate::domain) set: Vec<Header>,
    /// As the client spelled them: whatever it sent under them goes, though HTTP would not allow such a name.
    pub(in crate::domain) remove: Vec<Cow<'static, str>>,
    pub(in crate::domain) cookies: Vec<String>,
    pub(in crate::domain) upstream: Option<Upstream>,
}

impl Allow {
    /// Request headers to set; each overwrites whatever the client sent.
    pub fn set(&self) -> impl Iterator<Item = &Header> {
        self.told.set().iter().chain(&self.set)
    }

    /// Request headers to remove; none of them is also set.
    pub fn remove(&self) -> impl Iterator<Item = &str> {
        self.told.remove().chain(self.remove.iter().map(AsRef::as_ref))
    }

    /// Identity headers of the application that have no value on this request: removed, or set to nothing by front
    /// proxies that pass the client's own on where an answer lacks them.
    #[must_use]
    pub fn blank(&self) -> &[HeaderName] {
        self.told.blank()
    }

    /// The part of [`Self::set`] and [`Self::remove`] that is the same for every request of this user.
    #[must_use]
    pub fn told(&self) -> &Told {
        &self.told
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

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)+) => {
        /// Why a request was decided as it was; the closed list that logs, metrics and metadata use.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)+ }

        impl Reason {
            /// Every reason there is.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The reason as it stands in logs, metrics and metadata.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

reasons! {
    /// A live session.
    SignedIn => "signed_in",
    /// A credential of the request itself: a bearer token or an app password.
    CredentialAccepted => "credential_accepted",
    /// A rule of the operator makes the path public.
    UnauthenticatedPath => "unauthenticated_path",
    /// A CORS preflight, let through by setting.
    Preflight => "preflight",
    /// No session: the browser goes to the identity provider.
    SignInStarted => "sign_in_started",
    /// No session, and a client that cannot follow a redirect.
    SignInRequired => "sign_in_required",
    /// The credential that the request presents is not valid.
    CredentialRefused => "credential_refused",
    /// A known user whom no rule of the operator lets pass.
    Forbidden => "forbidden",
    /// Plain http to an https application.
    PlainHttp => "plain_http",
    /// Plain http, though the browser used https: a proxy in front hides it.
    SchemeHidden => "scheme_hidden",
    /// A sign-in was completed.
    SignInCompleted => "sign_in_completed",
    /// A stale or repeated callback of somebody who is signed in by now.
    AlreadySignedIn => "already_signed_in",
    /// A callback that could not be used; the sign-in starts once more.
    SignInRestarted => "sign_in_restarted",
    /// A callback that could not be used.
    SignInFailed => "sign_in_failed",
    /// A sign-in that was completed a moment ago is asked for again: a redirect loop.
    SignInLoop => "sign_in_loop",
    /// The provider refused the user or the request.
    ProviderRefused => "provider_refused",
    /// The provider's tokens did not pass the checks.
    ProviderUntrustworthy => "provider_untrustworthy",
    /// What the provider says about the user does not fit into a request.
    IdentityTooLarge => "identity_too_large",
    /// The provider does not answer.
    ProviderUnavailable => "provider_unavailable",
    /// The session store does not answer.
    StoreUnavailable => "store_unavailable",
    /// The system's randomness source failed.
    EntropyUnavailable => "entropy_unavailable",
    /// A sign-out was completed.
    SignedOut => "signed_out",
    /// The provider ended sessions, or there were none to end.
    LogoutByProvider => "logout_by_provider",
    /// A logout of the provider's that could not be believed, or not be carried out.
    LogoutRefused => "logout_refused",
    /// A sign-out that could be carried out here only: the store does not answer.
    SignedOutHere => "signed_out_here",
    /// A sign-out that somebody else may have caused: a page asks first.
    SignOutUnconfirmed => "sign_out_unconfirmed",
    /// A front proxy's question that came from an address which the operator does not name as one.
    UntrustedPeer => "untrusted_peer",
    /// A front proxy's question about one of our own endpoints, which only the browser's own visit can answer.
    OwnEndpoint => "own_endpoint",
    /// A front proxy's question about an application in mode `proxy`, whose backend only Envoy can be told.
    ModeProxy => "mode_proxy",
    /// A liveness probe of the outpost's own path.
    Ping => "ping",
    /// Below the reserved prefix, but no endpoint of ours.
    UnknownEndpoint => "unknown_endpoint",
    /// The method does not fit the endpoint.
    MethodNotAllowed => "method_not_allowed",
    /// No application owns the host.
    UnknownHost => "unknown_host",
    /// The route names an application that does not exist or does not own the host.
    UnknownApplication => "unknown_application",
    /// The request lacks something or cannot be made canonical.
    Malformed => "malformed",
    /// Path and query are longer than the operator's limit.
    AddressTooLong => "address_too_long",
    /// More header lines than the operator's limit.
    TooManyHeaders => "too_many_headers",
    /// More cookies than any browser sends.
    TooManyCookies => "too_many_cookies",
    /// The caller's deadline, or our own, passed first.
    Overdue => "overdue",
    /// Something of ours went wrong.
    Internal => "internal",
}
