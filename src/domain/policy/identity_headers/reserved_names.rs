//! The names that Gatepost owns, in every spelling. A backend may fold names (CGI turns `-`, `_` and `.` into one), so
//! every name that resembles an owned one is removed as well.

use std::sync::Arc;

use super::name::{self, HeaderName, folds_to, folds_to_beginning};

/// Folded prefixes that only Gatepost may use, and the name by which a client could control Envoy.
const OWNED_PREFIXES: [&str; 2] = ["x-authentik-", "x-gatepost-"];
const STEERING: &str = "x-envoy-original-dst-host";

/// The names that Gatepost owns on every request to one application.
#[derive(Clone, Debug, Default)]
pub(super) struct ReservedNames {
    names: Vec<http::HeaderName>,
    /// Removed even if not seen, in case the front proxy sends Gatepost only some headers.
    look_alikes: Arc<[http::HeaderName]>,
    /// The names that no prefix covers, folded.
    beyond_prefixes: Vec<String>,
}

impl ReservedNames {
    /// Computes every look-alike once. Several names may fold to one; all of them are owned.
    pub(super) fn new(all: impl IntoIterator<Item = HeaderName>) -> Self {
        let (mut names, mut look_alikes, mut beyond_prefixes) =
            (Vec::new(), Vec::<http::HeaderName>::new(), Vec::new());
        for name in all {
            if names.contains(&name.to_http()) {
                continue;
            }
            if !OWNED_PREFIXES.iter().any(|prefix| folds_to_beginning(name.as_str(), prefix)) {
                beyond_prefixes.push(name.folded());
            }
            look_alikes.extend(name::look_alikes(name.as_str()));
            names.push(name.to_http());
        }
        look_alikes.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        look_alikes.dedup();
        look_alikes.retain(|name| !names.contains(name));
        Self { names, look_alikes: look_alikes.into(), beyond_prefixes }
    }

    /// The names themselves; each is set or removed.
    pub(super) fn names(&self) -> &[http::HeaderName] {
        &self.names
    }

    /// Other spellings of these names; they are always removed.
    pub(super) fn look_alikes(&self) -> &Arc<[http::HeaderName]> {
        &self.look_alikes
    }

    /// Whether a name, once folded, is owned or controls Envoy.
    pub(super) fn covers(&self, name: &str) -> bool {
        OWNED_PREFIXES.iter().any(|prefix| folds_to_beginning(name, prefix))
            || folds_to(name, STEERING)
            || self.beyond_prefixes.iter().any(|folded| folds_to(name, folded))
    }
}
