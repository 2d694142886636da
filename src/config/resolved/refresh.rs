//! Whether sessions are refreshed with refresh tokens.

use crate::config::raw;
use crate::config::reader::Reader;

/// `session.refresh`. Without it refresh tokens are not stored, so a scope that requests one is a fault.
pub(super) fn refreshes_sessions(written: &raw::File, reader: &mut Reader<'_>) -> bool {
    let refreshes = written.session.value.refresh.value;
    let applications =
        written.applications.given().into_iter().flat_map(|list| &list.value).map(|application| &application.value);
    let offline = applications.flat_map(|application| &application.scopes.value);
    for scope in offline.filter(|scope| !refreshes && scope.value == "offline_access") {
        let problem = "it requests a refresh token, which `session.refresh: false` disables";
        reader.fault(&scope.location, problem, "remove the scope, or `session.refresh`");
    }
    refreshes
}
