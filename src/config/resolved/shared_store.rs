//! Redis: URL, credentials, TLS, and their combinations.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use crate::config::reader::{Reader, Setting, Spanned};
use crate::config::{raw, secret_file};
use crate::outbound::store::{Credentials, RedisSettings, RedisUrl, TlsSettings, Topology};

/// Less than the second after which Envoy gives up on a Check by default.
const LONGEST_COMMAND: Duration = Duration::from_secs(1);

pub(super) fn redis(written: &raw::Redis, reader: &mut Reader<'_>) -> Option<RedisSettings> {
    let url = url(written, reader);
    let credentials = credentials(written, url.as_ref(), reader);
    let sentinel_credentials = sentinel_credentials(written, url.as_ref(), reader);
    let tls = tls(written, url.as_ref(), reader);
    let key_prefix = key_prefix(&written.key_prefix, reader);
    let command_timeout = command_timeout(written, reader);
    let url = url?;
    Some(RedisSettings {
        topology: url.topology,
        database: url.database,
        credentials: credentials?,
        sentinel_credentials: sentinel_credentials?,
        tls: tls?,
        key_prefix: key_prefix?,
        connect_timeout: written.connect_timeout.value.0,
        command_timeout: command_timeout?,
        cache_bytes: u64::from(written.cache_size.value.0),
        outage_grace: written.outage_grace.value.0,
    })
}

fn url(written: &raw::Redis, reader: &mut Reader<'_>) -> Option<RedisUrl> {
    let Spanned { location, value } = written.url.given()?;
    match RedisUrl::parse(value) {
        Ok(url) => Some(url),
        Err(fault) => {
            reader.fault(location, fault.to_string(), fault.help());
            None
        }
    }
}

fn credentials(written: &raw::Redis, url: Option<&RedisUrl>, reader: &mut Reader<'_>) -> Option<Credentials> {
    let in_url = url.map(|url| url.credentials.clone()).unwrap_or_default();
    let beside = of_keys(&written.username, &written.password, &written.password_file, reader);
    let password = password_location(&written.password, &written.password_file);
    let mut sound = true;
    let twice = [
        (written.username.given().map(|username| &username.location), in_url.username.is_some(), "a user name"),
        (password, in_url.password.is_some(), "a password"),
    ];
    for (location, in_url, what) in twice {
        if let (Some(location), true) = (location, in_url) {
            reader.fault(location, format!("`url` contains {what}, too"), "keep one of the two");
            sound = false;
        }
    }
    let mut beside = beside?;
    beside.username = beside.username.or(in_url.username);
    beside.password = beside.password.or(in_url.password);
    if let (Some(_), None, Some(url)) = (&beside.username, &beside.password, written.url.given())
        && sound
    {
        let location = written.username.given().map_or(&url.location, |username| &username.location);
        reader.fault(location, "a user name requires a password", "add `password_file`");
        sound = false;
    }
    sound.then_some(beside)
}

fn sentinel_credentials(written: &raw::Redis, url: Option<&RedisUrl>, reader: &mut Reader<'_>) -> Option<Credentials> {
    let raw::Redis { sentinel_username, sentinel_password, sentinel_password_file, .. } = written;
    let credentials = of_keys(sentinel_username, sentinel_password, sentinel_password_file, reader)?;
    let username = sentinel_username.given().map(|username| &username.location);
    let password = password_location(sentinel_password, sentinel_password_file);
    let has_sentinels = url.is_none_or(|url| matches!(url.topology, Topology::Sentinel { .. }));
    let mut sound = true;
    for location in [username, password].into_iter().flatten().filter(|_| !has_sentinels) {
        reader.fault(location, "`url` names no sentinels", "remove the key, or write redis+sentinel://");
        sound = false;
    }
    if let (Some(location), None) = (username, &credentials.password) {
        reader.fault(location, "a user name requires a password", "add `sentinel_password_file`");
        sound = false;
    }
    sound.then_some(credentials)
}

fn of_keys(
    username: &Setting<String>,
    password: &Setting<SecretString>,
    file: &Setting<PathBuf>,
    reader: &mut Reader<'_>,
) -> Option<Credentials> {
    let absent = password.is_absent() && file.is_absent();
    let password = secret_file::either(password, file, reader).map(|Spanned { value, .. }| value);
    let sound = (absent || password.is_some()) && !matches!(username, Setting::Faulty);
    sound.then(|| Credentials { username: username.given().map(|username| username.value.clone()), password })
}

fn password_location<'a>(
    password: &'a Setting<SecretString>,
    file: &'a Setting<PathBuf>,
) -> Option<&'a crate::config::diagnostic::Location> {
    password.given().map(|password| &password.location).or_else(|| file.given().map(|file| &file.location))
}

/// Trusted authorities and client certificate; the outer `None` says that there were diagnostics.
#[expect(
    clippy::option_option,
    reason = "the outer `None` is a setting that could not be read, the inner one a setting that is not given"
)]
fn tls(written: &raw::Redis, url: Option<&RedisUrl>, reader: &mut Reader<'_>) -> Option<Option<TlsSettings>> {
    let raw::Redis { ca_file, client_certificate_file, client_key_file, .. } = written;
    let files = [ca_file, client_certificate_file, client_key_file];
    if files.iter().any(|file| matches!(file, Setting::Faulty)) {
        return None;
    }
    let mut sound = true;
    if url.is_some_and(|url| !url.tls) {
        for file in files.iter().filter_map(|file| file.given()) {
            reader.fault(
                &file.location,
                "it requires TLS, which `url` does not use",
                "write rediss:// in `url`, or remove the key",
            );
            sound = false;
        }
        return sound.then_some(None);
    }
    let alone = match (client_certificate_file, client_key_file) {
        (Setting::Given(certificate), Setting::Absent) => Some((certificate, "client_key_file")),
        (Setting::Absent, Setting::Given(key)) => Some((key, "client_certificate_file")),
        _ => None,
    };
    if let Some((file, other)) = alone {
        reader.fault(
            &file.location,
            "a client certificate and its private key must be set together",
            format!("add `{other}`"),
        );
        sound = false;
    }
    let contents = files.map(|file| file.given().map(|path| secret_file::bytes(path, reader)));
    if !sound || contents.iter().any(|content| matches!(content, Some(None))) {
        return None;
    }
    let [authorities, certificate, key] = contents.map(Option::flatten);
    let client = certificate.as_ref().zip(key.as_ref()).map(|(chain, key)| (chain.as_slice(), key.as_slice()));
    match TlsSettings::from_pem(authorities.as_ref().map(|pem| pem.as_slice()), client) {
        Ok(settings) => Some(Some(settings)),
        Err(fault) => {
            let location = files.iter().find_map(|file| file.given()).map(|file| &file.location)?;
            reader.fault(location, fault.to_string(), "give certificates and key as PEM");
            None
        }
    }
}

fn key_prefix(Spanned { location, value }: &Spanned<String>, reader: &mut Reader<'_>) -> Option<String> {
    let sound = value.len() <= 64 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":._-/".contains(&byte));
    if !sound {
        let help = "write at most 64 letters, digits and `:`, `.`, `_`, `-`, `/`";
        reader.fault(location, "the prefix is too long, or contains a character that is not allowed", help);
    }
    sound.then(|| value.clone())
}

fn command_timeout(written: &raw::Redis, reader: &mut Reader<'_>) -> Option<Duration> {
    let Spanned { location, value } = &written.command_timeout;
    let sound = value.0 < LONGEST_COMMAND;
    if !sound {
        reader.fault(location, "the time limit of a Check would end first", "write less than 1s");
    }
    sound.then_some(value.0)
}
