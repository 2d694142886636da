//! Caddy: a Caddyfile with a block for each site.

use super::address::ListenerAddress;
use super::site::{Site, sites};
use super::template::{Excerpt, distinct, each, excerpt, filled};

const SHIPPED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/envoy/forward-auth/caddy/Caddyfile"));
const OF_NO_CLIENT: &str = excerpt(SHIPPED, "\t# Removes identity headers", "\n\t# Clients must not reach").piece;
const HANDLES: &str = excerpt(SHIPPED, "\t# Clients must not reach", "\n}\n").piece;
const NAMES: Excerpt = excerpt(HANDLES, "\t\t\t\tX-authentik-username\n", "\t\t\t}\n");

const METADATA: Excerpt = excerpt(NAMES.before, "\t# Metadata for programs", "\thandle {\n");
const METADATA_HANDLE: &str = excerpt(METADATA.piece, "\thandle /.well-known/", "\thandle /.well-known/").after;

pub(super) fn print(places: &[Site<'_>], gatepost: &ListenerAddress) -> String {
    let blocks: Vec<String> = sites(places).iter().map(|site| block(site, gatepost)).collect();
    format!("# For Caddy: a Caddyfile, or a part of one\n{}", blocks.join("\n"))
}

fn block(site: &[&Site<'_>], gatepost: &ListenerAddress) -> String {
    let Some(first) = site.first() else { return String::new() };
    let owned = distinct(site.iter().flat_map(|place| place.further_owned()));
    let owned = each(owned, |name| format!("\trequest_header -{name}\n"));
    let handles = each(site, |place| format!("\n{}", handles(place, gatepost)));
    [&first.origin(), " {\n", OF_NO_CLIENT, &owned, &handles, "}\n"].concat()
}

fn handles(place: &Site<'_>, gatepost: &ListenerAddress) -> String {
    let names = each(place.copied(), |name| format!("\t\t\t\t{name}\n"));
    let (slug, path) = (place.slug, place.path);
    // `handle /docs*` would match `/docsx`, too.
    let all = if path.is_empty() {
        "\thandle {\n".to_owned()
    } else {
        format!("\t@{slug} path {path} {path}/*\n\thandle @{slug} {{\n")
    };
    let metadata = each(&place.metadata, |path| {
        filled!(METADATA_HANDLE, in METADATA_HANDLE,
            "/.well-known/oauth-protected-resource*" => path,
        )
    });
    let text = [METADATA.before, &metadata, METADATA.after, &names, NAMES.after].concat();
    let text = filled!(text, in HANDLES,
        "\thandle {\n" => &all,
        "handle /outpost.goauthentik.io/" => &format!("handle {path}/outpost.goauthentik.io/"),
        "uri /outpost.goauthentik.io/auth/caddy\n" => &format!("uri /outpost.goauthentik.io/auth/caddy/{slug}\n"),
        "127.0.0.1:9000" => &gatepost.to_string(),
        "reverse_proxy 127.0.0.1:8080" => &format!("# `{slug}` itself\n\t\treverse_proxy 127.0.0.1:8080"),
    );
    text + "\n"
}
