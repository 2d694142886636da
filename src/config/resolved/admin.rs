//! Which clients may list and end sessions: programs on this machine, or holders of a certificate.

use super::listen::tls_identity;
use crate::config::reader::Reader;
use crate::config::{raw, secret_file};
use crate::inbound::connections::MutualTls;

/// The certificates, when they are given; the outer `None` says that there were diagnostics.
#[expect(
    clippy::option_option,
    reason = "the outer `None` is a setting that could not be read, the inner one a setting that is not given"
)]
pub(super) fn admin_tls(
    written: &raw::Admin,
    listen: &raw::Listen,
    reader: &mut Reader<'_>,
) -> Option<Option<MutualTls>> {
    let address = &listen.admin;
    let slots = [&written.certificate_file, &written.private_key_file, &written.client_ca_file]
        .map(|slot| (slot, slot.given()));
    let absent = slots.iter().all(|(slot, _)| slot.is_absent());
    match address.value.0 {
        Some(listener) if absent && !listener.ip().is_loopback() => {
            let problem = "every program that can connect to this address could list and end sessions";
            let help = "write 127.0.0.1:9302, or add the section `admin` with its three files";
            reader.fault(&address.location, problem, help);
            None
        }
        Some(_) | None if absent => Some(None),
        None => {
            let (_, first) = slots.iter().find(|(_, given)| given.is_some())?;
            let help = "enable `listen.admin`, or remove the section `admin`";
            reader.fault(&first.as_ref()?.location, "it has no effect while `listen.admin` is off", help);
            None
        }
        Some(_) => certificates(written, reader).map(Some),
    }
}

/// All three files; otherwise a diagnostic is recorded.
fn certificates(written: &raw::Admin, reader: &mut Reader<'_>) -> Option<MutualTls> {
    let raw::Admin { certificate_file, private_key_file, client_ca_file } = written;
    let names = ["certificate_file", "private_key_file", "client_ca_file"];
    let slots = [certificate_file, private_key_file, client_ca_file];
    if let Some(location) = slots.iter().find_map(|slot| slot.given()).map(|given| given.location.clone()) {
        let missing: Vec<&str> =
            names.iter().zip(slots).filter(|(_, slot)| slot.is_absent()).map(|(name, _)| *name).collect();
        if !missing.is_empty() {
            let help = format!("add `{}`", missing.join("` and `"));
            reader.fault(&location, "mutual TLS requires all three files", help);
            return None;
        }
    }
    let authorities = client_ca_file.given().map(|file| (file, secret_file::bytes(file, reader)));
    let identity = tls_identity(certificate_file.given()?, private_key_file.given()?, reader);
    let (file, authorities) = authorities?;
    MutualTls::new(identity?, &authorities?)
        .map_err(|fault| {
            let problem = format!("{}: {fault}", reader.shown(file));
            reader.fault(&file.location, problem, "give certificates as PEM");
        })
        .ok()
}
