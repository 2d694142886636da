//! One attempt to sign in. It travels sealed in `state` (RFC 6749 section 10.12) and is bound to the browser
//! by a small cookie; the server remembers nothing about it until it has been used.

mod attempt;
mod authorization;
mod binding;
mod callback;
mod completed;
mod secrets;

pub use attempt::{Attempt, AttemptId, MatchedAttempt, Mismatch, Origin};
pub use authorization::{ProviderMetadata, authorization_url};
pub use binding::Binding;
pub use callback::{Callback, CallbackFault, Outcome, ProviderError, ResponseFault};
pub use completed::CompletedSignIn;
pub use secrets::{AuthorizationCode, CodeVerifier, MatchedCode, Nonce};
