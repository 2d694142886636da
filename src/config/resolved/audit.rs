//! Where the audit stream goes: a file or a socket.

use std::path::Path;

use super::session::default_path;
use crate::config::raw;
use crate::config::reader::{Reader, Setting, Spanned};
use crate::outbound::audit::AuditSettings;

/// `Some(None)` without the section.
#[expect(clippy::option_option, reason = "the outer one says whether there was a complaint, as everywhere here")]
pub(super) fn audit(
    written: &Setting<raw::Audit>,
    session: &raw::Session,
    reader: &mut Reader<'_>,
) -> Option<Option<AuditSettings>> {
    let Spanned { location, value } = match written {
        Setting::Absent => return Some(None),
        Setting::Faulty => return None,
        Setting::Given(section) => section,
    };
    match (&value.file, &value.socket) {
        (Setting::Given(file), Setting::Absent) if is_of_sessions(&file.value, session, reader) => {
            let help = "give the events a file of their own";
            reader.fault(
                &file.location,
                "it is the file of the sessions or of their key, which events would destroy",
                help,
            );
            None
        }
        (Setting::Given(file), Setting::Absent) => Some(Some(AuditSettings::File(file.value.clone()))),
        (Setting::Absent, Setting::Given(socket)) => Some(Some(AuditSettings::Socket(socket.value.clone()))),
        (Setting::Absent, Setting::Absent) => {
            reader.fault(location, "it does not say where the events go", "add `file` or `socket`");
            None
        }
        (Setting::Given(_), Setting::Given(socket)) => {
            let help = "remove `file` or `socket`; a collector can read the file, too";
            reader.fault(&socket.location, "the events go to one place only, and `file` is given as well", help);
            None
        }
        (Setting::Faulty, _) | (_, Setting::Faulty) => None,
    }
}

/// Whether it is the session file, one beside it, or the file of a sealing key.
fn is_of_sessions(file: &Path, session: &raw::Session, reader: &Reader<'_>) -> bool {
    let store = session.path.given().map_or_else(|| default_path(reader), |path| path.value.clone());
    let is_beside = |suffix: &str| {
        let mut name = store.clone().into_os_string();
        name.push(suffix);
        file == Path::new(&name)
    };
    let is_key = session.sealing_key_file.given().is_some_and(|key| key.value == file);
    is_key || ["", ".key", "-wal", "-shm"].into_iter().any(is_beside)
}
