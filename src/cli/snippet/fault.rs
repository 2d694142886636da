//! Why there is no snippet.

use thiserror::Error;

/// Why nothing is printed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NoSnippet {
    /// No application has this slug.
    #[error("there is no application `{0}`")]
    UnknownApplication(String),
    /// Only Envoy takes a backend from us.
    #[error("`{0}` has `mode: proxy`, and only Envoy can be told its backend: `gatepost snippet envoy`")]
    ModeProxy(String),
    /// A legal header name that some front proxy would read as something else.
    #[error(
        "the header name `{name}` of `{application}` cannot stand in a front proxy's file; use letters, digits, `-` and `_`"
    )]
    HeaderName {
        /// The application's slug.
        application: String,
        /// The name.
        name: String,
    },
}
