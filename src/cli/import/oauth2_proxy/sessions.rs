//! Lifetimes, cookies and the store of sessions.

use super::settings::Settings;
use crate::cli::import::application::ImportedApplication;
use crate::cli::import::lifetime::written;
use crate::cli::import::report::Report;
use crate::cli::yaml::{Section, Value};

/// The default of `session.idle_lifetime`, in seconds.
const IDLE: u64 = 4 * 3600;

/// The section `session`.
pub(super) fn translate(
    settings: &mut Settings,
    application: &mut ImportedApplication,
    report: &mut Report,
) -> Section {
    cookie(settings, application, report);
    let mut session = Section::default();
    if let Some(setting) = settings.take("cookie_expire") {
        if let Some(seconds) = setting.text().and_then(seconds).filter(|seconds| *seconds >= 60) {
            session.set("absolute_lifetime", written(seconds));
            if seconds < IDLE {
                session.set("idle_lifetime", written(seconds));
            }
        } else {
            let help = "write `session.absolute_lifetime`";
            report.remains(&setting.place, "it is no lifetime of a minute or longer", help);
        }
    }
    store(settings, &mut session, report);
    session
}

fn cookie(settings: &mut Settings, application: &mut ImportedApplication, report: &mut Report) {
    if let Some(setting) = settings.take("cookie_samesite") {
        match setting.text() {
            Some(word @ ("strict" | "none")) => application.settings.set("cookie", Section::of("same_site", word)),
            Some("lax") => {}
            Some(_) | None => report.dropped(&setting.place, "cookies are `SameSite=Lax` here"),
        }
    }
    if let Some(setting) = settings.take("cookie_path").filter(|setting| setting.text() != Some("/")) {
        report.remains(
            &setting.place,
            "the path of cookies has to lie in that of `external_host`",
            "write `cookie.path`",
        );
    }
}

fn store(settings: &mut Settings, session: &mut Section, report: &mut Report) {
    let kind = settings.take("session_store_type");
    let url = settings.take("redis_connection_url");
    let (password, ca) = (settings.take("redis_password"), settings.take("redis_ca_path"));
    if kind.as_ref().and_then(|kind| kind.text()) != Some("redis") {
        return;
    }
    let Some(url) = url.as_ref() else {
        if let Some(kind) = &kind {
            report.remains(&kind.place, "Sentinel and Cluster are not taken over", "write `session.redis.url`");
        }
        return;
    };
    let text = url.text().unwrap_or_default();
    if text.contains('@') {
        report.remains(
            &url.place,
            "the address holds a password",
            "write `session.redis.url` and `session.redis.password`",
        );
        return;
    }
    session.set("store", "redis");
    session.comment("32 random bytes, the same at every replica: `openssl rand -base64 32`.");
    session.set("sealing_key", Value::Word("${GATEPOST_SEALING_KEY}".to_owned()));
    let mut redis = Section::of("url", text);
    if password.is_some() {
        redis.set("password", Value::Word("${GATEPOST_REDIS_PASSWORD}".to_owned()));
    }
    if let Some(ca) = &ca {
        report.remains(&ca.place, "the certificates are not taken over", "write `session.redis.ca_file`");
    }
    session.set("redis", redis);
}

/// The seconds of a duration as Go writes it, such as `168h0m0s`.
fn seconds(text: &str) -> Option<u64> {
    let (mut total, mut rest) = (0_u64, text);
    while !rest.is_empty() {
        let digits = rest.find(|sign: char| !sign.is_ascii_digit())?;
        let (number, behind) = rest.split_at_checked(digits)?;
        let unit = behind.chars().next()?;
        let factor = match unit {
            'h' => 3600,
            'm' if !behind.starts_with("ms") => 60,
            's' => 1,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(factor)?)?;
        rest = behind.get(1..)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_writes_them() {
        for (text, expected) in [
            ("168h0m0s", Some("168h")),
            ("90m", Some("1h30m")),
            ("1h30s", Some("1h30s")),
            ("15ms", None),
            ("1.5h", None),
            ("h", None),
            ("-1h", None),
            ("99999999999999999999h", None),
        ] {
            assert_eq!(seconds(text).map(written).as_deref(), expected, "{text}");
        }
    }
}
