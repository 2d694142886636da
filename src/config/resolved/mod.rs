//! Converts the raw configuration to settings: the settings of every module, checked together.

mod access_rules;
mod admin;
pub(super) mod applications;
mod audit;
mod authentik;
mod authorization;
mod client_authentication;
mod cookie;
mod credentials;
mod end_session;
mod foreign_issuers;
mod forward_auth;
mod identity_headers;
mod issuer;
mod listen;
mod pages;
mod provider_endpoints;
mod provider_network;
mod proxy;
mod refresh;
mod relying_party;
mod resource_metadata;
mod session;
mod settings;
mod shared_store;
mod tenants;
mod token_algorithms;
mod traces;

pub use session::UNPLACED_SESSION_FILE;

use super::raw::File;
use super::reader::Reader;
use crate::server::{Authentik, Config};

/// Everything that a start needs; `None` when there were diagnostics.
pub(super) fn config(written: &File, reader: &mut Reader<'_>) -> Option<Config> {
    // Each part is read before the first `?`, so that no diagnostic hides another.
    let applications = applications::applications(written, reader);
    let listen = listen::listen(&written.listen.value, reader);
    let tls = listen::tls(&written.tls.value, reader);
    let admin_tls = admin::admin_tls(&written.admin.value, &written.listen.value, reader);
    let forward_auth = forward_auth::forward_auth(&written.forward_auth, listen.as_ref(), reader);
    let session = session::session(&written.session.value, reader);
    let log = settings::log(&written.log.value, reader);
    let traces = traces::traces(&written.traces, reader);
    let audit = audit::audit(&written.audit, &written.session.value, reader);
    let refreshes_sessions = refresh::refreshes_sessions(written, reader);
    let provider = settings::provider(&written.provider, refreshes_sessions, reader);
    let outpost_name = settings::outpost_name(&written.outpost.value, reader);
    let pages = pages::design(&written.pages.value, reader);
    let limits = settings::limits(&written.limits.value, &written.session.value, reader);
    let authentik = authentik::authentik(written, session.as_ref(), reader);
    let (store, sealing, lifetimes) = session?;
    let (mut authentik, mut provider) = (authentik?, provider?);
    if let Some(Authentik { connection, .. }) = &mut authentik {
        // Tokens, keys and claims come from the same server, behind the same certificate.
        connection.ca_certificates = provider.ca_certificates.clone();
        provider.insecure = connection.insecure;
    }
    Some(Config {
        applications: applications?,
        listen: listen?,
        tls: tls?,
        admin_tls: admin_tls?,
        forward_auth: forward_auth?,
        store,
        sealing,
        lifetimes,
        outpost_name: outpost_name?,
        pages: pages?,
        log: log?,
        traces: traces?,
        audit: audit?,
        provider,
        authentik,
        limits: limits?,
        shutdown: settings::shutdown(&written.shutdown.value),
    })
}
