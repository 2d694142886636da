//! Forward auth over HTTP: its settings, and the front proxies that are trusted.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::config::diagnostic::Location;
use crate::config::raw;
use crate::config::reader::{Reader, Setting, Spanned};
use crate::domain::application::endpoints::Prefixes;
use crate::inbound::forward_auth::{Dialect, ForwardAuthSettings, TrustedProxies};
use crate::server::Listen;

/// The settings, when the section is present; the outer `None` says that there were diagnostics.
#[expect(
    clippy::option_option,
    reason = "the outer `None` is a setting that could not be read, the inner one a setting that is not given"
)]
pub(super) fn forward_auth(
    written: &Setting<raw::ForwardAuth>,
    listen: Option<&Listen>,
    reader: &mut Reader<'_>,
) -> Option<Option<ForwardAuthSettings>> {
    let Spanned { location, value: section } = match written {
        Setting::Absent => return Some(None),
        Setting::Faulty => return None,
        Setting::Given(section) => section,
    };
    let heard = is_heard(location, listen, reader);
    let dialects = dialects(&section.dialects, reader);
    let trusted = trusted(&section.trusted_proxies, reader);
    let settings = ForwardAuthSettings { dialects: dialects?, trusted: trusted? };
    heard.then_some(Some(settings))
}

/// The path prefixes of the sign-in endpoints.
pub(super) fn prefixes(written: &Setting<raw::ForwardAuth>) -> Prefixes {
    Prefixes::new(written.given().is_some_and(|section| section.value.legacy_prefix.value))
}

fn is_heard(location: &Location, listen: Option<&Listen>, reader: &mut Reader<'_>) -> bool {
    let heard = listen.is_none_or(|listen| listen.http.is_some() || listen.https.is_some());
    if !heard {
        reader.fault(
            location,
            "`listen.http` and `listen.https` are both off, so no subrequest can arrive",
            "enable one of them",
        );
    }
    heard
}

fn dialects(written: &Setting<Vec<Spanned<Dialect>>>, reader: &mut Reader<'_>) -> Option<Vec<Dialect>> {
    let Spanned { location, value } = written.given()?;
    if value.is_empty() {
        reader.fault(location, "the list is empty", "list your front proxy, or remove the section `forward_auth`");
        return None;
    }
    let mut dialects = Vec::new();
    let mut sound = true;
    for Spanned { location, value } in value {
        if dialects.contains(value) {
            reader.fault(location, "it is listed twice", "remove it");
            sound = false;
        }
        dialects.push(*value);
    }
    sound.then_some(dialects)
}

fn trusted(written: &Setting<Vec<Spanned<String>>>, reader: &mut Reader<'_>) -> Option<TrustedProxies> {
    let Spanned { location, value } = written.given()?;
    if value.is_empty() {
        reader.fault(
            location,
            "the list is empty, so every subrequest would be refused",
            "list the addresses of your front proxies",
        );
        return None;
    }
    networks(value, FRONT_PROXIES, reader).map(TrustedProxies::new)
}

/// What is wrong with a network of all addresses, and what to write instead.
pub(super) type TooMany = (&'static str, &'static str);

pub(super) const FRONT_PROXIES: TooMany =
    ("it contains every address, so every client would be trusted", "list the addresses of your front proxies");

/// Parses the whole list, so that no diagnostic hides another.
pub(super) fn networks(written: &[Spanned<String>], too_many: TooMany, reader: &mut Reader<'_>) -> Option<Vec<IpNet>> {
    let networks: Vec<Option<IpNet>> = written.iter().map(|text| network(text, too_many, reader)).collect();
    networks.into_iter().collect()
}

/// An address, or a network in its canonical notation.
fn network(written: &Spanned<String>, too_many: TooMany, reader: &mut Reader<'_>) -> Option<IpNet> {
    let Spanned { location, value } = written;
    let Some(network) = value.parse::<IpNet>().ok().or_else(|| value.parse::<IpAddr>().ok().map(IpNet::from)) else {
        let help = "write it like 10.0.0.5, 10.1.0.0/16 or fd00::/8";
        reader.fault(location, "it is neither an address nor a network", help);
        return None;
    };
    let is_mapped = matches!(network, IpNet::V6(network) if network.addr().to_ipv4_mapped().is_some());
    let (problem, help) = if network.prefix_len() == 0 {
        (too_many.0, too_many.1.to_owned())
    } else if network != network.trunc() {
        ("the address has bits outside of its prefix", format!("write {}, or the address alone", network.trunc()))
    } else if is_mapped {
        ("an IPv4-mapped IPv6 address never matches", "write it as IPv4".to_owned())
    } else {
        return Some(network);
    };
    reader.fault(location, problem, help);
    None
}
