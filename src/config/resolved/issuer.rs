//! Addresses of the identity provider, and those to which it sends browsers back.

use url::Url;

use crate::config::reader::{Reader, Spanned};
use crate::domain::application::RESERVED_PREFIX;
use crate::domain::application::endpoints::Prefixes;
use crate::domain::http::{ExternalHost, is_loopback_url};

/// The issuer identifier as written (OpenID Connect Discovery section 3: https, no query, no fragment).
pub(super) fn issuer(written: &Spanned<String>, reader: &mut Reader<'_>) -> Option<String> {
    let (problem, help) = match Url::parse(&written.value) {
        Ok(url) if url.cannot_be_a_base() || !matches!(url.scheme(), "https" | "http") => {
            ("the issuer is not an https URL", EXAMPLE)
        }
        Ok(url) if url.scheme() == "http" && !is_loopback_url(&url) && !reader.allows_plain_http => (
            "an http issuer must be on this machine: on the network, an attacker could sign in as any user",
            "use https",
        ),
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            ("an issuer must not have a query or fragment", "copy `issuer` from the provider's discovery document")
        }
        Ok(url) if has_user(&url) => {
            ("an issuer must not contain a user name or password", "remove the part before `@`")
        }
        Ok(_) if is_clean(&written.value) => return Some(written.value.clone()),
        Ok(_) | Err(_) => ("the issuer is not an https URL", EXAMPLE),
    };
    reader.fault(&written.location, problem, help);
    None
}

/// An endpoint of the provider (RFC 6749 section 3.1: no fragment).
pub(super) fn endpoint(written: &Spanned<String>, reader: &mut Reader<'_>) -> Option<Url> {
    let help = "write it as the provider documents it, like https://sso.example.com/token";
    let url = Url::parse(&written.value).ok().filter(|url| url.has_host() && is_clean(&written.value));
    let problem = match url {
        Some(url) if has_user(&url) || url.fragment().is_some() => {
            "an endpoint must not have a user name, password or fragment"
        }
        Some(url) if url.scheme() == "https" || (url.scheme() == "http" && is_loopback_url(&url)) => return Some(url),
        Some(url) if url.scheme() == "http" && reader.allows_plain_http => return Some(url),
        Some(url) if url.scheme() == "http" => {
            "an http endpoint must be on this machine: on the network, an attacker could sign in as any user"
        }
        Some(_) | None => "the endpoint is not an https URL",
    };
    reader.fault(&written.location, problem, help);
    None
}

const EXAMPLE: &str = "write it like https://sso.example.com/application/o/wiki/";

/// Where the provider sends browsers after a sign-in: one of our own endpoints.
pub(super) fn redirect_uri(
    written: &Spanned<String>,
    external: &ExternalHost,
    prefixes: Prefixes,
    reader: &mut Reader<'_>,
) -> Option<Url> {
    let url = on_external_host(written, external, reader)?;
    let below = url.path().strip_prefix(external.path()).and_then(|path| prefixes.below(path));
    let signed = url
        .query_pairs()
        .any(|(name, value)| name == "X-authentik-auth-callback" && value.eq_ignore_ascii_case("true"));
    if below == Some("callback") || signed {
        return Some(url);
    }
    let path = format!("{}{RESERVED_PREFIX}callback", external.path());
    let help = format!("end it with {path}, or add ?X-authentik-auth-callback=true");
    reader.fault(&written.location, "it is not the callback endpoint", help);
    None
}

/// An address on the application's own external host.
pub(super) fn on_external_host(
    written: &Spanned<String>,
    external: &ExternalHost,
    reader: &mut Reader<'_>,
) -> Option<Url> {
    let usable = |url: &Url| url.fragment().is_none() && !has_user(url) && is_clean(&written.value);
    let Some(url) = Url::parse(&written.value).ok().filter(usable) else {
        let help = format!("write it like {}", external.join("/path"));
        reader.fault(&written.location, "it is not a URL, or it has a user name, password or fragment", help);
        return None;
    };
    let below = url.path().strip_prefix(external.path());
    let same_path = below.is_some_and(|below| below.is_empty() || below.starts_with('/'));
    if url.origin().ascii_serialization() == external.origin() && same_path {
        return Some(url);
    }
    let help = format!("begin it with {}", external.join("/"));
    reader.fault(&written.location, "it is not below `external_host`", help);
    None
}

fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// The URL parser tolerates blanks, line ends and backslashes, which browsers and providers treat differently.
fn is_clean(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}
