//! The question: a request as the operator describes it, and the claims of the user who sent it.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use thiserror::Error;

use super::fakes::Visitor;
use crate::domain::application::Application;
use crate::domain::http::{
    Authority, CookieForm, HeaderLines, HostFault, Reader, RequestHead, RequestTarget, Scheme, TargetFault, is_token,
};
use crate::domain::oidc::claims::Claims;
use crate::domain::oidc::json;
use crate::domain::time::Timestamp;

/// A request to be explained.
#[derive(Clone, Debug)]
pub struct Question {
    pub(super) method: String,
    /// The address as given.
    pub(super) address: String,
    scheme: Scheme,
    /// Host and port as given.
    host: String,
    /// Path and query as given.
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    /// The claims of the signed-in user; `None` without a sign-in.
    pub(super) claims: Option<Claims>,
    /// The client's address; `None`: it is not known.
    client: Option<IpAddr>,
    /// When the request arrives.
    pub(super) now: Timestamp,
}

/// Why a question is invalid.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BadQuestion {
    /// The address is not an absolute http or https URL.
    #[error("`{0}` is not a URL; write it like https://wiki.example.com/path")]
    Address(String),
    /// The method is not an RFC 9110 token.
    #[error("`{0}` is not an HTTP method; write it like GET")]
    Method(String),
    /// The header is not a name, a colon and a value.
    #[error("`{0}` is not a header line; write it like 'Accept: text/html'")]
    Header(String),
    /// A header `host` is given, but the host belongs in the address.
    #[error("the host is part of the URL; remove the header `host`")]
    Host,
    /// The claims are not a JSON object, or have a repeated member.
    #[error(
        "the claims are not a JSON object, or it has repeated members; write them like '{{\"groups\": [\"staff\"]}}'"
    )]
    Claims,
    /// The claims have no `sub`, or it is not a text.
    #[error("the claim `sub` is missing or not a text")]
    Subject,
}

/// Why every inbound protocol refuses the request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unreadable {
    Host(HostFault),
    Target(TargetFault),
}

impl Question {
    /// Parses a question: an address, a method, header lines (`Name: value`), and claims as JSON.
    ///
    /// # Errors
    /// See [`BadQuestion`].
    pub fn parse(url: &str, method: &str, headers: &[String], claims: Option<&str>) -> Result<Self, BadQuestion> {
        let no_address = || BadQuestion::Address(url.to_owned());
        // A browser does not send what follows `#`.
        let sent = url.split('#').next().unwrap_or_default();
        let (scheme, rest) = sent.split_once("://").ok_or_else(no_address)?;
        let scheme = Scheme::parse(&scheme.to_ascii_lowercase()).ok_or_else(no_address)?;
        let (host, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if host.is_empty() {
            return Err(no_address());
        }
        if !is_token(method) {
            return Err(BadQuestion::Method(method.to_owned()));
        }
        Ok(Self {
            method: method.to_owned(),
            address: url.to_owned(),
            scheme,
            host: host.to_owned(),
            target: if target.starts_with('/') { target.to_owned() } else { format!("/{target}") },
            headers: headers.iter().map(|line| header(line)).collect::<Result<_, _>>()?,
            claims: claims.map(read_claims).transpose()?,
            client: None,
            now: now(),
        })
    }

    /// The question about a request from this address.
    #[must_use]
    pub fn from_client(self, client: Option<IpAddr>) -> Self {
        Self { client, ..self }
    }

    /// The request head as an inbound protocol would build it.
    pub(super) fn head(&self) -> Result<RequestHead, Unreadable> {
        Ok(RequestHead {
            method: self.method.clone(),
            scheme: Some(self.scheme),
            authority: Authority::parse(&self.host).map_err(Unreadable::Host)?,
            target: RequestTarget::read(self.target.clone()).map_err(Unreadable::Target)?,
            headers: HeaderLines::new(self.headers.iter().cloned(), CookieForm::Lines),
            client: self.client,
            application: None,
            request_id: None,
        })
    }

    /// The reader of the answer to the request, even when the rest cannot be read.
    pub(super) fn reader(&self) -> Reader {
        Reader::of(&self.method, &HeaderLines::new(self.headers.iter().cloned(), CookieForm::Lines))
    }

    /// The user who is signed in at this application, if any.
    pub(super) fn visitor(&self, application: &Application) -> Option<Visitor> {
        self.claims.clone().map(|claims| Visitor::new(claims, application, self.now))
    }

    /// The same request with the visitor's session cookie.
    pub(super) fn head_of(&self, visitor: &Visitor, head: RequestHead) -> RequestHead {
        let cookie = ("cookie".to_owned(), visitor.cookie.clone().into_bytes());
        let lines = std::iter::once(cookie).chain(self.headers.iter().cloned());
        RequestHead { headers: HeaderLines::new(lines, CookieForm::Lines), ..head }
    }
}

#[expect(clippy::disallowed_methods, reason = "the question is about a request that arrives now")]
fn now() -> Timestamp {
    Timestamp::from_unix(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
}

fn header(line: &str) -> Result<(String, Vec<u8>), BadQuestion> {
    let (name, value) =
        line.split_once(':').filter(|(name, _)| is_token(name)).ok_or_else(|| BadQuestion::Header(line.to_owned()))?;
    if name.eq_ignore_ascii_case("host") {
        return Err(BadQuestion::Host);
    }
    Ok((name.to_ascii_lowercase(), value.trim().as_bytes().to_vec()))
}

fn read_claims(text: &str) -> Result<Claims, BadQuestion> {
    let mut members = json::object(text.as_bytes()).ok_or(BadQuestion::Claims)?;
    let subject = members.entry("sub").or_insert_with(|| Value::from("user"));
    let is_subject = subject.as_str().is_some_and(|subject| !subject.is_empty());
    if is_subject { Ok(Claims::new(members)) } else { Err(BadQuestion::Subject) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(url: &str, method: &str, header: &str, claims: &str) -> Option<BadQuestion> {
        Question::parse(url, method, &[header.to_owned()], Some(claims)).err()
    }

    #[test]
    fn what_is_no_question_is_told_apart() {
        use BadQuestion::{Address, Claims, Header, Host, Method, Subject};
        let (url, header) = ("https://wiki.example.com/x", "a: b");
        for bad in ["", "wiki.example.com/x", "/x", "ftp://wiki.example.com/", "https:///x", "https://"] {
            assert_eq!(fault(bad, "GET", header, "{}"), Some(Address(bad.into())));
        }
        assert_eq!(fault(url, "G T", header, "{}"), Some(Method("G T".into())));
        for bad in ["a", "a b: c", ":path: /x", ""] {
            assert_eq!(fault(url, "GET", bad, "{}"), Some(Header(bad.into())));
        }
        assert_eq!(fault(url, "GET", "HOST: x", "{}"), Some(Host));
        for bad in ["", "[]", "{", r#"{"a":1,"a":2}"#] {
            assert_eq!(fault(url, "GET", header, bad), Some(Claims), "{bad}");
        }
        assert_eq!(fault(url, "GET", header, r#"{"sub": 1}"#), Some(Subject));
        assert_eq!(fault(url, "GET", header, "{}"), None);
    }

    #[test]
    fn an_address_is_sent_as_a_browser_would() {
        for (url, target) in [
            ("https://wiki.example.com", "/"),
            ("HTTPS://wiki.example.com?x=/y", "/?x=/y"),
            ("https://wiki.example.com/a/../b#c", "/a/../b"),
        ] {
            assert_eq!(Question::parse(url, "GET", &[], None).expect("is a question").target, target, "{url}");
        }
    }
}
