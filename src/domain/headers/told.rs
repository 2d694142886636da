//! What every request of one user at one application carries, whatever the request is: worked out once per session.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use http::HeaderName;

use super::name;
use super::owned::Owned;
use super::plan::IdentityHeaders;
use crate::domain::decision::Header;

/// The headers of one user, and the names that are removed because they have no value or look like one of them.
#[derive(Default)]
pub struct Told {
    set: Vec<Header>,
    /// Where in `set` the headers begin that stand in this user's claims alone.
    of_claims: usize,
    look_alikes: Arc<[HeaderName]>,
    remove: Vec<HeaderName>,
    blank: Range<usize>,
    rendered: OnceLock<Box<[u8]>>,
}

impl Told {
    /// Sets what there is, removes what there is not. A name in both lists would be removed by Envoy.
    pub(super) fn new(headers: IdentityHeaders, owned: &Owned) -> Self {
        let IdentityHeaders { planned: mut set, additional } = headers;
        let unknown = additional.iter().filter(|(name, _)| !owned.covers(name.as_str()));
        let mut remove: Vec<_> = unknown.flat_map(|(name, _)| name::look_alikes(name.as_str())).collect();
        let of_claims = set.len();
        set.extend(additional);
        set.shrink_to_fit();
        let first = remove.len();
        remove.extend(owned.names().iter().filter(|name| !set.iter().any(|(set, _)| set == *name)).cloned());
        remove.shrink_to_fit();
        let blank = first..remove.len();
        Self { set, of_claims, look_alikes: Arc::clone(owned.look_alikes()), remove, blank, rendered: OnceLock::new() }
    }

    /// Request headers to set.
    #[must_use]
    pub fn set(&self) -> &[Header] {
        &self.set
    }

    /// Request headers to remove; none of them is also set.
    pub fn remove(&self) -> impl Iterator<Item = &str> {
        self.look_alikes.iter().chain(&self.remove).map(HeaderName::as_str)
    }

    /// Whether a header of this name is removed from every request of this user.
    pub(super) fn removes(&self, name: &str) -> bool {
        self.remove().any(|removed| name::same(removed, name))
    }

    /// Those of them that the application knows and that have no value.
    #[must_use]
    pub fn blank(&self) -> &[HeaderName] {
        self.remove.get(self.blank.clone()).unwrap_or_default()
    }

    /// What the one door that writes answers in bytes makes of it, written once and kept.
    pub fn rendered(&self, render: impl FnOnce(&Self) -> Vec<u8>) -> &[u8] {
        self.rendered.get_or_init(|| render(self).into_boxed_slice())
    }

    /// Whether a header of this name is set.
    pub(super) fn sets(&self, name: &str) -> bool {
        self.set.iter().any(|(set, _)| name::same(set.as_str(), name))
    }

    /// Whether a name, once folded, is one of the user's claims' own.
    pub(super) fn resembles(&self, name: &str) -> bool {
        let of_claims = self.set.get(self.of_claims..).unwrap_or_default();
        of_claims.iter().any(|(set, _)| name::same_folded(set.as_str(), name))
    }
}

/// Values may be tokens and passwords.
impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.set.iter().map(|(name, _)| name)).finish()
    }
}
