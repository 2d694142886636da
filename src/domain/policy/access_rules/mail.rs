//! E-mail addresses in rules: one mailbox, or every mailbox of a domain. An address counts only if the provider reports
//! it as verified, since users may enter any address in a profile (`OpenID` Connect Core section 5.7); or, if the
//! operator allows it, unless the provider reports it as unverified.

use std::fmt;

use serde_json::Value;
use thiserror::Error;

use crate::domain::http::Host;
use crate::domain::oidc::claims::Claims;

/// A mail domain, without its subdomains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailDomain(Host);

/// One mailbox. The domain is compared without regard to case, the local part byte for byte (RFC 5321 section 2.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailAddress {
    local: String,
    domain: MailDomain,
}

/// How an address is treated if the provider does not report whether it is verified. An address that is reported as
/// unverified never counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmailVerified {
    /// The address does not count.
    #[default]
    Required,
    /// The address counts as verified: the provider issues verified addresses only.
    Assumed,
}

/// Why a text is not a mail address or a mail domain.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum MailFault {
    /// Not one local part, one `@` and one domain.
    #[error("it is not an ASCII e-mail address")]
    NotAnAddress,
    /// Not a domain name.
    #[error("it is not an ASCII domain name")]
    NotADomain,
}

impl MailDomain {
    /// Parses a domain such as `example.com`.
    ///
    /// # Errors
    /// When it is not a plain host name.
    pub fn parse(text: &str) -> Result<Self, MailFault> {
        let host = Host::parse(text).ok().filter(|host| !host.is_address());
        host.map(Self).ok_or(MailFault::NotADomain)
    }

    fn is(&self, domain: &str) -> bool {
        self.0.as_str().eq_ignore_ascii_case(domain)
    }
}

impl MailAddress {
    /// Parses an address such as `alice@example.com`.
    ///
    /// # Errors
    /// When it has any other form: a quoted local part, a comment, an IP address as domain.
    pub fn parse(text: &str) -> Result<Self, MailFault> {
        let Mailbox { local, domain } = Mailbox::of(text).ok_or(MailFault::NotAnAddress)?;
        let domain = MailDomain::parse(domain).map_err(|_| MailFault::NotAnAddress)?;
        Ok(Self { local: local.to_owned(), domain })
    }
}

impl fmt::Display for MailDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

/// The parts of an address claim: one local part, one `@`, and a domain that is compared with the domain of a rule.
pub(super) struct Mailbox<'a> {
    local: &'a str,
    domain: &'a str,
}

impl<'a> Mailbox<'a> {
    /// The user's address, if the provider reports it as verified. Some providers send the boolean as a text.
    pub(super) fn verified(claims: &'a Claims, absent: EmailVerified) -> Option<Self> {
        let is_verified = match claims.present("email_verified") {
            None => absent == EmailVerified::Assumed,
            Some(Value::Bool(said)) => *said,
            Some(Value::String(said)) => said == "true",
            Some(Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_)) => false,
        };
        claims.text("email").filter(|_| is_verified).and_then(Self::of)
    }

    /// Whether the text is one address.
    pub(super) fn is_one(text: &str) -> bool {
        Mailbox::of(text).is_some()
    }

    /// Parses an address; any form that two programs could read differently is refused (RFC 5322 section 3.2.3: a
    /// dot-atom).
    fn of(text: &'a str) -> Option<Self> {
        let (local, domain) = text.split_once('@')?;
        let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
        let is_local = local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom));
        is_local.then_some(Self { local, domain })
    }

    pub(super) fn is(&self, address: &MailAddress) -> bool {
        self.local == address.local && self.is_in(&address.domain)
    }

    pub(super) fn is_in(&self, domain: &MailDomain) -> bool {
        domain.is(self.domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(email: &str, verified: &Value) -> Claims {
        let Value::Object(members) = json!({ "email": email, "email_verified": verified }) else { unreachable!() };
        Claims::new(members)
    }

    fn is_in(email: &str, domain: &str) -> bool {
        let domain = MailDomain::parse(domain).expect("is a domain");
        Mailbox::verified(&claims(email, &json!(true)), EmailVerified::Required)
            .is_some_and(|mailbox| mailbox.is_in(&domain))
    }

    #[test]
    fn oc_15_a_domain_covers_one_shape_of_address_only() {
        for email in ["a@example.com", "a.b+c@EXAMPLE.com", "A@Example.Com", "x!#$%&'*/=?^_`{|}~-@example.com"] {
            assert!(is_in(email, "example.com"), "{email}");
        }
        for email in [
            "example.com",
            "@example.com",
            "a@",
            "a@example.com.",
            "a@sub.example.com",
            "a@evilexample.com",
            "a@b@example.com",
            "a@evil.test,b@example.com",
            "\"a@evil.test\"@example.com",
            "a b@example.com",
            ".a@example.com",
            "a..b@example.com",
            "a(x)@example.com",
            "<a@example.com>",
            "a@example.com\n",
            "a\n@example.com",
            "a@ example.com",
            "é@example.com",
            "a@еxample.com",
            "a@example.com@evil.test",
        ] {
            assert!(!is_in(email, "example.com"), "{email}");
        }
    }

    #[test]
    fn oc_14_an_address_counts_only_when_it_is_said_to_be_verified_or_that_is_assumed() {
        let counts = |claims: &Claims| {
            [EmailVerified::Required, EmailVerified::Assumed].map(|absent| Mailbox::verified(claims, absent).is_some())
        };
        for (verified, expected) in [
            (json!(true), [true, true]),
            (json!("true"), [true, true]),
            (json!(false), [false, false]),
            (json!("false"), [false, false]),
            (json!("True"), [false, false]),
            (json!("yes"), [false, false]),
            (json!(1), [false, false]),
            (json!([true]), [false, false]),
            (json!({}), [false, false]),
            (json!(null), [false, true]),
            (json!(""), [false, true]),
        ] {
            assert_eq!(counts(&claims("a@example.com", &verified)), expected, "{verified}");
        }
        let Value::Object(silent) = json!({ "email": "a@example.com" }) else { unreachable!() };
        assert_eq!(counts(&Claims::new(silent)), [false, true]);
        assert_eq!(counts(&claims("", &json!(true))), [false, false]);
    }

    #[test]
    fn an_address_compares_its_domain_without_case_and_the_rest_exactly() {
        let address = MailAddress::parse("Alice@Example.com").expect("is an address");
        for (email, expected) in
            [("Alice@example.COM", true), ("alice@example.com", false), ("Alice@sub.example.com", false)]
        {
            assert_eq!(Mailbox::of(email).is_some_and(|mailbox| mailbox.is(&address)), expected, "{email}");
        }
        assert_eq!(address.to_string(), "Alice@example.com");
    }

    #[test]
    fn what_is_no_address_or_domain_is_refused() {
        for text in ["", "alice", "alice@", "@example.com", "a@b@c", "a@[127.0.0.1]", "a@exa mple.com", "a@é.com"] {
            assert_eq!(MailAddress::parse(text), Err(MailFault::NotAnAddress), "{text}");
        }
        for text in ["", "@example.com", "*.example.com", "example.com.", "127.0.0.1", "[::1]", "é.com"] {
            assert_eq!(MailDomain::parse(text), Err(MailFault::NotADomain), "{text}");
        }
    }
}
