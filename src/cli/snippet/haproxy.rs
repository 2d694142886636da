//! HAProxy: `haproxy.cfg`, with one front end for all applications, and the script that it loads.

use super::address::Address;
use super::pieces::{Cut, cut, distinct, each, filled};
use super::place::{Hosts, Place};

/// The script; nothing in it depends on the applications.
pub(super) const SCRIPT: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/envoy/forward-auth/haproxy/gatepost.lua"));
const SHIPPED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/envoy/forward-auth/haproxy/haproxy.cfg"));
const TEXT: &str = cut(SHIPPED, "global\n", "global\n").after;
const QUESTIONS: Cut = cut(TEXT, "  # Gatepost says every one", "  # No answer from");
const QUESTIONS_COMMENT: &str =
    cut(QUESTIONS.piece, "  # Gatepost says every one", "  http-request lua.gatepost").piece;
const ROUTES: Cut = cut(QUESTIONS.after, "  default_backend app\n", "\nbackend gatepost");
const BACKENDS: Cut = cut(ROUTES.after, "\nbackend app\n", "\nbackend app\n");

pub(super) fn print(places: &[Place<'_>], gatepost: &Address) -> String {
    let own = |suffix: &str| distinct(places.iter().map(|place| format!("{}{suffix}", place.path))).join(" ");
    let filled = |text: &str| {
        filled!(text, in TEXT,
            "lua-load gatepost.lua" =>
                "# Written by `gatepost snippet haproxy-script`.\n  lua-load /etc/haproxy/gatepost.lua",
            "  bind 0.0.0.0:10000\n" => &binds(places),
            "path_beg /outpost.goauthentik.io/auth" => &format!("path_beg {}", own("/outpost.goauthentik.io/auth")),
            "path_beg /outpost.goauthentik.io/\n" => &format!("path_beg {}\n", own("/outpost.goauthentik.io/")),
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

fn binds(places: &[Place<'_>]) -> String {
    let line = |place: &Place<'_>| {
        let tls = if place.is_https { " ssl crt /etc/haproxy/tls/ alpn h2,http/1.1" } else { "" };
        format!("  bind :{}{tls}\n", place.port)
    };
    distinct(places.iter().map(line)).concat()
}

/// Other spellings than with `-` are removed as no names at all.
fn owned(places: &[Place<'_>]) -> String {
    let names = places.iter().flat_map(Place::further_owned).filter(|name| !name.contains(['_', '.']));
    each(distinct(names), |name| format!("  http-request del-header {name}\n"))
}

/// The first application that fits is the one with the longest path; exactly one question is asked.
fn questions(places: &[Place<'_>], gatepost: &Address) -> String {
    let choices = each(places, |place| {
        let path = if place.path.is_empty() { String::new() } else { format!("{{ path_beg {} }} ", place.path) };
        let (slug, host) = (place.slug, host(place));
        format!("  http-request set-var(txn.app) str({slug}) if {host} {path}!{{ var(txn.app) -m found }}\n")
    });
    let questions = each(places, |place| {
        let (slug, names) = (place.slug, place.copied().collect::<Vec<_>>().join(","));
        format!(
            "  http-request lua.gatepost http://{gatepost} {names} if !own_visit {{ var(txn.app) -m str {slug} }}\n"
        )
    });
    [
        "  # Which application: of those on one host the one with the longest path.\n",
        &choices,
        "  http-request return status 404 unless own_visit || { var(txn.app) -m found }\n\n",
        QUESTIONS_COMMENT,
        &questions,
    ]
    .concat()
}

fn host(place: &Place<'_>) -> String {
    match place.host {
        Hosts::One(host) => format!("{{ req.fhdr(host) -i {host} {host}:{} }}", place.port),
        Hosts::Below(domain) => format!("{{ req.fhdr(host) -m end -i .{domain} .{domain}:{} }}", place.port),
    }
}

fn routes(places: &[Place<'_>]) -> String {
    each(places, |place| format!("  use_backend app_{0} if {{ var(txn.app) -m str {0} }}\n", place.slug))
}

fn backends(places: &[Place<'_>]) -> String {
    each(places, |place| {
        format!("\nbackend app_{0}\n  # The application itself.\n  server {0} 127.0.0.1:8080\n", place.slug)
    })
}
