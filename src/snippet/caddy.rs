//! Caddy: a Caddyfile with a block for each site.

use super::address::Address;
use super::pieces::{distinct, each, parts, with};
use super::place::{Place, sites};

const SHIPPED: &str = include_str!("../../envoy/forward-auth/caddy/Caddyfile");

pub(super) fn print(places: &[Place<'_>], gatepost: &Address) -> String {
    let blocks: Vec<String> = sites(places).iter().map(|site| block(site, gatepost)).collect();
    format!("# For Caddy: a Caddyfile, or a part of one\n{}", blocks.join("\n"))
}

fn block(site: &[&Place<'_>], gatepost: &Address) -> String {
    let Some(first) = site.first() else { return String::new() };
    let (_, of_no_client, _) = parts(SHIPPED, "\t# Nobody but Gatepost", "\n\t# Questions are Caddy's");
    let owned = distinct(site.iter().flat_map(|place| place.further_owned()));
    let owned = each(owned, |name| format!("\trequest_header -{name}\n"));
    let handles = each(site, |place| format!("\n{}", handles(place, gatepost)));
    [&first.origin(), " {\n", of_no_client, &owned, &handles, "}\n"].concat()
}

fn handles(place: &Place<'_>, gatepost: &Address) -> String {
    let (_, shipped, _) = parts(SHIPPED, "\t# Questions are Caddy's", "\n}\n");
    let names = each(place.copied(), |name| format!("\t\t\t\t{name}\n"));
    let path = place.path;
    let all = if path.is_empty() { "\thandle {\n".to_owned() } else { format!("\thandle {path}* {{\n") };
    let text = with(shipped, "\t\t\t\tX-authentik-username\n", "\t\t\t}\n", &names)
        .replace("\thandle {\n", &all)
        .replace("handle /outpost.goauthentik.io/", &format!("handle {path}/outpost.goauthentik.io/"))
        .replace("127.0.0.1:9000", &gatepost.to_string())
        .replace(
            "reverse_proxy 127.0.0.1:8080",
            &format!("# `{}` itself\n\t\treverse_proxy 127.0.0.1:8080", place.slug),
        );
    text + "\n"
}
