//! Return addresses: the one function that judges where a browser may be sent after a sign-in, so that no
//! sign-in ends at a stranger's (RFC 9700 section 4.11). What is accepted is the parser's own serialisation,
//! never the raw text: two readers could take that for two addresses.

use thiserror::Error;
use url::Url;

use super::application::Application;
use super::endpoint;
use super::request::{Host, RequestTarget};

const MAX_BYTES: usize = 2048;

/// A return address that passed every rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnAddress(Url);

/// The rule that an address broke.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Refused {
    /// R1: 1 to 2048 bytes.
    #[error("it is empty or longer than 2048 bytes")]
    Length,
    /// R2: printable ASCII without backslash.
    #[error("it holds a character that no address holds")]
    Characters,
    /// R3: a path, or an absolute address of the application's scheme.
    #[error("it is neither a path nor an absolute address of the application's scheme")]
    Form,
    /// R4: the URL parser takes it.
    #[error("it does not parse")]
    Unparsable,
    /// R5: no user information.
    #[error("it holds user information")]
    UserInformation,
    /// R6: scheme, host and port are the application's.
    #[error("it leads to a host that is not the application's")]
    ForeignHost,
    /// R7: the host as written is the host as parsed.
    #[error("its host is written in a way that others may read differently")]
    Spelling,
    /// R8: a path that nobody takes for a host.
    #[error("its path may be read as a host, or holds control characters")]
    Path,
    /// R9: not one of our own endpoints.
    #[error("it leads to a sign-in or sign-out endpoint")]
    OwnEndpoint,
}

impl ReturnAddress {
    /// Judges `raw` for `application`; a path is taken relative to `base`, the address of the request.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn judge(raw: &str, application: &Application, base: &Url) -> Result<Self, Refused> {
        if raw.is_empty() || raw.len() > MAX_BYTES {
            return Err(Refused::Length);
        }
        if !raw.bytes().all(|byte| matches!(byte, 0x21..=0x7e) && byte != b'\\') {
            return Err(Refused::Characters);
        }
        let scheme = application.external.scheme().as_str();
        let absolute = raw.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://"));
        if absolute.is_none() && (!raw.starts_with('/') || raw.starts_with("//")) {
            return Err(Refused::Form);
        }
        let url = base.join(raw).map_err(|_| Refused::Unparsable)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::UserInformation);
        }
        refuse_foreign_host(&url, application)?;
        if absolute.is_some_and(|rest| rest.split(['/', '?', '#']).next() != Some(&authority(&url))) {
            return Err(Refused::Spelling);
        }
        refuse_odd_path(&url, application)?;
        Ok(Self(url))
    }

    /// The application's own address, where sign-ins end when nothing better is known.
    #[must_use]
    pub fn landing(application: &Application) -> String {
        application.external.join("/")
    }

    /// The address, ready for `Location`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

fn refuse_foreign_host(url: &Url, application: &Application) -> Result<(), Refused> {
    let external = &application.external;
    let host = url.host_str().and_then(|host| Host::parse(host).ok()).ok_or(Refused::ForeignHost)?;
    let ours = url.scheme() == external.scheme().as_str()
        && url.port_or_known_default() == Some(external.port())
        && application.owns_host(&host);
    if ours { Ok(()) } else { Err(Refused::ForeignHost) }
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn refuse_odd_path(url: &Url, application: &Application) -> Result<(), Refused> {
    let path = url.path();
    let start = path.get(..4).unwrap_or(path).to_ascii_lowercase();
    if start.starts_with("//") || start.starts_with("/%2f") || start.starts_with("/%5c") {
        return Err(Refused::Path);
    }
    // The fragment stays in the browser; path and query are judged as the request they will become.
    let target = RequestTarget::parse(path.to_owned()).map_err(|_| Refused::Path)?;
    let below = target.canonical_path();
    let below_application = below.strip_prefix(application.external.path()).unwrap_or(below);
    let is_own = endpoint::is_reserved(below)
        || endpoint::is_reserved(below_application)
        || endpoint::names_signature(url.query().unwrap_or_default());
    if is_own { Err(Refused::OwnEndpoint) } else { Ok(()) }
}

#[cfg(test)]
#[path = "return_address_tests.rs"]
mod tests;
