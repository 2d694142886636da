//! nginx' redirect to the sign-in: after a 401 it sends the browser's request to `start`, with the address of the original
//! request in `X-Original-URL`. A query parameter of nginx' making would end at the address's first `&`.

use http::Request;
use http::header::{HOST, HeaderValue};
use http::uri::Uri;
use url::form_urlencoded;

use super::fault::Fault;
use super::header_lines;
use super::nginx::{self, OriginalUrl};
use crate::domain::http::HostFault;
use crate::inbound::router::{HandedOn, OriginalRequest};

/// The longest target that becomes a parameter, in bytes; the target itself is handed on in any case.
const LONGEST_RETURN: usize = 2048;

/// Whether a request for `below`, what stands below our own prefix, is such a redirect. A request with `rd` names the destination
/// itself.
pub(super) fn is_sign_in_redirect(request: &Request<()>, below: &str) -> bool {
    let (name, query) = below.split_once('?').unwrap_or((below, ""));
    name == "start"
        && request.headers().contains_key(nginx::ORIGINAL_URL)
        && !form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "rd")
}

/// The request to `start` that the redirect stands for: at the original request's host, over its scheme, with its path and query
/// as `rd`.
///
/// # Errors
/// See [`Fault`].
pub(super) fn read(mut request: Request<()>) -> Result<HandedOn, Fault> {
    let OriginalUrl { scheme, authority, target } = nginx::original_url(request.headers())?;
    header_lines::of_client(request.headers(), &nginx::OWN)?;
    let path = request.uri().path();
    let start = if target.raw().len() > LONGEST_RETURN {
        path.to_owned()
    } else {
        let encoded: String = form_urlencoded::byte_serialize(target.raw().as_bytes()).collect();
        format!("{path}?rd={encoded}")
    };
    *request.uri_mut() = Uri::try_from(start).map_err(|_| Fault::NotAbsolute)?;
    let host = HeaderValue::try_from(authority.to_text(scheme)).map_err(|_| Fault::Host(HostFault::NotAName))?;
    request.headers_mut().insert(HOST, host);
    Ok(HandedOn { request, redirected_from: Some(OriginalRequest { scheme, target }), client: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::http::Scheme;

    fn request(target: &str, urls: &[&str]) -> Request<()> {
        let mut request = Request::get(target).header("host", "gatepost:9000");
        for url in urls {
            request = request.header("x-original-url", *url);
        }
        request.body(()).expect("is a request")
    }

    #[test]
    fn only_start_with_an_original_address_and_without_a_return_address_is_such_a_redirect() {
        let url = "https://wiki.example.com/x";
        for (below, urls, expected) in [
            ("start", &[url][..], true),
            ("start?x=1", &[url], true),
            ("start", &[url, url], true),
            ("start", &[], false),
            ("start?rd=/x", &[url], false),
            ("start?%72d=", &[url], false),
            ("sign_out", &[url], false),
            ("start/", &[url], false),
        ] {
            assert_eq!(is_sign_in_redirect(&request("/x", urls), below), expected, "{below} {urls:?}");
        }
    }

    #[test]
    fn the_whole_path_and_query_become_the_return_address() {
        let url = "https://Wiki.example.com:443/x?a=1&b=%26+2";
        let HandedOn { request, redirected_from, .. } =
            read(request("/wiki/outpost.goauthentik.io/start", &[url])).expect("names an address");
        assert_eq!(request.headers()["host"], "wiki.example.com");
        assert_eq!(request.uri(), "/wiki/outpost.goauthentik.io/start?rd=%2Fx%3Fa%3D1%26b%3D%2526%2B2");
        let original = redirected_from.expect("is such a redirect");
        assert_eq!((original.scheme, original.target.raw()), (Scheme::Https, "/x?a=1&b=%26+2"));
    }

    #[test]
    fn n1_what_is_no_one_address_is_refused() {
        let url = "https://wiki.example.com/x";
        for urls in [&[url, url][..], &["/x"], &["https://wiki.example.com"], &["ftp://wiki.example.com/"]] {
            assert!(read(request("/outpost.goauthentik.io/start", urls)).is_err(), "{urls:?}");
        }
        let mut aliased = request("/outpost.goauthentik.io/start", &[url]);
        aliased.headers_mut().insert("x_original_url", HeaderValue::from_static("https://evil.test/"));
        assert_eq!(read(aliased).err(), Some(Fault::Alias("x-original-url")));
    }

    #[test]
    fn an_address_too_long_for_a_parameter_goes_beside_it() {
        let url = format!("https://wiki.example.com/{}", "x".repeat(LONGEST_RETURN));
        let HandedOn { request, redirected_from, .. } =
            read(request("/outpost.goauthentik.io/start", &[&url])).expect("names an address");
        assert_eq!(request.uri(), "/outpost.goauthentik.io/start");
        let target = redirected_from.map(|original| original.target.raw().len());
        assert_eq!(target, Some(LONGEST_RETURN + 1));
    }
}
