//! Mode `proxy`: the backend of an application, and the other backends that claims may name.

use crate::config::diagnostic::Location;
use crate::config::raw::{self, Application};
use crate::config::reader::{Reader, Setting, Spanned};
use crate::domain::http::Scheme;
use crate::domain::policy::backend::{AllowFault, Backend, BackendAllow, Backends};

/// The backends of an application in mode `proxy`.
pub(super) fn backends(written: &Application, reader: &mut Reader<'_>) -> Option<Backends> {
    let allow = allow(&written.backend_allow, reader);
    let own = own(written, reader)?;
    let allow = allow?;
    if let Setting::Given(Spanned { location, value: false }) = &written.internal_host_ssl_validation
        && own.scheme() == Scheme::Http
        && allow.is_empty()
    {
        let problem = "it has no effect, because no backend uses https";
        reader.fault(location, problem, "remove it, or write https in `internal_host`");
    }
    Some(Backends::new(own, allow))
}

/// Keys of mode `proxy` are a fault in every other mode: the front proxy knows its backends itself.
pub(super) fn refuse_in_other_modes(written: &Application, reader: &mut Reader<'_>) {
    if written.mode.value == raw::Mode::Proxy {
        return;
    }
    let mut refuse = |location: &Location| {
        reader.fault(location, "it has an effect in mode `proxy` only", "add `mode: proxy`, or remove it");
    };
    let _ = written.internal_host.given().map(|key| refuse(&key.location));
    let _ = written.internal_host_ssl_validation.given().map(|key| refuse(&key.location));
    let _ = written.backend_allow.given().map(|key| refuse(&key.location));
}

fn own(written: &Application, reader: &mut Reader<'_>) -> Option<Backend> {
    const HELP: &str = "write it like http://wiki.internal:8080";
    let Spanned { location, value } = match &written.internal_host {
        Setting::Given(host) => host,
        Setting::Faulty => return None,
        Setting::Absent => {
            let problem = "mode `proxy` needs an `internal_host`";
            reader.fault(&written.mode.location, problem, "add `internal_host: http://wiki.internal:8080`");
            return None;
        }
    };
    let check_certificate = written.internal_host_ssl_validation.given().is_none_or(|check| check.value);
    match Backend::parse(value, check_certificate) {
        Ok((own, "")) => Some(own),
        Ok(_) => {
            let problem = "the backend receives the path of the original request, so a path has no effect here";
            reader.fault(location, problem, "remove the path");
            None
        }
        Err(fault) => {
            reader.fault(location, fault.to_string(), HELP);
            None
        }
    }
}

fn allow(written: &Setting<Vec<Spanned<String>>>, reader: &mut Reader<'_>) -> Option<BackendAllow> {
    let listed = match written {
        Setting::Given(listed) => &listed.value,
        Setting::Absent => return Some(BackendAllow::default()),
        Setting::Faulty => return None,
    };
    let texts: Vec<&str> = listed.iter().map(|entry| entry.value.as_str()).collect();
    let faults = match BackendAllow::parse(&texts) {
        Ok(allow) => return Some(allow),
        Err(faults) => faults,
    };
    for (index, fault) in faults {
        if let Some(entry) = listed.get(index) {
            reader.fault(&entry.location, fault.to_string(), help(&fault));
        }
    }
    None
}

const fn help(fault: &AllowFault) -> &'static str {
    match fault {
        AllowFault::Host(_) => "write a host such as wiki.internal or wiki.internal:8443, without scheme and path",
        AllowFault::Suffix => "write it like .apps.internal",
        AllowFault::LocalSuffix => "list each name, such as wiki.localhost",
        AllowFault::Network => "write it like 10.0.0.0/8 or fd00::/8",
        AllowFault::HostBits(_) => "write the network, or the address alone",
        AllowFault::Mapped => "write it like 10.0.0.0/8",
    }
}
