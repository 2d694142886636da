//! The table of hosts, and redirect URIs beside those of Python's `urljoin`.

use serde_json::json;

use super::*;

/// Endpoints as authentik gives them when it is asked as `http://authentik:9000`.
fn given() -> OpenIdConnectConfiguration {
    let at = |path: &str| format!("http://authentik:9000/auth/application/o/{path}");
    serde_json::from_value(json!({
        "issuer": at("wiki/"),
        "authorization_endpoint": at("authorize/?x=1"),
        "token_endpoint": at("token/"),
        "userinfo_endpoint": at("userinfo/"),
        "end_session_endpoint": at("wiki/end-session/"),
        "introspection_endpoint": at("introspect/"),
        "jwks_uri": at("wiki/jwks/"),
        "id_token_signing_alg_values_supported": ["HS256"],
    }))
    .unwrap()
}

fn outpost(managed: Option<&str>, authentik_host: Option<&str>) -> Outpost {
    serde_json::from_value(json!({
        "pk": "3b1c0e0e-5a55-4d7c-9d0e-0c6f6f0f2a11", "name": "edge", "type": "proxy", "managed": managed,
        "config": {"authentik_host": authentik_host},
    }))
    .unwrap()
}

#[test]
fn each_endpoint_has_the_host_of_those_who_use_it() {
    const EMBEDDED: Option<&str> = Some("goauthentik.io/outposts/embedded");
    let inner = "http://authentik:9000";
    for (managed, authentik_host, host_browser, browsers, jwks, backchannel) in [
        (None, Some("https://sso.example/"), None, inner, inner, None),
        (None, None, None, inner, inner, None),
        (None, None, Some("https://sso.example"), "https://sso.example", inner, Some(("sso.example", "https"))),
        // Only scheme, host and port count.
        (
            None,
            None,
            Some("https://sso.example:8443/x?y"),
            "https://sso.example:8443",
            inner,
            Some(("sso.example:8443", "https")),
        ),
        (None, None, Some("https://SSO.example:443"), "https://sso.example", inner, Some(("sso.example", "https"))),
        (None, None, Some("http://[::1]:9000"), "http://[::1]:9000", inner, Some(("[::1]:9000", "http"))),
        (
            EMBEDDED,
            Some("https://sso.example/"),
            None,
            "https://sso.example",
            "https://sso.example",
            Some(("sso.example", "https")),
        ),
        (
            EMBEDDED,
            Some("https://sso.example/"),
            Some("https://other.example/"),
            "https://sso.example",
            "https://sso.example",
            Some(("sso.example", "https")),
        ),
        (EMBEDDED, None, Some("https://other.example/"), inner, inner, None),
    ] {
        let host_browser = host_browser.map(|text| BrowserAddress::parse(text).unwrap());
        let hosts = Hosts::of(&outpost(managed, authentik_host), host_browser.as_ref()).unwrap();
        let at = |host: &str, path: &str| format!("{host}/auth/application/o/{path}");
        let url = |host: &str, path: &str| Url::parse(&at(host, path)).unwrap();
        let expected = Endpoints {
            issuer: at(browsers, "wiki/"),
            authorization: url(browsers, "authorize/?x=1"),
            end_session: url(browsers, "wiki/end-session/"),
            token: url(inner, "token/"),
            introspection: url(inner, "introspect/"),
            user_info: url(inner, "userinfo/"),
            jwks: url(jwks, "wiki/jwks/"),
            backchannel_host: backchannel.map(|(authority, scheme)| BackchannelHost {
                authority: authority.to_owned(),
                scheme: scheme.to_owned(),
            }),
        };
        assert_eq!(hosts.endpoints(&given()).unwrap(), expected, "{managed:?} {authentik_host:?} {host_browser:?}");
    }
}

#[test]
fn an_issuer_stays_as_it_is_written_where_nothing_is_rewritten() {
    let mut odd = given();
    odd.issuer = "https://SSO.example:443/application/o/wiki/".to_owned();
    assert_eq!(Hosts::default().endpoints(&odd).unwrap().issuer, odd.issuer);
}

#[test]
fn an_endpoint_that_is_no_address_is_named() {
    for text in ["", "/application/o/token/", "ftp://authentik/token", "javascript:alert(1)"] {
        let odd = OpenIdConnectConfiguration { token_endpoint: text.to_owned(), ..given() };
        assert_eq!(Hosts::default().endpoints(&odd).err(), Some(HostsFault::Endpoint("token_endpoint")), "{text}");
        let odd = OpenIdConnectConfiguration { issuer: text.to_owned(), ..given() };
        assert_eq!(Hosts::default().endpoints(&odd).err(), Some(HostsFault::Endpoint("issuer")), "{text}");
    }
    let fault = Hosts::of(&outpost(Some("goauthentik.io/outposts/embedded"), Some("sso.example")), None);
    assert_eq!(fault.err(), Some(HostsFault::AuthentikHost(AddressFault::NotAnAddress)));
}

/// The right column is what Python 3.11 prints for `urljoin(left, "outpost.goauthentik.io/callback")`.
#[test]
fn redirect_uris_are_those_that_authentik_registered() {
    for (external_host, expected) in [
        ("https://a", "https://a/*"),
        ("https://a/", "https://a/*"),
        ("https://a/b", "https://a/*"),
        ("https://a/b/", "https://a/b/*"),
        ("https://a/b/c", "https://a/b/*"),
        ("https://a//b", "https://a/*"),
        ("https://a/b//", "https://a/b/*"),
        ("https://a//", "https://a/*"),
        ("https://A.Example:443/b", "https://A.Example:443/*"),
        ("https://a:8443", "https://a:8443/*"),
        ("https://a/b?x=1", "https://a/*"),
        ("https://a?x=1", "https://a/*"),
        ("https://a/b/#f", "https://a/b/*"),
        ("https://a/b/../c/d", "https://a/c/*"),
        ("https://a/./b/", "https://a/b/*"),
        ("https://a/../x", "https://a/*"),
        ("https://a/b/..", "https://a/b/*"),
        ("https://a/..", "https://a/*"),
        ("https://[::1]:9/b", "https://[::1]:9/*"),
    ] {
        let expected = expected.replace('*', "outpost.goauthentik.io/callback?X-authentik-auth-callback=true");
        assert_eq!(redirect_uri(external_host), expected, "{external_host}");
    }
}
