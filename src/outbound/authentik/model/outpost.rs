//! The outpost, as `GET /outposts/instances/` describes it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::fields::{or_default, text, whole_or_zero};

/// The mark of the outpost that runs inside authentik's own server.
const EMBEDDED: &str = "goauthentik.io/outposts/embedded";
/// The interval where authentik names none.
const DEFAULT_REFRESH: Duration = Duration::from_secs(300);
const SHORTEST_REFRESH: Duration = Duration::from_secs(30);

/// An outpost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outpost {
    /// Its identifier, a UUID.
    pub pk: OutpostId,
    /// Its name: `X-authentik-meta-outpost`.
    pub name: String,
    /// `proxy`; other types need another program.
    #[serde(rename = "type")]
    pub kind: String,
    /// The interval of refreshes in seconds, as authentik names it; see [`refresh_interval`](Self::refresh_interval).
    #[serde(default, deserialize_with = "whole_or_zero")]
    refresh_interval_s: i64,
    /// Its configuration.
    #[serde(default, deserialize_with = "or_default")]
    pub config: OutpostConfig,
    #[serde(default, deserialize_with = "text")]
    managed: Option<String>,
}

impl Outpost {
    /// The interval at which the applications are read anew.
    #[must_use]
    pub fn refresh_interval(&self) -> Duration {
        match u64::try_from(self.refresh_interval_s) {
            Ok(0) | Err(_) => DEFAULT_REFRESH,
            Ok(seconds) => Duration::from_secs(seconds).max(SHORTEST_REFRESH),
        }
    }

    /// Whether it is the outpost that authentik's own server runs.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.managed.as_deref() == Some(EMBEDDED)
    }
}

/// What an outpost reads of its own configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutpostConfig {
    /// The address of authentik for browsers; decides only for the embedded outpost.
    #[serde(default, deserialize_with = "text")]
    pub authentik_host: Option<String>,
    /// The log level that authentik asks for.
    #[serde(default, deserialize_with = "text")]
    pub log_level: Option<String>,
}

/// The identifier of an outpost; it becomes part of addresses, so it is a UUID and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OutpostId(String);

impl OutpostId {
    /// The UUID as authentik writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<OutpostId> for String {
    fn from(id: OutpostId) -> Self {
        id.0
    }
}

impl TryFrom<String> for OutpostId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if is_uuid(&text) { Ok(Self(text)) } else { Err("it is not a UUID") }
    }
}

/// Whether this is the text form of a UUID (RFC 9562 section 4).
pub(super) fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
