//! Who caused an audit event: users, operators and the requests of clients.

use std::net::IpAddr;

use serde::Serialize;

use super::text::shortened;
use crate::domain::http::{RequestHead, Scheme};
use crate::domain::policy::identity::{self, Identity};
use crate::domain::session::SessionRecord;

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AuditUser {
    /// The name in logs and pages: `preferred_username`, else the subject.
    pub name: String,
    /// Subject (claim `sub`).
    pub subject: String,
    /// Issuer identifier (claim `iss`).
    pub issuer: String,
}

impl From<&SessionRecord> for AuditUser {
    fn from(record: &SessionRecord) -> Self {
        let name = identity::display_name(&record.claims, &record.user);
        Self { name: shortened(name), subject: record.user.subject.clone(), issuer: record.user.issuer.clone() }
    }
}

impl From<&Identity> for AuditUser {
    fn from(identity: &Identity) -> Self {
        let user = identity.user();
        Self { name: shortened(identity.name()), subject: user.subject.clone(), issuer: user.issuer.clone() }
    }
}

/// The request that caused an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AuditRequest {
    /// The id of the decision, as in the log, in Envoy's access log and on error pages.
    pub decision_id: String,
    /// The client's address as the front proxy reports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
    /// The method.
    pub method: String,
    /// The host, with its port where that is not the scheme's.
    pub host: String,
    /// The path without the query, as the client sent it; cut after 1024 characters.
    pub path: String,
}

impl AuditRequest {
    /// The request with this head, on which the decision `id` is made.
    #[must_use]
    pub fn new(head: &RequestHead, scheme: Scheme, id: &str) -> Self {
        Self {
            decision_id: id.to_owned(),
            client: head.client,
            method: shortened(&head.method),
            host: head.authority.to_text(scheme),
            path: shortened(head.target.raw_path()),
        }
    }
}

/// An operator, as the admin listener knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AuditOperator {
    /// The address of the connection's peer.
    pub address: IpAddr,
    /// The subject of the client certificate, with its DNS names in parentheses, where the listener requires one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}
