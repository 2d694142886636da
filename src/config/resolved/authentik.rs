//! authentik as the source of the applications.

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::{forward_auth, identity_headers};
use crate::config::authentik::{ProviderMapping, Unresolved, resolve};
use crate::config::raw::{self, File};
use crate::config::reader::{Reader, Setting, Spanned};
use crate::config::secret_file;
use crate::domain::session::Lifetimes;
use crate::outbound::authentik::{AddressFault, BrowserAddress, ConnectionSettings, ServerAddress, is_token};
use crate::outbound::store::StoreSettings;
use crate::server::{Authentik, Sealing};

/// The name of the file with the last answer, beside the file of the sessions.
const ANSWER_FILE: &str = "authentik-answer";

/// The settings, when the section is present; the outer `None` says that there were diagnostics.
#[expect(
    clippy::option_option,
    reason = "the outer `None` is a setting that could not be read, the inner one a setting that is not given"
)]
pub(super) fn authentik(
    file: &File,
    session: Option<&(StoreSettings, Sealing, Lifetimes)>,
    reader: &mut Reader<'_>,
) -> Option<Option<Authentik>> {
    let section = match &file.authentik {
        Setting::Absent => return Some(None),
        Setting::Faulty => return None,
        Setting::Given(section) => section,
    };
    let written = &section.value;
    let host = written.host.given().and_then(|host| address(host, ServerAddress::parse, reader));
    let host_browser = match &written.host_browser {
        Setting::Absent => Some(None),
        Setting::Faulty => None,
        Setting::Given(host) => address(host, BrowserAddress::parse, reader).map(Some),
    };
    let token = token(section, reader);
    if written.insecure.value {
        let problem = "the certificate of authentik is not verified, so anybody on the way can read the token and the client secrets";
        reader.warn(&written.insecure.location, problem, "name its authority in `provider.ca_file` instead");
    }
    let (host, host_browser, token) = (host?, host_browser?, token?);
    let prefixes = forward_auth::prefixes(&file.forward_auth);
    let budget = identity_headers::budget(&file.limits.value.identity_headers.value);
    let overlays = written.applications.given().map(|overlays| overlays.value.0.clone()).unwrap_or_default();
    let mapping = ProviderMapping::new(&host, host_browser, prefixes, budget).with_overlays(overlays, reader)?;
    let connection = ConnectionSettings { insecure: written.insecure.value, ..ConnectionSettings::new(host, token) };
    Some(Some(Authentik { connection, answer_file: answer_file(session?, reader), mapping: Arc::new(mapping) }))
}

fn address<T>(
    written: &Spanned<String>,
    parse: fn(&str) -> Result<T, AddressFault>,
    reader: &mut Reader<'_>,
) -> Option<T> {
    parse(&written.value).map_err(|fault| reader.fault(&written.location, fault.to_string(), fault.help())).ok()
}

fn token(
    Spanned { location, value: written }: &Spanned<raw::Authentik>,
    reader: &mut Reader<'_>,
) -> Option<SecretString> {
    if written.token.is_absent() && written.token_file.is_absent() {
        let help = "add `token: ${AUTHENTIK_TOKEN}` or `token_file`";
        reader.fault(&location.inside("token"), "there is no token", help);
        return None;
    }
    let Spanned { location, value } = secret_file::either(&written.token, &written.token_file, reader)?;
    let written = value;
    let value = match resolve(written.expose_secret(), reader.environment, &mut reader.files) {
        Ok(value) => value,
        Err(Unresolved { problem, help }) => {
            reader.fault(&location, problem, help);
            return None;
        }
    };
    if value != written.expose_secret() {
        reader.digests.add_file(&location.key, value.as_bytes());
    }
    if !is_token(&value) {
        let problem = "it contains blanks or other characters that no token has";
        reader.fault(&location, problem, "copy the token of the outpost from authentik again");
        return None;
    }
    Some(value.into())
}

/// Where the last answer is kept: beside the sessions, which are lost with their folder, too. Without a sealing key that
/// outlasts the process, it could not be read again.
fn answer_file(session: &(StoreSettings, Sealing, Lifetimes), reader: &Reader<'_>) -> Option<PathBuf> {
    match session {
        (StoreSettings::File { path }, ..) => Some(path.with_file_name(ANSWER_FILE)),
        (StoreSettings::Memory, Sealing::BesideStore, _) => None,
        (StoreSettings::Memory | StoreSettings::Redis(_), ..) => {
            Some(super::session::default_path(reader).with_file_name(ANSWER_FILE))
        }
    }
}
