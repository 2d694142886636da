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
    #[error("the header `{0}` is also present in another spelling")]
    Alias(&'static str),
    #[error("the header `{0}` contradicts the header that names the original request")]
    Contradiction(&'static str),
    #[error("the header `{0}` is not text")]
    NotText(&'static str),
    #[error("the original method is not a token")]
    Method,
    #[error("the original scheme is neither http nor https")]
    Scheme,
    #[error("the original URL does not have the form scheme://host/path")]
    NotAbsolute,
    #[error("the client sent a header whose name is reserved for Gatepost, and this front proxy would pass it on")]
    Owned,
    #[error(transparent)]
    Host(#[from] HostFault),
    #[error(transparent)]
    Target(#[from] TargetFault),
}
