//! Why authentik gave no usable answer: one line each, with what to do. No text contains a token or a value of an answer.

use std::error::Error;
use std::io;

use http::StatusCode;
use rustls::Error as TlsError;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use thiserror::Error as ThisError;

/// Why there cannot be a client for authentik.
#[derive(Debug, ThisError, PartialEq, Eq)]
pub enum ConnectionFault {
    /// The token cannot be sent.
    #[error(
        "the token is empty or contains characters that no token has; copy the token of the outpost from authentik again"
    )]
    Token,
    /// The HTTP client cannot be made; usually because of the certificates.
    #[error("the HTTP client for authentik cannot be made: {0}")]
    Client(String),
}

/// Why authentik gave no usable answer.
#[derive(Debug, ThisError)]
pub enum ApiFault {
    /// No complete answer.
    #[error(
        "authentik cannot be reached at {url}: {cause}; check that it runs, and that `AUTHENTIK_HOST` is its address as this machine reaches it"
    )]
    Unreachable {
        /// The address without query.
        url: String,
        /// The cause.
        cause: String,
    },
    /// The server's certificate does not verify.
    #[error(
        "the certificate of authentik at {url} is not trusted: {cause}; make its authority known by `provider.ca_file`, or give it a certificate for this host name"
    )]
    UntrustedCertificate {
        /// The address without query.
        url: String,
        /// The cause.
        cause: String,
    },
    /// The token is wrong, expired or revoked.
    #[error(
        "authentik at {url} refuses the token ({status}{detail}); copy the token of the outpost from authentik (Applications, Outposts, View Deployment Info) into `AUTHENTIK_TOKEN`"
    )]
    TokenRefused {
        /// The address without query.
        url: String,
        /// The status.
        status: StatusCode,
        /// What the server says, if it says something.
        detail: Detail,
    },
    /// The token is valid, but not that of an outpost's service account.
    #[error(
        "this token is no outpost token: authentik at {url} refuses to list the outpost's applications ({status}{detail}); use the token that authentik shows for the outpost (Applications, Outposts, View Deployment Info), not one of a user or an administrator"
    )]
    NotAnOutpostToken {
        /// The address without query.
        url: String,
        /// The status.
        status: StatusCode,
        /// What the server says, if it says something.
        detail: Detail,
    },
    /// The list of outposts is empty.
    #[error(
        "No outposts found with the given token at {url}; check that the outpost exists in authentik, and that the token is the outpost's own"
    )]
    NoOutposts {
        /// The address without query.
        url: String,
    },
    /// The token belongs to another kind of outpost.
    #[error(
        "the outpost {name:?} has the type `{kind}`, but this is an outpost of the type `proxy`; create an outpost of the type Proxy in authentik, and use its token"
    )]
    OutpostType {
        /// The outpost's name.
        name: String,
        /// Its type.
        kind: String,
    },
    /// Something else answers there.
    #[error(
        "{url} is no API of authentik: {found}; `AUTHENTIK_HOST` must be the address of authentik itself, with the path below which it is installed"
    )]
    NotAuthentik {
        /// The address without query.
        url: String,
        /// What answers instead.
        found: String,
    },
    /// An error of the server.
    #[error("authentik at {url} answers {status}{detail}; its own log says why")]
    Server {
        /// The address without query.
        url: String,
        /// The status.
        status: StatusCode,
        /// What the server says, if it says something.
        detail: Detail,
    },
    /// The answer is not what the API documents.
    #[error(
        "the answer of authentik at {url} cannot be used: {problem}; compare the versions of authentik and Gatepost"
    )]
    Malformed {
        /// The address without query.
        url: String,
        /// What is wrong, without values of the answer.
        problem: String,
    },
    /// A certificate without its key is of no use.
    #[error(
        "the certificate {name:?} of authentik has no private key; choose another one for the provider, or upload its key"
    )]
    NoPrivateKey {
        /// Its name at authentik.
        name: String,
    },
}

/// What an error answer says in `detail`; prints nothing where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail(Option<String>);

/// Longer texts are cut; authentik's have a few words.
const MAX_DETAIL_CHARS: usize = 120;

impl Detail {
    /// Reads it from the body of an answer; `token` does not occur in it.
    pub(super) fn of(body: &[u8], token: &SecretString) -> Self {
        #[derive(Deserialize)]
        struct Written {
            detail: String,
        }
        let detail = serde_json::from_slice(body).map(|Written { detail }| detail).ok();
        // A server may repeat what it refuses.
        let without_token = |detail: String| match token.expose_secret().trim() {
            "" => detail,
            token => detail.replace(token, "(token)"),
        };
        Self(detail.map(|detail| without_token(detail).chars().take(MAX_DETAIL_CHARS).collect()))
    }
}

impl std::fmt::Display for Detail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.as_ref().map_or(Ok(()), |detail| write!(f, ": {detail:?}"))
    }
}

/// Whether a request failed because the server's certificate does not verify.
pub(super) fn is_untrusted_certificate(error: &reqwest::Error) -> bool {
    error.source().is_some_and(is_certificate_fault)
}

fn is_certificate_fault(error: &(dyn Error + 'static)) -> bool {
    // An `io::Error` does not name the error that it wraps as its source, but that error's source.
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    matches!(error.downcast_ref(), Some(TlsError::InvalidCertificate(_)))
        || wrapped.is_some_and(|wrapped| is_certificate_fault(wrapped))
        || error.source().is_some_and(is_certificate_fault)
}
