//! A sign-in attempt. It is sealed in `state` (RFC 6749 section 10.12) and bound to the browser by a small cookie; the
//! server stores nothing about it until it is used.

mod attempt;
mod authorization;
mod binding;
mod callback;
mod completed;
mod secrets;

pub use attempt::{Attempt, AttemptId, MatchedAttempt, Mismatch, StartedBy};
pub use authorization::{ProviderMetadata, authorization_url};
pub use binding::Binding;
pub use callback::{Callback, CallbackFault, Outcome, ProviderError, ResponseFault};
pub use completed::CompletedSignIn;
pub use secrets::{AuthorizationCode, CodeVerifier, MatchedCode, Nonce};
