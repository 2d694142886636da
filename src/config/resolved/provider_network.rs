//! The way to the provider: a forward proxy, and addresses other than those that browsers use.

use url::Url;

use super::provider_endpoints::optional;
use crate::config::diagnostic::Location;
use crate::config::raw::Application;
use crate::config::reader::{Reader, Setting, Spanned};
use crate::outbound::provider::ProviderProxy;

const HTTPS_PROXY: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// The forward proxy; the outer `None` says that there were diagnostics.
#[expect(
    clippy::option_option,
    reason = "the outer `None` is a setting that could not be read, the inner one a setting that is not given"
)]
pub(super) fn proxy(
    written: &Setting<String>,
    section: &Location,
    reader: &mut Reader<'_>,
) -> Option<Option<ProviderProxy>> {
    let Spanned { location, value } = match written {
        Setting::Faulty => return None,
        Setting::Absent => {
            if let Some((name, _)) = variable(HTTPS_PROXY, reader) {
                let problem = format!("{name} is set, and requests to providers do not use it");
                let help = "write `proxy: environment` to use it, or `proxy: none`";
                reader.warn(&section.inside("proxy"), problem, help);
            }
            return Some(None);
        }
        Setting::Given(written) => written,
    };
    let (url, problem, exceptions) = match value.as_str() {
        "none" => return Some(None),
        "environment" => {
            let Some((name, text)) = variable(HTTPS_PROXY, reader) else { return Some(None) };
            let exceptions = variable(NO_PROXY, reader).map(|(_, exceptions)| exceptions);
            // `proxy:3128` is usual there.
            let text = if text.contains("://") { text } else { format!("http://{text}") };
            (address(&text), format!("the address of a proxy in {name} cannot be used"), exceptions)
        }
        text => (address(text), "it is not the address of a proxy".to_owned(), None),
    };
    if url.is_none() {
        let help = "write it like http://proxy.example.com:3128, or `environment`, or `none`";
        reader.fault(location, problem, help);
    }
    url.map(|url| Some(ProviderProxy::new(url, exceptions)))
}

/// The first of these variables that is set.
fn variable(names: [&'static str; 2], reader: &Reader<'_>) -> Option<(&'static str, String)> {
    let set = names.into_iter().find_map(|name| Some((name, (reader.environment)(name)?)));
    set.filter(|(_, value)| !value.trim().is_empty()).map(|(name, value)| (name, value.trim().to_owned()))
}

fn address(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let has_path = !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && !has_path).then_some(url)
}

/// Where the metadata is, and where the endpoints are asked.
pub(super) struct Detours {
    pub(super) discovery_url: Option<Url>,
    pub(super) backchannel_base: Option<Url>,
}

/// The addresses that are given beside the issuer's; on `None` diagnostics have been recorded.
pub(super) fn detours(written: &Application, has_endpoints: bool, reader: &mut Reader<'_>) -> Option<Detours> {
    let mut sound = true;
    for setting in [&written.discovery_url, &written.backchannel_base] {
        if let (Some(given), true) = (setting.given(), has_endpoints) {
            let problem = "it has no effect beside `authorization_endpoint`, which replaces the discovery document";
            reader.fault(&given.location, problem, "remove one of the two");
            sound = false;
        }
    }
    let discovery_url = optional(&written.discovery_url, reader);
    let backchannel_base = optional(&written.backchannel_base, reader);
    if let (Some(Some(url)), Some(given)) = (&backchannel_base, written.backchannel_base.given())
        && (url.path() != "/" || url.query().is_some())
    {
        reader.fault(&given.location, "it has a path or a query", "write scheme, host and port only");
        sound = false;
    }
    let (discovery_url, backchannel_base) = (discovery_url?, backchannel_base?);
    sound.then_some(Detours { discovery_url, backchannel_base })
}
