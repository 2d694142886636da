//! Why a forward-auth request cannot be answered. Its content is never repeated in the text: it may hold anything.

use thiserror::Error;

use crate::domain::http::{HostFault, TargetFault};

/// What is wrong with a forward-auth request.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(super) enum Fault {
    #[error("the header `{0}` is missing")]
    Missing(&'static str),
    #[error("the header `{0}` occurs more than once")]
    Doubled(&'static str),
    #[error("the header `{0}` stands there in another spelling as well")]
    Alias(&'static str),
    #[error("the header `{0}` contradicts the header that decides")]
    Contradiction(&'static str),
    #[error("the header `{0}` is not text")]
    NotText(&'static str),
    #[error("the original method is no token")]
    Method,
    #[error("the original scheme is neither http nor https")]
    Scheme,
    #[error("the original URL does not read scheme://host/path")]
    NotAbsolute,
    #[error("the client sent a header under a name of Gatepost's that this front proxy would pass on")]
    Owned,
    #[error(transparent)]
    Host(#[from] HostFault),
    #[error(transparent)]
    Target(#[from] TargetFault),
}
