//! HAProxy: `haproxy.cfg`, with one front end for all applications, and the script that it loads.

use super::address::ListenerAddress;
use super::site::{Hosts, Site};
use super::template::{Excerpt, distinct, each, excerpt, filled};

/// The script; it does not depend on the applications.
pub(super) const SCRIPT: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/envoy/forward-auth/haproxy/gatepost.lua"));
const SHIPPED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/envoy/forward-auth/haproxy/haproxy.cfg"));
const TEXT: &str = excerpt(SHIPPED, "global\n", "global\n").after;
const QUESTIONS: Excerpt = excerpt(TEXT, "  # Gatepost's response has", "  # No request is allowed");
const QUESTIONS_COMMENT: &str =
    excerpt(QUESTIONS.piece, "  # Gatepost's response has", "  http-request lua.gatepost").piece;
const ROUTES: Excerpt = excerpt(QUESTIONS.after, "  default_backend app\n", "\nbackend gatepost");
const BACKENDS: Excerpt = excerpt(ROUTES.after, "\nbackend app\n", "\nbackend app\n");

pub(super) fn print(places: &[Site<'_>], gatepost: &ListenerAddress) -> String {
    let own = |suffix: &str| distinct(places.iter().map(|place| format!("{}{suffix}", place.path))).join(" ");
    let filled = |text: &str| {
        filled!(text, in TEXT,
            "lua-load gatepost.lua" =>
                "# Written by `gatepost snippet haproxy-script`.\n  lua-load /etc/haproxy/gatepost.lua",
            "  bind 0.0.0.0:10000\n" => &binds(places),
            "path_beg /outpost.goauthentik.io/auth" => &format!("path_beg {}", own("/outpost.goauthentik.io/auth")),
            "path_beg /outpost.goauthentik.io/\n" => &format!("path_beg {}\n", own("/outpost.goauthentik.io/")),
            "  # Metadata for programs (RFC 9728), where an application has `bearer.resource_metadata`. Remove this line where an application\n  # has a document of its own there.\n  acl own_visit path_beg /.well-known/oauth-protected-resource\n" =>
                &metadata(places),
            "  http-request del-header forwarded\n" =>
                &format!("  http-request del-header forwarded\n{}", owned(places)),
            "server gatepost 127.0.0.1:9000" => &format!("server gatepost {gatepost}"),
        )
    };
    [
        "# For HAProxy: /etc/haproxy/haproxy.cfg\n",
        &filled(QUESTIONS.before),
        &questions(places, gatepost),
        &filled(ROUTES.before),
        &routes(places),
        &filled(BACKENDS.before),
        &backends(places),
    ]
    .concat()
}

fn binds(places: &[Site<'_>]) -> String {
    let line = |place: &Site<'_>| {
        let tls = if place.is_https { " ssl crt /etc/haproxy/tls/ alpn h2,http/1.1" } else { "" };
        format!("  bind :{}{tls}\n", place.port)
    };
    distinct(places.iter().map(line)).concat()
}

/// The requests for metadata of the applications that publish it: host and path together.
fn metadata(places: &[Site<'_>]) -> String {
    let line = |place: &Site<'_>| {
        let path = place.metadata.as_ref()?;
        let (how, hosts) = host(place);
        let bases: Vec<String> = hosts.iter().map(|host| format!("{host}{path}")).collect();
        Some(format!("  acl own_visit base {how}-i {}\n", bases.join(" ")))
    };
    let lines = places.iter().filter_map(line).collect::<String>();
    if lines.is_empty() { lines } else { format!("  # Metadata for programs (RFC 9728).\n{lines}") }
}

/// The lines that remove owned headers. Only spellings with `-` are listed: the file removes all others as invalid names.
fn owned(places: &[Site<'_>]) -> String {
    let names = places.iter().flat_map(Site::further_owned).filter(|name| !name.contains(['_', '.']));
    each(distinct(names), |name| format!("  http-request del-header {name}\n"))
}

/// The first application that matches is the one with the longest path; exactly one forward-auth request is sent.
fn questions(places: &[Site<'_>], gatepost: &ListenerAddress) -> String {
    let choices = each(places, |place| {
        let (slug, path, (how, hosts)) = (place.slug, place.path, host(place));
        let host = format!("{{ req.fhdr(host) {how}-i {} }}", hosts.join(" "));
        // The prefix alone would match `/docsx`, too.
        let paths = if path.is_empty() {
            vec![String::new()]
        } else {
            vec![format!("{{ path {path} }} "), format!("{{ path_beg {path}/ }} ")]
        };
        each(paths, |path| {
            format!("  http-request set-var(txn.app) str({slug}) if {host} {path}!{{ var(txn.app) -m found }}\n")
        })
    });
    let questions = each(places, |place| {
        let (slug, names) = (place.slug, place.copied().collect::<Vec<_>>().join(","));
        format!(
            "  http-request lua.gatepost http://{gatepost} {names} if !own_visit {{ var(txn.app) -m str {slug} }}\n"
        )
    });
    [
        "  # Selects the application: of several on one host, the one with the longest path.\n",
        &choices,
        "  http-request return status 404 unless own_visit || { var(txn.app) -m found }\n\n",
        QUESTIONS_COMMENT,
        &questions,
    ]
    .concat()
}

/// How `Host` is compared, and with what.
fn host(place: &Site<'_>) -> (&'static str, Vec<String>) {
    match place.host {
        Hosts::One(host) => ("", place.authorities(host)),
        Hosts::Below(domain) => ("-m end ", place.authorities(&format!(".{domain}"))),
    }
}

fn routes(places: &[Site<'_>]) -> String {
    each(places, |place| format!("  use_backend app_{0} if {{ var(txn.app) -m str {0} }}\n", place.slug))
}

fn backends(places: &[Site<'_>]) -> String {
    each(places, |place| {
        format!("\nbackend app_{0}\n  # The application itself.\n  server {0} 127.0.0.1:8080\n", place.slug)
    })
}
