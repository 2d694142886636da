//! nginx: a file for the `http` block, with a `server` for each site and a location for each application.

use super::address::ListenerAddress;
use super::site::{Hosts, Site, sites};
use super::template::{Excerpt, each, excerpt, filled};

const SHIPPED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/envoy/forward-auth/nginx/nginx.conf"));
const LOG: &str = excerpt(SHIPPED, "  # Without the query", "  access_log ").piece;
const COMMON: &str = excerpt(SHIPPED, "  map $http_upgrade", "  upstream app {").piece;
const SERVER: &str = excerpt(SHIPPED, "    # X_authentik_username and", "    location / {\n").piece;
const LOCATION: &str = excerpt(SHIPPED, "    location / {\n", "  }\n}\n").piece;
const HEADERS: Excerpt =
    excerpt(LOCATION, "      auth_request_set $gp_username", "\n      # Without Gatepost's cookies");

const METADATA: Excerpt = excerpt(HEADERS.after, "    # Metadata for programs", "    # Clients must not reach");
const METADATA_LOCATION: &str =
    excerpt(METADATA.piece, "    location /.well-known/", "    location /.well-known/").after;

pub(super) fn print(places: &[Site<'_>], gatepost: &ListenerAddress) -> String {
    let common = filled!(COMMON, in COMMON, "127.0.0.1:9000" => &gatepost.to_string(),);
    let common = format!("\n{common}");
    let applications = each(places, |place| {
        format!("upstream app_{} {{\n  server 127.0.0.1:8080; # the application itself\n}}\n", place.slug)
    });
    let servers = each(sites(places), |site| format!("\n{}", server(&site)));
    let head = "# For nginx' `http` block: /etc/nginx/conf.d/gatepost.conf\n";
    [head, &outdented(LOG), &outdented(&common), &applications, &servers].concat()
}

fn server(site: &[&Site<'_>]) -> String {
    let Some(first) = site.first() else { return String::new() };
    let name = format!("  server_name {};\n  access_log /var/log/nginx/gatepost.log no_query;\n\n", first.pattern());
    let locations: Vec<String> = site.iter().map(|place| location(place)).collect();
    let has_root = site.iter().any(|place| place.path.is_empty());
    let rest = if has_root { "}\n" } else { "\n  location / {\n    return 404;\n  }\n}\n" };
    ["server {\n", &listen(first), &name, &outdented(SERVER), &locations.join("\n"), rest].concat()
}

fn listen(place: &Site<'_>) -> String {
    let name = match place.host {
        Hosts::One(name) | Hosts::Below(name) => name.trim_matches(['[', ']']),
    };
    if place.is_https {
        format!(
            "  listen {} ssl;\n  ssl_certificate     /etc/nginx/tls/{name}.pem;\n  ssl_certificate_key /etc/nginx/tls/{name}.key;\n",
            place.port
        )
    } else {
        format!("  listen {};\n", place.port)
    }
}

fn location(place: &Site<'_>) -> String {
    let (slug, path) = (place.slug, place.path);
    // A plain prefix would match `/docsx`, too. nginx prefers a matching regular expression, unless `^~` forbids it.
    let (root, first) =
        if path.is_empty() { ("/".to_owned(), "") } else { (format!("~ ^{}(/|$)", path.replace('.', r"\.")), "^~ ") };
    let text = [HEADERS.before, &headers(place), METADATA.before, &metadata(place), METADATA.after].concat();
    let text = filled!(text, in LOCATION,
        "location / {" => &format!("location {root} {{"),
        "location /outpost.goauthentik.io/" => &format!("location {first}{path}/outpost.goauthentik.io/"),
        "rewrite ^ /outpost.goauthentik.io/" => &format!("rewrite ^ {path}/outpost.goauthentik.io/"),
        "goauthentik.io/auth/nginx;" => &format!("goauthentik.io/auth/nginx/{slug};"),
        "/_gatepost" => &format!("/_gatepost_{slug}"),
        "@sign_in" => &format!("@sign_in_{slug}"),
        "http://app;" => &format!("http://app_{slug};"),
    );
    outdented(&text)
}

/// The location of the metadata for programs, where the application publishes it.
fn metadata(place: &Site<'_>) -> String {
    each(&place.metadata, |path| {
        filled!(METADATA_LOCATION, in METADATA_LOCATION,
            "location /.well-known/oauth-protected-resource {" => &format!("location = {path} {{"),
        )
    })
}

fn headers(place: &Site<'_>) -> String {
    // `cookie` and `authorization` are in the file already.
    let told: Vec<&str> = place.told().collect();
    let width = told.iter().map(|name| name.len()).max().unwrap_or_default();
    let variable = |name: &str| name.replace('-', "_");
    let read = each(&told, |name| {
        let name = variable(name);
        format!("      auth_request_set $gp_{name:<width$} $upstream_http_{name};\n")
    });
    let set = each(&told, |name| format!("      proxy_set_header {name:<width$} $gp_{};\n", variable(name)));
    // nginx itself drops every spelling with other characters.
    let untold = place.owned.iter().filter(|name| !name.contains(['_', '.']) && !place.headers.contains(*name));
    let clear = each(untold, |name| format!("      proxy_set_header {name:<width$} \"\";\n"));
    [read, set, clear].concat()
}

/// The text moved two columns to the left.
fn outdented(text: &str) -> String {
    each(text.lines(), |line| format!("{}\n", line.strip_prefix("  ").unwrap_or(line)))
}
