//! Why a snippet cannot be printed.

use thiserror::Error;

/// Why a snippet cannot be printed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NoSnippet {
    /// No application has this slug.
    #[error("there is no application `{0}`")]
    UnknownApplication(String),
    /// The application is in mode `proxy`, and only Envoy can receive the backend from Gatepost.
    #[error("`{0}` has `mode: proxy`, which only Envoy supports: `gatepost snippet envoy`")]
    ModeProxy(String),
    /// The header name is legal, but some front proxy would interpret it differently.
    #[error(
        "the header name `{name}` of `{application}` is not safe in a front proxy's file; use letters, digits, `-` and `_`"
    )]
    HeaderName {
        /// The application's slug.
        application: String,
        /// The header name.
        name: String,
    },
}
