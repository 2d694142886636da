//! Listeners and their TLS certificate.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::config::diagnostic::Location;
use crate::config::reader::{Reader, Setting, Spanned};
use crate::config::{raw, secret_file};
use crate::inbound::side_listener::{TlsFault, TlsIdentity};
use crate::server::Listen;

pub(super) fn listen(written: &raw::Listen, reader: &mut Reader<'_>) -> Option<Listen> {
    let listen = Listen {
        grpc: written.grpc.value.0,
        http: written.http.value.0,
        https: written.https.value.0,
        metrics: written.metrics.value.0,
        admin: written.admin.value.0,
    };
    let all: [(&Location, Option<SocketAddr>); 5] = [
        (&written.grpc.location, Some(listen.grpc)),
        (&written.http.location, listen.http),
        (&written.https.location, listen.https),
        (&written.metrics.location, Some(listen.metrics)),
        (&written.admin.location, listen.admin),
    ];
    let mut sound = true;
    for (index, (location, address)) in all.iter().enumerate() {
        let same = |(earlier, other): &&(&Location, Option<SocketAddr>)| {
            earlier.key != location.key && address.zip(*other).is_some_and(|(one, other)| overlap(one, other))
        };
        if let Some((earlier, _)) = all.iter().take(index).find(same) {
            reader.fault(
                location,
                format!("{} uses this address already", earlier.key),
                "give each listener a port of its own",
            );
            sound = false;
        }
    }
    sound.then_some(listen)
}

/// Whether the second address could not be bound after the first. Port 0 always takes a free port.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let everywhere = |address: IpAddr| address.is_unspecified();
    one.port() != 0
        && one.port() == other.port()
        && (one.ip() == other.ip() || everywhere(one.ip()) || everywhere(other.ip()))
}

/// The certificates, the default first; none is given: an empty list. `None` says that there were diagnostics.
pub(super) fn tls(written: &raw::Tls, reader: &mut Reader<'_>) -> Option<Vec<TlsIdentity>> {
    let further: Vec<Option<TlsIdentity>> = written
        .certificates
        .value
        .iter()
        .map(|Spanned { value, .. }| {
            tls_identity(value.certificate_file.given()?, value.private_key_file.given()?, reader)
        })
        .collect();
    let default = match (&written.certificate_file, &written.private_key_file) {
        (Setting::Absent, Setting::Absent) if further.is_empty() => return Some(Vec::new()),
        (Setting::Absent, Setting::Absent) => {
            let problem = "there is no certificate for clients whose server name matches none of these";
            reader.fault(&written.certificates.location, problem, "add `certificate_file` and `private_key_file`");
            return None;
        }
        (Setting::Given(certificate), Setting::Given(key)) => tls_identity(certificate, key, reader),
        (Setting::Given(certificate), Setting::Absent) => {
            reader.fault(&certificate.location, "a certificate needs its private key", "add `private_key_file`");
            return None;
        }
        (Setting::Absent, Setting::Given(key)) => {
            reader.fault(&key.location, "a private key needs its certificate", "add `certificate_file`");
            return None;
        }
        (Setting::Faulty, _) | (_, Setting::Faulty) => return None,
    };
    std::iter::once(default).chain(further).collect()
}

/// The certificate chain and the private key in these files; otherwise a diagnostic is recorded.
pub(super) fn tls_identity(
    certificate: &Spanned<PathBuf>,
    key: &Spanned<PathBuf>,
    reader: &mut Reader<'_>,
) -> Option<TlsIdentity> {
    let (chain, private_key) = (secret_file::bytes(certificate, reader), secret_file::bytes(key, reader));
    let fault = match TlsIdentity::from_pem(&chain?, &private_key?) {
        Ok(identity) => return Some(identity),
        Err(fault) => fault,
    };
    let file = if matches!(fault, TlsFault::PrivateKey(_)) { key } else { certificate };
    let problem = format!("{}: {fault}", reader.shown(file));
    reader.fault(&file.location, problem, "give a PEM certificate chain and its own private key");
    None
}
