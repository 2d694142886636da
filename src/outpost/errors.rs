//! Faults while a request is decided, and the one function that maps them to an answer: always a denial.

use http::StatusCode;
use thiserror::Error;

use super::answers;
use super::request_context::RequestContext;
use crate::domain::application::cookies::TooManyCookies;
use crate::domain::crypto::signing_keys::NoKey;
use crate::domain::decision::pages::{Message, Text};
use crate::domain::decision::{Reason, Verdict};
use crate::ports::{EntropyFault, ProviderUnavailable, StoreFault};

/// The verdict on a request and its reason, or the fault that prevented one.
pub(super) type Outcome = Result<(Verdict, Reason), Fault>;

/// Why a request could not be decided.
#[derive(Debug, Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Store(#[from] StoreFault),
    #[error(transparent)]
    Provider(#[from] ProviderUnavailable),
    #[error(transparent)]
    Entropy(#[from] EntropyFault),
    #[error(transparent)]
    Cookies(#[from] TooManyCookies),
    #[error(transparent)]
    SigningKey(#[from] NoKey),
}

impl Fault {
    /// The denial that answers this fault. The user's state stays unchanged: no cookie is deleted.
    pub(super) fn into_verdict(self, context: &RequestContext<'_>) -> (Verdict, Reason) {
        tracing::warn!(decision_id = context.id, application = %context.application.slug, fault = %self, "no decision possible");
        let (status, reason, text) = match self {
            Self::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, Reason::StoreUnavailable, Text::StoreUnavailable),
            Self::Provider(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, Reason::ProviderUnavailable, Text::ProviderUnavailable)
            }
            Self::Entropy(_) => (StatusCode::SERVICE_UNAVAILABLE, Reason::EntropyUnavailable, Text::EntropyUnavailable),
            Self::SigningKey(_) => (StatusCode::SERVICE_UNAVAILABLE, Reason::Internal, Text::KeysUnavailable),
            Self::Cookies(_) => {
                (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, Reason::TooManyCookies, Text::TooManyCookies)
            }
        };
        let title = if status == StatusCode::SERVICE_UNAVAILABLE { Text::UnavailableTitle } else { Text::RefusedTitle };
        let message = Message { status, title, text: text.into(), id: &context.id, action: Some(context.again()) };
        let mut page = context.pages().render(&message);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            page.headers.push(answers::retry_after());
        }
        (Verdict::Deny(page), reason)
    }
}
