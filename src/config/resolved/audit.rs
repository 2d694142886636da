//! Where the audit stream goes: a file or a socket.

use crate::config::raw;
use crate::config::reader::{Reader, Setting, Spanned};
use crate::outbound::audit::AuditSettings;

/// `Some(None)` without the section.
#[expect(clippy::option_option, reason = "the outer one says whether there was a complaint, as everywhere here")]
pub(super) fn audit(written: &Setting<raw::Audit>, reader: &mut Reader<'_>) -> Option<Option<AuditSettings>> {
    let Spanned { location, value } = match written {
        Setting::Absent => return Some(None),
        Setting::Faulty => return None,
        Setting::Given(section) => section,
    };
    match (&value.file, &value.socket) {
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
