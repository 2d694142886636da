//! The attributes of an application's cookies: only those that browsers accept together.

use crate::config::raw::Cookie;
use crate::config::reader::{Reader, Spanned};
use crate::domain::application::cookie_settings::{CookieSettings, SameSite};
use crate::domain::http::{ExternalHost, Scheme};

pub(super) fn cookie(
    Spanned { value: written, .. }: &Spanned<Cookie>,
    external: Option<&ExternalHost>,
    reader: &mut Reader<'_>,
) -> Option<CookieSettings> {
    let external = external?;
    let (same_site, partitioned) = (&written.same_site, &written.partitioned);
    let mut is_sound = true;
    if external.scheme() != Scheme::Https {
        let help = "write an https URL in `external_host`, or remove it";
        if same_site.value == SameSite::None {
            reader.fault(&same_site.location, "browsers accept `SameSite=None` over https only", help);
            is_sound = false;
        }
        if partitioned.value {
            reader.fault(&partitioned.location, "browsers accept `Partitioned` over https only", help);
            is_sound = false;
        }
    }
    if is_sound && partitioned.value && same_site.value != SameSite::None {
        let problem = "browsers do not send a partitioned cookie in a frame of another site without `same_site: none`";
        reader.warn(&partitioned.location, problem, "add `same_site: none`, or remove it");
    }
    let path = path(&written.path, external, reader)?;
    is_sound.then_some(CookieSettings { same_site: same_site.value, partitioned: partitioned.value, path })
}

/// `Some(None)` stands for `/`. Gatepost's own endpoints, which need the cookie, lie below the path of `external_host`.
#[expect(clippy::option_option, reason = "the outer one is a fault, the inner one the usual path")]
fn path(written: &Spanned<String>, external: &ExternalHost, reader: &mut Reader<'_>) -> Option<Option<String>> {
    let Spanned { location, value } = written;
    if value == "/" {
        return Some(None);
    }
    let path = value.strip_suffix('/').unwrap_or(value);
    let covers = external.path().strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if path.starts_with('/') && covers {
        return Some(Some(path.to_owned()));
    }
    let problem = "the session cookie would not be sent to every address of the application";
    let help = match external.path() {
        "" => "write `/`, or remove it: `external_host` has no path".to_owned(),
        whole => format!("write `/` or `{whole}`"),
    };
    reader.fault(location, problem, help);
    None
}
