//! Lifetimes of sessions and the attributes of cookies.

use crate::cli::import::lifetime::written;
use crate::cli::import::node::Placed;
use crate::cli::import::report::Report;
use crate::cli::yaml::Section;

/// The units of Authelia's durations, in seconds.
const UNITS: [(&str, u64); 21] = [
    ("y", 31_536_000),
    ("year", 31_536_000),
    ("years", 31_536_000),
    ("M", 2_592_000),
    ("month", 2_592_000),
    ("months", 2_592_000),
    ("w", 604_800),
    ("week", 604_800),
    ("weeks", 604_800),
    ("d", 86_400),
    ("day", 86_400),
    ("days", 86_400),
    ("h", 3_600),
    ("hour", 3_600),
    ("hours", 3_600),
    ("m", 60),
    ("minute", 60),
    ("minutes", 60),
    ("s", 1),
    ("second", 1),
    ("seconds", 1),
];

/// The settings of sessions.
pub(super) struct SessionSettings {
    pub(super) sections: Section,
    /// Those of each application.
    pub(super) application: Section,
}

pub(super) fn translate(session: Option<&Placed<'_>>, report: &mut Report) -> SessionSettings {
    let mut lifetimes = Section::default();
    let mut application = Section::default();
    let first = session.and_then(|session| session.get("cookies")?.one_or_more().into_iter().next());
    let setting = |name: &str| {
        let of_cookie = first.as_ref().and_then(|cookie| cookie.get(name));
        of_cookie.or_else(|| session?.get(name))
    };
    // The defaults of Authelia are 1 hour and 5 minutes.
    let absolute = lifetime(setting("expiration").as_ref(), 3_600, report);
    let idle = lifetime(setting("inactivity").as_ref(), 300, report);
    lifetimes.set("absolute_lifetime", written(absolute));
    lifetimes.set("idle_lifetime", written(idle.min(absolute)));
    if let Some(word @ ("strict" | "none")) = setting("same_site").as_ref().and_then(Placed::text) {
        application.set("cookie", Section::of("same_site", word));
    }
    for name in ["secret", "name", "remember_me"] {
        if let Some(value) = setting(name) {
            report.dropped(
                &value.place,
                "Gatepost makes its own keys and cookies, and every session has the same lifetimes",
            );
        }
    }
    if let Some(redis) = session.and_then(|session| session.get("redis")) {
        report.remains(
            &redis.place,
            "sessions are kept in a file here",
            "write `session.store: redis`, if replicas share them",
        );
    }
    SessionSettings { sections: Section::of("session", lifetimes), application }
}

/// Seconds; the default where nothing usable is given.
fn lifetime(written: Option<&Placed<'_>>, default: u64, report: &mut Report) -> u64 {
    let Some(written) = written else { return default };
    written.text().and_then(seconds).filter(|seconds| (60..=31_536_000).contains(seconds)).unwrap_or_else(|| {
        report.remains(
            &written.place,
            format!("it is no usable lifetime; here it is {default}s"),
            "correct it below `session`",
        );
        default
    })
}

/// A number of seconds, or numbers with units.
fn seconds(text: &str) -> Option<u64> {
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let (mut total, mut rest) = (0_u64, text.trim());
    while !rest.is_empty() {
        let (number, behind) = rest.split_at_checked(rest.find(|sign: char| !sign.is_ascii_digit())?)?;
        let behind = behind.trim_start();
        let end = behind.find(|sign: char| !sign.is_ascii_alphabetic()).unwrap_or(behind.len());
        let (unit, next) = behind.split_at_checked(end)?;
        let (_, factor) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(factor)?)?;
        rest = next.trim_start_matches([' ', ',']);
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_authelia_writes_them() {
        for (text, expected) in [
            ("3600", Some(3_600)),
            ("5m", Some(300)),
            ("5 minutes", Some(300)),
            ("1h30m", Some(5_400)),
            ("1 hour 30 minutes", Some(5_400)),
            ("1M", Some(2_592_000)),
            ("x", None),
            ("5 fortnights", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
